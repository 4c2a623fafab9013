import BenchSupport
import Foundation

/// A worker with a job server of its own, and the jobs that it gets.
struct WholeProgram {
    private let server: JobServer
    private let folder: String
    private let services: Int
    private static let function = "ipvs"
    private static let connections = 4

    /// Starts the job server.
    init(_ options: Options) throws {
        folder = (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp") + "/whole.\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        server = try JobServer(folder: folder)
        services = options.scaled(1000)
    }

    /// Prints for each job what the worker says that it took, in microseconds.
    func measure(_ program: String) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(filePath: folder + "/empty.conf"))
        let worker = try ChildProcess(
            [
                program, "--config-file", folder + "/empty.conf", "--driver", "ipvs", "--server", server.address, "--function",
                Self.function, "--concurrency", "\(Self.connections)", "--state-dir", folder + "/state",
            ], log: folder + "/worker.log")
        defer { worker.stop() }
        guard try waitUntil(seconds: 30, { try server.status(of: Self.function).workers >= Self.connections }) else {
            throw BenchFailure("the worker does not register")
        }
        // One service to begin with: then the kernel has what it loads, and the process has had a job.
        try submit("first", "UPDATE", services: 0..<1, weight: 1)
        try submit("fill", "UPDATE", services: 0..<services, weight: 1)
        try submit("same", "UPDATE", services: 0..<services, weight: 1)
        try submit("one", "CREATE", services: 0..<1, weight: 2)
    }

    private func submit(_ name: String, _ action: String, services: Range<Int>, weight: Int) throws {
        let job = folder + "/\(name).json"
        let loadBalancers = services.map { Self.loadBalancer($0, weight: weight) }.joined(separator: ",")
        try "{\"hpcs_action\":\"\(action)\",\"loadBalancers\":[\(loadBalancers)]}".write(toFile: job, atomically: false, encoding: .utf8)
        let port = server.address.split(separator: ":")[1]
        let before = try durations().count
        let client = try ChildProcess(
            ["sh", "-c", "exec gearman -h 127.0.0.1 -p \(port) -f \(Self.function) <\"$1\"", "sh", job],
            readsOutput: true)
        let (answer, status) = client.finish()
        guard status == 0, answer.contains("\"hpcs_response\": \"PASS\"") else {
            throw BenchFailure("the job '\(name)' is answered with \(answer.suffix(300))")
        }
        // The line comes when the answer is on its way.
        guard try waitUntil(seconds: 10, { try durations().count > before }), let duration = try durations().last else {
            throw BenchFailure("the worker does not say how long the job '\(name)' took")
        }
        print(name, duration * 1000)
    }

    /// What the jobs took by the worker's log, in milliseconds.
    private func durations() throws -> [Double] {
        try String(contentsOfFile: folder + "/worker.log", encoding: .utf8).split(separator: "\n").compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("ms=") }.flatMap { Double($0.dropFirst(3)) }
        }
    }

    private static func loadBalancer(_ number: Int, weight: Int) -> String {
        let nodes = (0..<10).map { node in
            let place = number * 10 + node + 1
            return
                "{\"id\":\"\(node)\",\"address\":\"172.16.\(place >> 8).\(place & 255)\",\"port\":8080,\"weight\":\(node == 0 ? weight : 1)}"
        }
        return """
            {"id":"lb\(number)","protocol":"TCP","address":"10.0.\((number + 1) >> 8).\((number + 1) & 255)","port":80,\
            "algorithm":"LEAST_CONNECTIONS","nodes":[\(nodes.joined(separator: ","))]}
            """
    }
}
