import BenchSupport
import Foundation

/// The bench: a worker with the haproxy driver, and a connection that submits jobs.
final class Bench {
    let folder: String
    let tools: String
    private let worker: ServedWorker

    var function: String { worker.function }
    var runFolder: String { folder + "/run" }
    var masterSocket: String { runFolder + "/master.sock" }
    var file: String { folder + "/haproxy.cfg" }

    /// - Parameter connections: how many jobs the worker takes at once.
    init(worker program: String, folder: String, connections: Int) throws {
        self.folder = folder
        tools = (program as NSString).deletingLastPathComponent
        let configuration = "[worker:haproxy]\nrun_dir = \(folder)/run\nconfig = \(folder)/haproxy.cfg\n"
        worker = try ServedWorker(program, driver: "haproxy", connections: connections, folder: folder, configuration: configuration)
    }

    /// Ends worker and haproxy.
    func stop() {
        _ = try? worker.pass("DELETE")
        worker.stop()
        if let master = Master(at: masterSocket) { kill(master.pid, SIGKILL) }
    }

    /// A further connection that submits jobs.
    func anotherClient() throws -> JobClient { try worker.server.client() }

    /// Submits a job that must pass; how long that takes, in ms.
    @discardableResult
    func pass(_ action: String, _ loadBalancers: [String], over other: JobClient? = nil) throws -> Double {
        try worker.pass(action, loadBalancers, over: other)
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
