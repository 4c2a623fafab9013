import BenchSupport
import Foundation

/// The bench: a job server, a worker with the haproxy driver, and a connection that submits jobs.
final class Bench {
    static let function = "haproxy"

    let folder: String
    let tools: String
    private let server: JobServer
    private let worker: ChildProcess
    private let client: JobClient

    var runFolder: String { folder + "/run" }
    var masterSocket: String { runFolder + "/master.sock" }
    var file: String { folder + "/haproxy.cfg" }

    /// - Parameter connections: how many jobs the worker takes at once.
    init(worker program: String, folder: String, connections: Int) throws {
        self.folder = folder
        tools = (program as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        server = try JobServer(folder: folder)
        let configuration = "[worker:haproxy]\nrun_dir = \(folder)/run\nconfig = \(folder)/haproxy.cfg\n"
        try configuration.write(toFile: folder + "/worker.conf", atomically: true, encoding: .utf8)
        worker = try ChildProcess(
            [
                program, "--config-file", folder + "/worker.conf", "--driver", "haproxy", "--server", server.address, "--function",
                Self.function, "--concurrency", "\(connections)", "--state-dir", folder + "/state",
            ], log: folder + "/worker.log")
        client = try server.client()
        let server = server
        guard try waitUntil(seconds: 20, { try server.status(of: Self.function).workers >= connections }) else {
            throw BenchFailure("the worker does not take jobs: \(folder)/worker.log")
        }
    }

    /// Ends worker and haproxy.
    func stop() {
        _ = try? client.submit(#"{"hpcs_action": "DELETE"}"#, to: Self.function)
        worker.stop()
        if let master = Master(at: masterSocket) { kill(master.pid, SIGKILL) }
    }

    /// A further connection that submits jobs.
    func anotherClient() throws -> JobClient { try server.client() }

    /// Submits a job that must pass; how long that takes, in ms.
    @discardableResult
    func pass(_ action: String, _ loadBalancers: [String], over other: JobClient? = nil) throws -> Double {
        let job = #"{"hpcs_action": "\#(action)", "loadBalancers": [\#(loadBalancers.joined(separator: ", "))]}"#
        let start = nanoseconds()
        let reply = try (other ?? client).submit(job, to: Self.function)
        let time = (nanoseconds() - start) / 1e6
        guard reply.contains(#""hpcs_response": "PASS""#) else { throw BenchFailure("the job failed: …\(reply.suffix(300))") }
        return time
    }

    /// How often haproxy loaded its file so far.
    func loads() throws -> Int { try Master.answering(at: masterSocket).reloads }
}

/// A load balancer on 127.0.0.1 in words of a job.
struct Balancer {
    var id: String
    var port: Int
    /// Where the nodes are, their weights, and whether they drain.
    var nodes: [(address: String, port: Int, weight: Int, drains: Bool)]
    var serviceProtocol = "HTTP"

    /// One of many that nobody asks anything, with five nodes.
    init(number: Int, port: Int) {
        id = "lb-\(number)"
        self.port = port
        nodes = (0..<5).map { ("127.0.0.1", 1 + $0, 7, false) }
    }

    var json: String {
        let list = nodes.enumerated().map { index, node in
            #"{"id": "n\#(index)", "address": "\#(node.address)", "port": \#(node.port), "weight": \#(node.weight), "#
                + #""condition": "\#(node.drains ? "DRAINING" : "ENABLED")"}"#
        }
        return #"{"id": "\#(id)", "protocol": "\#(serviceProtocol)", "address": "127.0.0.1", "port": \#(port), "#
            + #""monitor": {"type": "CONNECT", "delay": 3600, "timeout": 5, "attempts": 2}, "#
            + #""nodes": [\#(list.joined(separator: ", "))]}"#
    }
}
