import FleetAuth
import FleetModel
import FleetStore
import FleetTestSupport
import HTTPServer
import HostSystem
import TestSupport
import Testing

@testable import FleetFront

/// A server with the fleet's own routes; the operator `ann` of the project `shop`, the viewer `vic`, and the admin `root`.
final class Bench: Sendable {
    static let password = "correct horse"

    let store: MemoryStore
    let accounts: Accounts
    let cache: FleetCache
    let api: FrontAPI
    let work: WorkQueue
    private let listening: Listening

    var port: UInt16 { listening.port }

    /// - Parameter validity: of tokens, in seconds.
    init(validity: Int = 3600) throws {
        var settings = Accounts.Settings()
        settings.tokenValidity = validity
        settings.difficulty = try #require(PasswordDifficulty(operations: 1, memory: 1))
        store = MemoryStore()
        accounts = try Accounts(store, settings)
        _ = try accounts.addUser("ann", password: Self.password, role: .operator, project: "shop", by: .server)
        _ = try accounts.addUser("vic", password: Self.password, role: .viewer, by: .server)
        _ = try accounts.addUser("root", password: Self.password, role: .admin, by: .server)
        work = try #require(WorkQueue(threads: 2, mostWaiting: 8))
        let group = FleetGroup(name: "web", workers: ["lb1", "lb2"], addresses: [try AddressRange("10.20.0.0/24")])
        cache = try FleetCache(store, groups: [group])
        try cache.start()
        api = FrontAPI(accounts, cache, work)
        listening = try Listening(api)
    }

    deinit {
        api.stop()
        cache.stop()
    }

    /// A token of a user, made without the routes.
    func token(_ user: String) throws -> String { try accounts.logIn(user, password: Self.password, from: "test").text }

    /// Sends a request with a token.
    func ask(
        _ method: String, _ path: String, _ token: String?, _ body: String? = nil, fields: String = ""
    ) throws -> HTTPTestClient.Response {
        let token = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(token)\(fields)"
        guard let body else { return try HTTPTestClient(port).ask(head + "\r\n") }
        return try HTTPTestClient(port).ask(
            head + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Logs in as a browser does; answers the fields that the browser then sends.
    func browser(_ user: String) throws -> (cookie: String, csrf: String) {
        let response = try ask("POST", "/v1/session", nil, "{\"name\": \"\(user)\", \"password\": \"\(Self.password)\"}")
        guard response.status == 201 else { throw Failure("the login was answered with \(response)") }
        let cookie = try #require(response.headers["set-cookie"]?.split(separator: ";").first)
        return ("Cookie: \(cookie)\r\n", "X-CSRF-Token: \(try #require(try member(response.body, "csrf")))\r\n")
    }

    /// Runs a body on a thread of its own, with a server.
    static func run(_ body: @escaping @Sendable (Bench) throws -> Void) async throws { try await onThread { try body(try Bench()) } }
}

/// A server with the routes of an API.
final class Listening: Sendable {
    let server: HTTPServer
    let port: UInt16

    init(_ api: FrontAPI) throws {
        var routes = HTTPRoutes()
        api.add(to: &routes)
        server = HTTPServer(routes: routes)
        port = try server.listen(on: TCPListener(address: "127.0.0.1", port: 0))
    }

    deinit { server.finish(within: .seconds(1)) }
}
