import Foundation
import Glibc
import TestSupport

/// How a worker is started.
package struct WorkerOptions: Sendable {
    /// The function that every worker serves.
    package static let function = "lbaas-integration"

    /// The addresses of its job servers.
    package var servers: [String]
    /// Its state folder, or `none`.
    package var stateFolder: String
    /// What it drives.
    package var driver = "dummy"
    /// Its configuration file's text.
    package var configuration = ""
    /// What else the command line says; of options that are given twice the last one counts.
    package var arguments: [String] = []
    /// A program with its arguments that starts it; none where it is started straight.
    package var launcher: [String] = []
}

/// A worker, as a process of its own.
package struct WorkerProcess: Sendable {
    /// The process.
    package let process: ChildProcess
    /// What it writes to standard error.
    package let log: WorkerLog

    /// The executable: what `LBAAS_WORKER` names, or else what was built together with the tests that run.
    package static var executable: String {
        get throws { try ProcessInfo.processInfo.environment["LBAAS_WORKER"] ?? builtProgram("lbaas-worker") }
    }

    /// Waits until it has started and is connected to a job server.
    package func isReady() async throws {
        try await eventually("the worker is connected and started") {
            if let end = process.ended { throw Failure("the worker ended: \(end)\n\(log.text)") }
            return try !log.returns.isEmpty && !log.lines("started").isEmpty
        }
    }

    /// Ends it by a signal, and answers how it ended.
    package func end(by signal: Int32 = SIGTERM, within seconds: Double = 50) async throws -> ChildProcess.End {
        process.send(signal)
        return try await process.end(within: seconds)
    }

    /// Waits for a message in its log.
    package func says(_ message: String, times: Int = 1, within seconds: Double = 300) async throws {
        try await eventually("the worker says \(times) times: \(message)\n", within: seconds) { try log.lines(message).count >= times }
    }
}

/// The path of a program that was built together with the tests that run.
package func builtProgram(_ name: String) throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name).path
    guard access(path, X_OK) == 0 else { throw Failure("\(path) is missing: build it") }
    return path
}
