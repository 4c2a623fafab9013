import FleetAuth
import FleetStore
import FleetTestSupport
import HTTPServer
import HostSystem
import TestSupport
import Testing

@testable import FleetIdentity

/// A server with the Identity API, and a user `ann` of the project `shop`.
private final class Bench: Sendable {
    let accounts: Accounts
    let work: WorkQueue
    let server: HTTPServer
    let port: UInt16
    let user: User

    init() throws {
        var settings = Accounts.Settings()
        settings.difficulty = try #require(PasswordDifficulty(operations: 1, memory: 1))
        accounts = try Accounts(MemoryStore(), settings)
        user = try accounts.addUser("ann", password: "correct horse", role: .operator, project: "shop", by: .server)
        _ = try accounts.addUser("root", password: "correct horse", role: .admin, by: .server)
        work = try #require(WorkQueue(threads: 2, mostWaiting: 8))
        var routes = HTTPRoutes()
        let services = [CatalogService(type: "load-balancer", name: "octavia", path: "")]
        IdentityAPI(accounts, work, .init(services: services)).add(to: &routes)
        server = HTTPServer(routes: routes)
        port = try server.listen(on: TCPListener(address: "127.0.0.1", port: 0))
    }

    deinit { server.finish(within: .seconds(1)) }

    func post(_ body: String) throws -> HTTPTestClient.Response {
        try HTTPTestClient(port).post("/v3/auth/tokens", body, type: "application/json")
    }

    func ask(_ method: String, _ asker: String?, _ subject: String?, path: String = "/v3/auth/tokens") throws -> HTTPTestClient.Response {
        let fields = (asker.map { "X-Auth-Token: \($0)\r\n" } ?? "") + (subject.map { "X-Subject-Token: \($0)\r\n" } ?? "")
        return try HTTPTestClient(port).ask("\(method) \(path) HTTP/1.1\r\nHost: fleet.example:8790\r\n\(fields)\r\n")
    }

    /// Runs a body on a thread of its own, with a server.
    static func run(_ body: @escaping @Sendable (Bench) throws -> Void) async throws { try await onThread { try body(try Bench()) } }
}

/// What keystoneauth sends for a password.
private func passwordBody(_ user: String, _ password: String = "correct horse", scope: String? = nil) -> String {
    let scope = scope.map { ", \"scope\": \($0)" } ?? ""
    return """
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {\(user), "password": "\(password)"}}}\(scope)}}
        """
}

private let ann = #""name": "ann", "domain": {"name": "Default"}"#

