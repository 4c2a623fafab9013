import Foundation
import Glibc

/// How a worker is started.
struct WorkerOptions: Sendable {
    /// The function that every worker serves.
    static let function = "lbaas-integration"

    /// The addresses of its job servers.
    var servers: [String]
    /// Its driver.
    var driver = "dummy"
    /// Its state folder, or `none`.
    var stateFolder: String
    /// Its configuration file's text.
    var configuration = ""
    /// What else the command line says; of options that are given twice the last one counts.
    var arguments: [String] = []
}

/// A worker, as a process of its own.
struct WorkerProcess: Sendable {
    /// The process.
    let process: ChildProcess
    /// What it writes to standard error.
    let log: WorkerLog

    /// The executable: what `LBAAS_WORKER` names, or else what was built together with these tests.
    static var executable: String {
        get throws {
            if let path = ProcessInfo.processInfo.environment["LBAAS_WORKER"] { return path }
            let path = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("lbaas-worker").path
            guard access(path, X_OK) == 0 else { throw Failure("\(path) is missing: build it, or name one in LBAAS_WORKER") }
            return path
        }
    }

    /// Waits until it is connected to a job server.
    func isReady() async throws {
        try await eventually("the worker is connected") {
            if let end = process.ended { throw Failure("the worker ended: \(end)\n\(log.text)") }
            return try !log.returns.isEmpty
        }
    }

    /// Ends it by a signal, and answers how it ended.
    func end(by signal: Int32 = SIGTERM, within seconds: Double = 20) async throws -> ChildProcess.End {
        process.send(signal)
        return try await process.end(within: seconds)
    }

    /// Waits for a message in its log.
    func says(_ message: String, times: Int = 1, within seconds: Double = 20) async throws {
        try await eventually("the worker says \(times) times: \(message)\n", within: seconds) { try log.lines(message).count >= times }
    }
}
