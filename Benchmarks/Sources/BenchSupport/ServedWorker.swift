import Foundation

/// `lbaas-worker` with a job server of its own, and a connection that submits jobs to it.
package final class ServedWorker {
    package let server: JobServer
    /// The file that the worker writes its log to.
    package let log: String
    /// The function whose jobs it takes.
    package let function: String
    private let process: ChildProcess
    private let client: JobClient

    /// Starts both, and waits until the worker takes jobs.
    ///
    /// - Parameters:
    ///   - connections: how many jobs it takes at once.
    ///   - folder: where its state and both logs are; it is made where it is missing.
    ///   - keepsState: whether its state is in the folder, or in memory alone.
    ///   - configuration: the text of its configuration file.
    package init(
        _ program: String, driver: String, connections: Int, folder: String, keepsState: Bool = true, configuration: String = ""
    ) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = folder + "/worker.conf"
        try configuration.write(toFile: file, atomically: false, encoding: .utf8)
        (log, function) = (folder + "/worker.log", driver)
        server = try JobServer(folder: folder)
        process = try ChildProcess(
            [
                program, "--config-file", file, "--driver", driver, "--server", server.address, "--function", driver, "--concurrency",
                "\(connections)", "--state-dir", keepsState ? folder + "/state" : "none",
            ], log: log)
        client = try server.client()
        let server = server
        guard try waitUntil(seconds: 30, { try server.status(of: driver).workers >= connections }) else {
            let lines = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw BenchFailure((["the worker does not register"] + lines.split(separator: "\n").suffix(5)).joined(separator: "\n"))
        }
    }

    /// Submits a job that must pass; how long that takes, in ms.
    @discardableResult
    package func pass(_ action: String, _ loadBalancers: [String] = [], over other: JobClient? = nil) throws -> Double {
        let list = loadBalancers.isEmpty ? "" : #", "loadBalancers": [\#(loadBalancers.joined(separator: ", "))]"#
        let job = #"{"hpcs_action": "\#(action)"\#(list)}"#
        let start = nanoseconds()
        let reply = try (other ?? client).submit(job, to: function)
        let time = (nanoseconds() - start) / 1e6
        guard reply.contains(#""hpcs_response": "PASS""#) else { throw BenchFailure("the job failed: …\(reply.suffix(300))") }
        return time
    }

    /// What the system says of it.
    package var figures: ProcessFigures { process.figures }

    package func stop() { process.stop() }
}