@Suite struct IdentityTests {
    @Test("A password becomes a token of the form that OpenStack's clients read")
    func password() async throws {
        try await Bench.run { bench in
            let domain = #""domain": {"id": "default"}"#
            let scopes = [
                nil, #"{"project": {"name": "shop", \#(domain)}}"#, #"{"project": {"id": "\#(bench.user.project)"}}"#, #""unscoped""#,
            ]
            for scope in scopes {
                let response = try bench.post(passwordBody(ann, scope: scope))
                #expect(response.status == 201, "\(response.body)")
                let token = try #require(response.headers["x-subject-token"])
                let session = try bench.accounts.session(token: token)
                let body = response.body
                #expect(!body.contains(token))
                #expect(try member(body, "token", "methods", "0") == "password")
                #expect(try member(body, "token", "user", "name") == "ann" && member(body, "token", "user", "id") == bench.user.id)
                #expect(try member(body, "token", "user", "domain", "id") == "default")
                #expect(try member(body, "token", "project", "name") == "shop" && member(body, "token", "project", "id") == session.project)
                #expect(
                    try member(body, "token", "roles", "0", "name") == "member" && member(body, "token", "roles", "1", "name") == "reader")
                #expect(try member(body, "token", "catalog", "0", "type") == "load-balancer")
                #expect(try member(body, "token", "catalog", "0", "endpoints", "0", "url") == "http://localhost")
                let expires = try #require(try member(body, "token", "expires_at"))
                #expect(expires.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
                #expect(expires.hasPrefix(session.expires.text.dropLast(5)))
                #expect(response.headers["vary"] == "X-Auth-Token" && response.headers["cache-control"] == "no-store")
            }
            let byID = try bench.post(passwordBody(#""id": "\#(bench.user.id)""#))
            #expect(byID.status == 201)
        }
    }

    @Test("An application credential becomes a token, by its id or by its name")
    func credential() async throws {
        try await Bench.run { bench in
            let (credential, secret) = try bench.accounts.addCredential("ci", ofUserNamed: "ann", role: .viewer, by: .server)
            let domain = #""domain": {"id": "default"}"#
            let users = [#""name": "ann", \#(domain)"#, #""id": "\#(bench.user.id)""#]
            for name in [#""id": "\#(credential.id)""#] + users.map({ #""name": "ci", "user": {\#($0)}"# }) {
                func body(_ secret: String) -> String {
                    #"{"auth": {"identity": {"methods": ["application_credential"], "application_credential": {\#(name), "secret": "\#(secret)"}}}}"#
                }
                let response = try bench.post(body(secret))
                #expect(response.status == 201, "\(response.body)")
                #expect(try member(response.body, "token", "methods", "0") == "application_credential")
                #expect(try member(response.body, "token", "application_credential", "id") == credential.id)
                #expect(try member(response.body, "token", "roles", "0", "name") == "reader")
                #expect(try bench.post(body("wrong")).status == 401)
            }
        }
    }

    @Test("A token is shown to its user and to admins, and is revoked by them")
    func tokens() async throws {
        try await Bench.run { bench in
            let token = try bench.accounts.logIn("ann", password: "correct horse", from: "").text
            let second = try bench.accounts.logIn("ann", password: "correct horse", from: "").text
            let root = try bench.accounts.logIn("root", password: "correct horse", from: "").text
            for asker in [token, second, root] {
                let response = try bench.ask("GET", asker, token)
                #expect(response.status == 200 && response.headers["x-subject-token"] == token)
                #expect(try member(response.body, "token", "user", "name") == "ann")
                #expect(try member(response.body, "token", "catalog", "0", "endpoints", "0", "url") == "http://fleet.example:8790")
                #expect(try bench.ask("HEAD", asker, token).status == 200)
            }
            #expect(try member(bench.ask("GET", token, token, path: "/v3/auth/tokens?nocatalog").body, "token", "catalog") == nil)
            let refusals: [(String?, String?, Int)] = [
                (nil, token, 401), ("wrong", token, 401), (token, nil, 400), (token, "wrong", 404), (token, root, 403),
            ]
            for method in ["GET", "DELETE"] {
                for (asker, subject, status) in refusals {
                    let response = try bench.ask(method, asker, subject)
                    #expect(response.status == status, "\(method) \(asker ?? "-") \(subject ?? "-")")
                    #expect(try member(response.body, "error", "code") == "\(status)")
                    if status == 401 { #expect(response.headers["www-authenticate"] == "Keystone uri=\"http://fleet.example:8790/v3\"") }
                }
            }
            #expect(try bench.ask("DELETE", second, token).status == 204)
            #expect(try bench.ask("GET", root, token).status == 404 && bench.ask("GET", token, second).status == 401)
            #expect(try bench.ask("DELETE", root, second).status == 204)
        }
    }

    @Test("A login that is wrong is refused with OpenStack's error, and tells nothing about users")
    func refusals() async throws {
        try await Bench.run { bench in
            let domain = #""domain": {"id": "default"}"#
            let identity = #"{"auth": {"identity": "#
            let cases: [(String, Int, String)] = [
                (passwordBody(ann, "wrong"), 401, "the name, the password or the secret is wrong"),
                (passwordBody(#""name": "nobody", \#(domain)"#), 401, "the name, the password or the secret is wrong"),
                (passwordBody(#""id": "nobody""#), 401, "the name, the password or the secret is wrong"),
                (passwordBody(#""name": "ann", "domain": {"name": "other"}"#), 401, "only the domain 'default'"),
                (passwordBody(ann, scope: #"{"project": {"name": "default", \#(domain)}}"#), 401, "project 'shop'"),
                (passwordBody(ann, scope: #"{"system": {"all": true}}"#), 401, "auth.scope.project"),
                (passwordBody(#""name": "ann""#), 400, "auth.identity.password.user.domain"),
                (passwordBody(#""name": 7, \#(domain)"#), 400, "auth.identity.password.user.name is not a text"),
                (identity + #"{"methods": ["token"], "token": {"id": "x"}}}}"#, 401, "the method token is not supported"),
                (identity + #"{"methods": ["password", "totp"]}}}"#, 401, "password, totp"),
                (identity + #"{"methods": []}}}"#, 400, "auth.identity.methods"),
                (identity + #"{"methods": ["password"]}}}"#, 400, "auth.identity.password is not an object"),
                ("[]", 400, "auth is not an object"),
                (#"{"auth": {}}"#, 400, "auth.identity is not an object"), ("{", 400, "not JSON"), ("", 400, "not JSON"),
            ]
            for (body, status, words) in cases {
                let response = try bench.post(body)
                #expect(response.status == status, "\(body): \(response.body)")
                #expect(try member(response.body, "error", "message")?.contains(words) == true, "\(response.body)")
                #expect(response.headers["x-subject-token"] == nil)
            }
            for _ in 0..<5 { _ = try bench.post(passwordBody(ann, "wrong")) }
            let delayed = try bench.post(passwordBody(ann))
            #expect(delayed.status == 429 && delayed.headers["retry-after"] == "1")
        }
    }

    @Test("Projects are told to those who are of them, and to admins")
    func projects() async throws {
        try await Bench.run { bench in
            let ann = try bench.accounts.logIn("ann", password: "correct horse", from: "").text
            let root = try bench.accounts.logIn("root", password: "correct horse", from: "").text
            let own = try bench.ask("GET", ann, nil, path: "/v3/projects").body
            #expect(try column(own, "projects", "name") == ["shop"] && column(own, "projects", "id") == [bench.user.project])
            #expect(try column(bench.ask("GET", root, nil, path: "/v3/projects").body, "projects", "name").sorted() == ["default", "shop"])
            #expect(try column(bench.ask("GET", root, nil, path: "/v3/projects?name=shop").body, "projects", "name") == ["shop"])
            for asker in [ann, root] {
                let shown = try bench.ask("GET", asker, nil, path: "/v3/projects/\(bench.user.project)").body
                #expect(try member(shown, "project", "name") == "shop" && member(shown, "project", "domain_id") == "default")
            }
            let others = try bench.accounts.projects().filter { $0.name == "default" }
            #expect(try others.count == 1 && bench.ask("GET", ann, nil, path: "/v3/projects/\(others[0].id)").status == 404)
            #expect(try bench.ask("GET", nil, nil, path: "/v3/projects").status == 401)
        }
    }

    @Test("The version is told to anybody")
    func version() async throws {
        try await Bench.run { bench in
            for path in ["/v3", "/v3/"] {
                let response = try bench.ask("GET", nil, nil, path: path)
                #expect(try response.status == 200 && member(response.body, "version", "id") == "v3.14")
                #expect(try member(response.body, "version", "links", "0", "href") == "http://fleet.example:8790/v3/")
            }
        }
    }
}
