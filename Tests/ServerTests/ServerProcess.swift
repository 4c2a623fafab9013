import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

/// A server of a test, as a process of its own, with its store in the folder of a rig.
struct ServerProcess: Sendable {
    let process: ChildProcess
    let log: WorkerLog
    /// Where it listens.
    let port: UInt16

    /// Waits until it serves.
    func isReady() async throws {
        try await eventually("the server is started") {
            if let end = process.ended { throw Failure("the server ended: \(end)\n\(log.text)") }
            return try !log.lines("started").isEmpty
        }
    }

    /// Ends it by a signal, and answers how it ended.
    func end(by signal: Int32 = SIGTERM) async throws -> ChildProcess.End {
        process.send(signal)
        return try await process.end(within: 20)
    }

    /// Sends GET for a path.
    func get(_ path: String, _ fields: String = "") async throws -> HTTPTestClient.Response {
        try await onThread { [port] in try HTTPTestClient(port).get(path, fields) }
    }

    /// Sends POST with JSON.
    func post(_ path: String, _ body: String, _ fields: String = "") async throws -> HTTPTestClient.Response {
        try await onThread { [port] in try HTTPTestClient(port).post(path, body, type: "application/json", fields) }
    }
}

extension Rig {
    /// The arguments of a server with its own configuration file.
    ///
    /// - Parameter configuration: the text of the file.
    func serverArguments(_ configuration: String = "") throws -> [String] {
        ["--config-file", try write(configuration, to: "server.conf"), "--store", "sqlite:\(path("store"))", "--log-format", "json"]
    }

    /// Starts a server, without waiting for it.
    func spawnServer(_ configuration: String = "", _ more: [String] = [], name: String = "server") throws -> ServerProcess {
        let port = try freePort()
        let arguments = try serverArguments(configuration) + ["--listen", "127.0.0.1:\(port)", "--log-level", "debug"] + more
        let process = try run(try builtProgram("lbaas-server"), arguments, name: name)
        return ServerProcess(process: process, log: WorkerLog(path: path("\(name).err")), port: port)
    }

    /// Starts a server, and waits until it serves.
    func startServer(_ configuration: String = "", _ more: [String] = [], name: String = "server") async throws -> ServerProcess {
        let server = try spawnServer(configuration, more, name: name)
        try await server.isReady()
        return server
    }

    /// Runs the server's program to its end.
    func runServer(_ arguments: [String], name: String = "run") async throws -> (end: ChildProcess.End, output: String, errors: String) {
        for file in [path("\(name).out"), path("\(name).err")] { try? FileManager.default.removeItem(atPath: file) }
        let end = try await run(try builtProgram("lbaas-server"), arguments, name: name).end()
        func text(_ suffix: String) -> String { (try? String(contentsOfFile: path("\(name).\(suffix)"), encoding: .utf8)) ?? "" }
        return (end, text("out"), text("err"))
    }

    /// Makes a user at the command line.
    func addUser(_ name: String, role: String, password: String = "correct horse", project: String = "default") async throws {
        let file = try write(password + "\n", to: "password")
        let words = ["user", "add", name, "--role", role, "--project", project, "--password-file", file]
        let (end, output, errors) = try await runServer(try serverArguments() + words)
        guard end == .exit(0), output.contains(name) else { throw Failure("user add: \(end) \(output) \(errors)") }
    }
}

/// The body that asks for a token.
func loginBody(_ user: String, _ password: String = "correct horse") -> String {
    """
    {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "\(user)", "domain": {"id": "default"}, \
    "password": "\(password)"}}}}}
    """
}
