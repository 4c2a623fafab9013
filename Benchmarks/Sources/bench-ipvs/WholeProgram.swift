import BenchSupport
import Foundation

/// A worker with a job server of its own, and the jobs that it gets.
struct WholeProgram {
    private let folder: String
    private let worker: ServedWorker
    private let services: Int

    /// Starts both.
    init(_ options: Options) throws {
        folder = (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp") + "/whole.\(getpid())"
        worker = try ServedWorker(options.worker, driver: "ipvs", connections: 4, folder: folder)
        services = options.scaled(1000)
    }

    /// Prints for each job what the worker says that it took, in microseconds.
    func measure() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        defer { worker.stop() }
        // One service to begin with: then the kernel has what it loads, and the process has had a job.
        try submit("first", "UPDATE", services: 0..<1, weight: 1)
        try submit("fill", "UPDATE", services: 0..<services, weight: 1)
        try submit("same", "UPDATE", services: 0..<services, weight: 1)
        try submit("one", "CREATE", services: 0..<1, weight: 2)
    }

    private func submit(_ name: String, _ action: String, services: Range<Int>, weight: Int) throws {
        let before = try durations().count
        try worker.pass(action, services.map { Self.loadBalancer($0, weight: weight) })
        // The line comes when the answer is on its way.
        guard try waitUntil(seconds: 10, { try durations().count > before }), let duration = try durations().last else {
            throw BenchFailure("the worker does not say how long the job '\(name)' took")
        }
        print(name, duration * 1000)
    }

    /// What the jobs took by the worker's log, in milliseconds.
    private func durations() throws -> [Double] {
        try String(contentsOfFile: worker.log, encoding: .utf8).split(separator: "\n").compactMap { line in
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
