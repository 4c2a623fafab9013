import Foundation
import Glibc
import Synchronization
import TestSupport

/// What a test runs: job servers, workers and clients of its own, and a folder for them. Ended by `withRig`, also where the test fails.
package final class Rig: Sendable {
    private struct State {
        var gearmands: [Gearmand] = []
        var processes: [ChildProcess] = []
        var starts = 0
        var cleanups: [@Sendable () -> Void] = []
    }

    /// The folder, which goes at the end.
    package let folder: String
    private let state = Mutex(State())

    fileprivate init() throws {
        folder = NSTemporaryDirectory() + "lbaas-integration-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    }

    fileprivate func tearDown() async {
        let (processes, gearmands, cleanups) = state.withLock { ($0.processes, $0.gearmands, $0.cleanups) }
        for process in processes { await process.destroy() }
        for cleanup in cleanups { cleanup() }
        for gearmand in gearmands { await gearmand.destroy() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Does something at the end, when all processes have ended.
    package func atEnd(_ cleanup: @escaping @Sendable () -> Void) { state.withLock { $0.cleanups.append(cleanup) } }

    /// A path in the folder.
    package func path(_ name: String) -> String { folder + "/" + name }

    /// Writes a file and answers its path.
    package func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
        return path(name)
    }

    /// Starts a job server on a free port; on another one where somebody was faster.
    package func startGearmand() async throws -> Gearmand {
        var failure: (any Error)?
        for _ in 0..<5 {
            do {
                let gearmand = try makeGearmand()
                try await gearmand.start()
                return gearmand
            } catch {
                failure = error
            }
        }
        throw failure ?? Failure("gearmand does not start")
    }

    /// A job server that is not started yet, on a port that is free now.
    package func makeGearmand() throws -> Gearmand {
        let gearmand = Gearmand(port: try freePort(), folder: folder)
        state.withLock { $0.gearmands.append(gearmand) }
        return gearmand
    }

    /// The options of a worker of these job servers, with the dummy driver, state in the folder and everything in a JSON log.
    package func options(_ gearmands: Gearmand...) -> WorkerOptions {
        WorkerOptions(servers: gearmands.map(\.address), stateFolder: path("state"))
    }

    /// Starts a worker, without waiting for it.
    package func spawnWorker(_ options: WorkerOptions) throws -> WorkerProcess {
        let configuration = try write(options.configuration, to: "worker.conf")
        let arguments =
            ["--config-file", configuration, "--driver", options.driver, "--function", WorkerOptions.function]
            + ["--state-dir", options.stateFolder, "--log-level", "debug", "--log-format", "json", "--reconnect-sleep", "0.1"]
            + options.servers.flatMap { ["--server", $0] } + options.arguments
        return try spawn(arguments, launcher: options.launcher)
    }

    /// Starts the executable with these arguments alone.
    package func spawn(_ arguments: [String], launcher: [String] = []) throws -> WorkerProcess {
        let number = state.withLock { state in
            state.starts += 1
            return state.starts
        }
        let workFolder = path("work")
        try FileManager.default.createDirectory(atPath: workFolder, withIntermediateDirectories: true)
        let words = launcher + [try WorkerProcess.executable] + arguments
        let process = try ChildProcess(
            words[0], Array(words.dropFirst()), folder: workFolder, output: path("output-\(number)"), errors: path("errors-\(number)"))
        state.withLock { $0.processes.append(process) }
        return WorkerProcess(process: process, log: WorkerLog(path: path("errors-\(number)")))
    }

    /// Starts any program, with what it writes in files of this name.
    package func run(_ program: String, _ arguments: [String], name: String) throws -> ChildProcess {
        let process = try ChildProcess(program, arguments, folder: folder, output: path("\(name).out"), errors: path("\(name).err"))
        keep(process)
        return process
    }

    /// Follows the events of a worker over its socket from now on; answers how to read the lines that came so far.
    package func followEvents(over socket: String, name: String) throws -> () throws -> [Substring] {
        let file = path(name + ".out")
        _ = try run("/usr/bin/curl", ["-sN", "--unix-socket", socket, "http://localhost/v1/events"], name: name)
        return { try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") }
    }

    /// Has a process ended with the rig.
    package func keep(_ process: ChildProcess) { state.withLock { $0.processes.append(process) } }

    /// Starts a worker, and waits until it takes jobs.
    package func startWorker(_ options: WorkerOptions) async throws -> WorkerProcess {
        let worker = try spawnWorker(options)
        try await worker.isReady()
        return worker
    }

    /// Runs the executable to its end.
    package func run(_ arguments: [String]) async throws -> (end: ChildProcess.End, output: String, errors: String) {
        let worker = try spawn(arguments)
        let end = try await worker.process.end()
        let number = state.withLock { $0.starts }
        return (end, (try? String(contentsOfFile: path("output-\(number)"), encoding: .utf8)) ?? "", worker.log.text)
    }

    /// Runs a worker whose start fails.
    package func runWorker(_ options: WorkerOptions) async throws -> (end: ChildProcess.End, errors: String) {
        let worker = try spawnWorker(options)
        return (try await worker.process.end(), worker.log.text)
    }
}

extension Gearmand {
    /// Submits a job and answers the reply.
    package func ask(_ job: JSON, timeout: Double = 180) async throws -> JSON {
        try JSON(bytes: try await ask(bytes: try job.bytes, timeout: timeout))
    }

    /// Submits the bytes of a job and answers those of the reply.
    package func ask(bytes: [UInt8], timeout: Double = 180) async throws -> [UInt8] {
        try await onThread { [port] in
            try GearmanClient(ports: [port], function: WorkerOptions.function, timeout: timeout).submit(bytes)
        }
    }
}

/// Runs a test with a rig of its own and ends everything that it started.
package func withRig(_ body: (Rig) async throws -> Void) async throws {
    let rig = try Rig()
    do {
        try await body(rig)
    } catch {
        await rig.tearDown()
        throw error
    }
    await rig.tearDown()
}

/// Runs a test with a job server and a worker with the dummy driver, configured so.
package func withWorker(
    dummy section: String = "", arguments: [String] = [], _ body: (Gearmand, WorkerProcess) async throws -> Void
) async throws {
    try await withRig { rig in
        let gearmand = try await rig.startGearmand()
        var options = rig.options(gearmand)
        options.configuration = section.isEmpty ? "" : "[worker:dummy]\n\(section)\n"
        options.arguments = arguments
        try await body(gearmand, try await rig.startWorker(options))
    }
}
