import Foundation
import Glibc
import Synchronization
import TestSupport

/// A job server of its own process, on one port for all of its life, however often it is started anew.
package final class Gearmand: Sendable {
    /// Where it listens.
    package let port: UInt16
    private let folder: String
    private let process = Mutex<ChildProcess?>(nil)

    /// Its address, as `--server` takes it.
    package var address: String { "127.0.0.1:\(port)" }

    /// A job server that is not started yet.
    package init(port: UInt16, folder: String) {
        self.port = port
        self.folder = folder
    }

    /// Starts it, and waits until it answers.
    ///
    /// - Throws: where it does not, or where it is not this process that answers on the port.
    package func start() async throws {
        let log = "\(folder)/gearmand-\(port)"
        let arguments = ["-L", "127.0.0.1", "-p", "\(port)", "-l", "none", "-P", log + ".pid"]
        let started = try ChildProcess("/usr/sbin/gearmand", arguments, folder: folder, output: log + ".out", errors: log + ".err")
        process.withLock { $0 = started }
        do {
            try await eventually("gearmand answers on port \(port)") {
                if let end = started.ended { throw Failure("gearmand ended: \(end)") }
                guard let pid = try? await ask("getpid", isLast: { _ in true }).first else { return false }
                guard pid == "OK \(started.pid)" else { throw Failure("port \(port) is somebody else's: \(pid)") }
                return true
            }
        } catch {
            await started.destroy()
            throw error
        }
    }

    /// Sends it a signal.
    package func send(_ signal: Int32) { process.withLock { $0 }?.send(signal) }

    /// Ends it by a signal and waits for its end.
    package func end(by signal: Int32) async throws {
        guard let process = process.withLock({ $0 }) else { return }
        process.send(signal)
        _ = try await process.end()
    }

    /// Ends it, whatever it does.
    package func destroy() async { await process.withLock { $0 }?.destroy() }

    /// A function as the job server knows it.
    package struct Function: Equatable {
        /// Jobs that wait or run.
        package var jobs = 0
        /// Jobs that run.
        package var running = 0
        /// Connections that take such jobs.
        package var workers = 0
    }

    /// What it knows of a function.
    package func function(_ name: String) async throws -> Function {
        for line in try await ask("status", isLast: { $0 == "." }) {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count == 4, columns[0] == name else { continue }
            return Function(jobs: Int(columns[1]) ?? 0, running: Int(columns[2]) ?? 0, workers: Int(columns[3]) ?? 0)
        }
        return Function()
    }

    private func ask(_ command: String, isLast: @escaping @Sendable (String) -> Bool) async throws -> [String] {
        try await onThread { [port] in try LoopbackSocket.connected(to: port, seconds: 60).ask(command, isLast: isLast) }
    }
}
