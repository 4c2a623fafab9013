import FleetAuth
import FleetTestSupport
import TestSupport
import Testing

@testable import FleetFront

@Suite struct UserTests {
    @Test("An admin lists, makes, changes and deletes users, and the audit tells who did it")
    func life() async throws {
        try await Bench.run { bench in
            let root = try bench.token("root")
            let name = "Zoë \\\"<b>&%2F"
            let body = "{\"name\": \"\(name)\", \"password\": \"long enough\", \"role\": \"viewer\", \"project\": \"web\"}"
            let made = try bench.ask("POST", "/v1/users", root, body)
            #expect(made.status == 201, "\(made.body)")
            let id = try #require(try member(made.body, "id"))
            #expect(made.headers["location"] == "/v1/users/\(id)")
            #expect(try member(made.body, "project") == "web" && member(made.body, "enabled") == "true")
            let list = try bench.ask("GET", "/v1/users", root)
            #expect(try Set(column(list.body, "users", "name")) == ["ann", "root", "vic", "Zoë \"<b>&%2F"])
            #expect(try Set(column(list.body, "users", "project")) == ["default", "shop", "web"])

            let session = try bench.accounts.logIn("Zoë \"<b>&%2F", password: "long enough", from: "").text
            let changed = try bench.ask("PATCH", "/v1/users/\(id)", root, #"{"role": "operator", "enabled": false}"#)
            #expect(changed.status == 200)
            #expect(try member(changed.body, "role") == "operator" && member(changed.body, "enabled") == "false")
            #expect(try bench.ask("GET", "/v1/session", session).status == 401)
            // By the name as well.
            let path = "/v1/users/Zo%C3%AB%20%22%3Cb%3E%26%252F"
            #expect(try member(bench.ask("GET", path, root).body, "id") == id)
            #expect(try bench.ask("DELETE", path, root).status == 204)
            #expect(try bench.ask("GET", path, root).status == 404)

            let audit = try bench.ask("GET", "/v1/audit?limit=1000", root)
            let actions = try zip(column(audit.body, "audit", "actor"), column(audit.body, "audit", "action")).map { "\($0) \($1)" }
            for action in ["root user.create", "root user.update", "root user.delete", "root project.create"] {
                #expect(actions.contains(action), "\(actions)")
            }
            #expect(!audit.body.contains("long enough"))
        }
    }

    @Test("An application credential makes, changes and deletes no users, also that of an admin")
    func credential() async throws {
        try await Bench.run { bench in
            let (credential, secret) = try bench.accounts.addCredential("ci", ofUserNamed: "root", role: .admin, by: .server)
            let program = try bench.accounts.logIn(.id(credential.id), secret: secret, from: "").text
            #expect(try bench.ask("GET", "/v1/users", program).status == 200)
            let users = try bench.accounts.users()
            for (method, path, body) in [
                ("POST", "/v1/users", #"{"name": "eve", "password": "long enough", "role": "admin"}"#),
                ("PATCH", "/v1/users/ann", #"{"password": "long enough"}"#), ("PATCH", "/v1/users/ann", #"{"role": "admin"}"#),
                ("PATCH", "/v1/users/root", #"{"password": "long enough", "old_password": "correct horse"}"#),
                ("DELETE", "/v1/users/ann", nil as String?),
            ] {
                let response = try bench.ask(method, path, program, body)
                #expect(response.status == 403 && response.body.contains("log in with the password"), "\(method) \(path): \(response.body)")
            }
            #expect(try bench.accounts.users() == users)
        }
    }

    @Test("Only admins have users, and others only themselves")
    func roles() async throws {
        try await Bench.run { bench in
            for name in ["ann", "vic"] {
                let token = try bench.token(name)
                let body = #"{"name": "eve", "password": "long enough", "role": "admin"}"#
                #expect(try bench.ask("GET", "/v1/users", token).status == 403)
                #expect(try bench.ask("POST", "/v1/users", token, body).status == 403)
                #expect(try bench.ask("DELETE", "/v1/users/\(name)", token).status == 403)
                #expect(try bench.ask("GET", "/v1/audit", token).status == 403)
                #expect(try bench.ask("GET", "/v1/users/\(name)", token).status == 200)
                // The answer is the same whether there is such a user.
                for other in ["root", "nobody"] {
                    let response = try bench.ask("GET", "/v1/users/\(other)", token)
                    #expect(response.status == 403 && !response.body.contains(other))
                    #expect(try bench.ask("PATCH", "/v1/users/\(other)", token, #"{"password": "long enough"}"#).status == 403)
                }
                for change in [#"{"role": "admin"}"#, #"{"project": "other"}"#, #"{"enabled": true}"#] {
                    #expect(try bench.ask("PATCH", "/v1/users/\(name)", token, change).status == 403)
                }
            }
            #expect(try bench.ask("GET", "/v1/users", nil).status == 401)
            #expect(try bench.accounts.user(named: "ann")?.role == .operator)
        }
    }

    @Test("Whoever changes the own password needs the old one, and all tokens end")
    func password() async throws {
        try await Bench.run { bench in
            for name in ["ann", "root"] {
                let token = try bench.token(name)
                let path = "/v1/users/\(name)"
                let missing = try bench.ask("PATCH", path, token, #"{"password": "another one"}"#)
                #expect(missing.status == 400)
                #expect(try member(missing.body, "pointer") == "/old_password")
                let wrong = try bench.ask("PATCH", path, token, #"{"password": "another one", "old_password": "wrong"}"#)
                #expect(wrong.status == 400)
                #expect(try member(wrong.body, "pointer") == "/old_password")
                let short = try bench.ask("PATCH", path, token, #"{"password": "short", "old_password": "correct horse"}"#)
                #expect(short.status == 400)
                #expect(try member(short.body, "pointer") == "/password")
                let done = try bench.ask("PATCH", path, token, #"{"password": "another one", "old_password": "correct horse"}"#)
                #expect(done.status == 200, "\(done.body)")
                #expect(try bench.ask("GET", "/v1/session", token).status == 401)
                #expect(throws: AuthError.self) { try bench.accounts.logIn(name, password: Bench.password, from: "") }
                _ = try bench.accounts.logIn(name, password: "another one", from: "")
            }
            // Of others an admin sets it without the old one.
            let root = try bench.accounts.logIn("root", password: "another one", from: "").text
            #expect(try bench.ask("PATCH", "/v1/users/vic", root, #"{"password": "given by root"}"#).status == 200)
            _ = try bench.accounts.logIn("vic", password: "given by root", from: "")
        }
    }

    @Test("What is wrong with a user is said at the field")
    func fields() async throws {
        try await Bench.run { bench in
            let root = try bench.token("root")
            let long = String(repeating: "x", count: 129)
            let cases: [(String, Int, String?)] = [
                (#"{"password": "long enough", "role": "viewer"}"#, 400, "/name"),
                (#"{"name": "", "password": "long enough", "role": "viewer"}"#, 400, "/name"),
                (#"{"name": "a\u0007b", "password": "long enough", "role": "viewer"}"#, 400, "/name"),
                (#"{"name": "\#(long)", "password": "long enough", "role": "viewer"}"#, 400, "/name"),
                (#"{"name": "ann", "password": "long enough", "role": "viewer"}"#, 409, "/name"),
                (#"{"name": "eve", "password": "short", "role": "viewer"}"#, 400, "/password"),
                (#"{"name": "eve", "password": "long enough"}"#, 400, "/role"),
                (#"{"name": "eve", "password": "long enough", "role": "king"}"#, 400, "/role"),
                (#"{"name": "eve", "password": "long enough", "role": "viewer", "project": ""}"#, 400, "/project"),
            ]
            for (body, status, pointer) in cases {
                let response = try bench.ask("POST", "/v1/users", root, body)
                #expect(response.status == status, "\(body): \(response.body)")
                #expect(try member(response.body, "pointer") == pointer, "\(body): \(response.body)")
            }
            #expect(try bench.accounts.users().count == 3)
            let last = try bench.ask("DELETE", "/v1/users/root", root)
            #expect(last.status == 403 && last.body.contains("only admin"))
            #expect(try bench.ask("PATCH", "/v1/users/nobody", root, #"{"role": "viewer"}"#).status == 404)
            #expect(try bench.ask("GET", "/v1/users?x=1", root).status == 400)
        }
    }
}
