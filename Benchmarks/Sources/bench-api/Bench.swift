import BenchSupport
import Foundation

/// What all cases share: the options, and workers with an API.
final class Bench: Sendable {
    let options: Options
    /// The folder of the programs.
    let tools: String
    let folder: String

    init(_ options: Options) throws {
        self.options = options
        tools = try programFolder()
        folder = "\(options.scratch ?? tools)/bench-api.\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Removes states and logs.
    func clear() { try? FileManager.default.removeItem(atPath: folder) }

    /// A worker of the dummy driver with an API by TCP.
    struct Worker {
        /// A token of an operator of its API.
        static let token = "work"

        let served: ServedWorker
        let port: UInt16
        let folder: String

        var address: String { "http://127.0.0.1:\(port)" }
        var authorization: String { "Authorization: Bearer \(Self.token)" }
    }

    /// Starts a worker.
    ///
    /// - Parameters:
    ///   - hasAPI: whether it listens anywhere.
    ///   - keepsState: whether its state is on disk.
    func start(hasAPI: Bool = true, keepsState: Bool = true) throws -> Worker {
        let place = "\(folder)/worker-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let port = try JobServer.freePort()
        // The SHA-256 of the token.
        try "bench operator 00e13ed7af55b27622f1d6eab5bec0147e68efe28dc2b12461117afa1a5ed40e\n"
            .write(toFile: place + "/tokens", atomically: true, encoding: .utf8)
        let api = hasAPI ? "socket = \(place)/api.sock\nlisten = 127.0.0.1:\(port)\ntokens = \(place)/tokens\n" : "socket = none\n"
        let served = try ServedWorker(
            options.worker, driver: "dummy", connections: 4, folder: place, keepsState: keepsState,
            configuration: "[DEFAULT]\nlog_level = warning\n[api]\n" + api)
        return Worker(served: served, port: port, folder: place)
    }

    /// The JSON of a load balancer.
    func loadBalancer(_ number: Int, nodes: Int, weight: Int) -> String {
        let nodes = (0..<nodes).map {
            #"{"id": "n\#($0)", "address": "10.0.\#($0 / 250).\#($0 % 250 + 1)", "port": 80, "weight": \#(weight)}"#
        }
        return #"{"id": "lb\#(number)", "protocol": "TCP", "port": \#(1000 + number), "nodes": [\#(nodes.joined(separator: ", "))]}"#
    }

    /// Runs wrk with 64 connections, which are kept; how many requests were answered, and how many in a second.
    func wrk(_ address: String, script: String? = nil, seconds: Int) throws -> (requests: Double, rate: Double) {
        var command = ["wrk", "-t1", "-c64", "-d\(seconds)s", "-H", "Authorization: Bearer \(Worker.token)"]
        if let script { command += ["-s", script] }
        let (text, status) = try ChildProcess(command + [address], log: folder + "/wrk.log", readsOutput: true).finish()
        let words = text.split { $0 == " " || $0 == "\n" }.map(String.init)
        guard status == 0, !text.contains("Non-2xx"), !text.contains("Socket errors"),
            let place = words.firstIndex(of: "requests"), let requests = Double(words[place - 1]),
            let rate = words.firstIndex(of: "Requests/sec:").flatMap({ Double(words[$0 + 1]) })
        else { throw BenchFailure("wrk: \(text)") }
        return (requests, rate)
    }

    /// Has so many CREATE jobs done by Gearman, 64 at a time; how many in a second.
    func jobs(_ count: Int, of worker: Worker) throws -> Double {
        struct Result: Decodable { let rate: Double }
        let numbers = ["ids": 64, "nodes": 1, "in-flight": 64, "jobs": count, "warmup": 100, "timeout": 120]
        var command = [
            tools + "/job-load", "--server", worker.served.server.address, "--function", worker.served.function, "--kind", "create",
            "--expect-pass",
        ]
        for (name, number) in numbers { command += ["--\(name)", "\(number)"] }
        let (text, status) = try ChildProcess(command, log: folder + "/load.log", readsOutput: true).finish()
        guard status == 0, let result = try? JSONDecoder().decode(Result.self, from: Data(text.utf8)) else {
            throw BenchFailure("job-load ended with \(status): \(text)")
        }
        return result.rate
    }

    /// Gets a path by curl; how long that took, in ms.
    @discardableResult
    func get(_ path: String, of worker: Worker, to file: String = "/dev/null") throws -> Double {
        let command = ["curl", "-sS", "-f", "-o", file, "-w", "%{time_total}", "-H", worker.authorization, worker.address + path]
        let (text, status) = try ChildProcess(command, log: folder + "/curl.log", readsOutput: true).finish()
        guard status == 0, let time = Double(text) else { throw BenchFailure("curl \(path) ended with \(status)") }
        return time * 1000
    }

    /// Starts clients of the event stream, and waits until all are connected.
    ///
    /// - Parameter options: what they do: of `stream-clients`.
    func startClients(_ count: Int, _ options: String..., of worker: Worker) throws -> ChildProcess {
        let command = [
            tools + "/stream-clients", "--port", "\(worker.port)", "--token", Worker.token, "--clients", "\(count)", "--timeout", "100",
        ]
        let clients = try ChildProcess(command + options, log: folder + "/clients.log", readsOutput: true)
        guard clients.readLine() == "ready" else { throw BenchFailure("the clients are not connected: \(folder)/clients.log") }
        return clients
    }
}
