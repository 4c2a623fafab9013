import FleetAuth
import FleetFront
import FleetModel
import FleetStore
import Foundation
import HTTPServer
import HostSystem
import TestSupport
import Testing
import WorkerHarness

/// A fleet's server with the admin `root`, and `lbaasctl` as a person or a script calls it.
final class Operator: Sendable {
    static let password = "correct horse"

    /// What a run ends with.
    struct Run {
        let status: Int32
        let output: String
        let errors: String
    }

    let accounts: Accounts
    let folder: TemporaryFolder
    let cache: FleetCache
    private let server: HTTPServer
    private let port: UInt16

    /// - Parameter add: adds more routes.
    init(_ add: (inout HTTPRoutes) -> Void = { _ in }) throws {
        var settings = Accounts.Settings()
        settings.difficulty = try #require(PasswordDifficulty(operations: 1, memory: 1))
        let store = MemoryStore()
        accounts = try Accounts(store, settings)
        _ = try accounts.addUser("root", password: Self.password, role: .admin, by: .server)
        folder = try TemporaryFolder()
        var routes = HTTPRoutes()
        cache = try FleetCache(store, groups: [FleetGroup(name: "web", workers: ["lb1"], addresses: [])])
        try cache.start()
        FrontAPI(accounts, cache, try #require(WorkQueue(threads: 2, mostWaiting: 8))).add(to: &routes)
        add(&routes)
        server = HTTPServer(routes: routes)
        port = try server.listen(on: TCPListener(address: "127.0.0.1", port: 0))
    }

    deinit {
        server.finish(within: .seconds(1))
        cache.stop()
    }

    /// The file of the token.
    var tokenPath: String { folder.file("lbaas/token") }

    /// The words that start the program with a command.
    func words(_ words: [String], server: String? = nil) throws -> [String] {
        ["-i", "PATH=/usr/bin:/bin", "XDG_CONFIG_HOME=\(folder.path)", "LANG=C.UTF-8", "USER=root"]
            + ["LBAAS_SERVER=\(server ?? "http://127.0.0.1:\(port)")", try builtProgram("lbaasctl")] + words
    }

    /// Runs a command to its end.
    func run(_ command: String..., input: String = "", server: String? = nil) throws -> Run {
        let number = UInt64.random(in: 0 ... .max)
        let (output, errors) = (folder.file("\(number).out"), folder.file("\(number).err"))
        let process = try ChildProcess(
            "/usr/bin/env", try words(command, server: server), folder: folder.path, input: try folder.write(input, to: "\(number).in"),
            output: output, errors: errors)
        try waitUntil("the end of lbaasctl \(command)") { process.ended != nil }
        guard case .exit(let status) = process.ended else { throw Failure("lbaasctl \(command) was ended by a signal") }
        return Run(
            status: status, output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    /// Logs in as the admin.
    func logIn() throws {
        let run = try run("login", input: Self.password + "\n")
        guard run.status == 0 else { throw Failure("the login has failed: \(run.errors)") }
    }

    /// Runs a body on a thread of its own, with a server.
    static func run(_ body: @escaping @Sendable (Operator) throws -> Void) async throws {
        try await onThread { try body(try Operator()) }
    }
}
