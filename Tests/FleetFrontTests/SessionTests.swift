import FleetAuth
import FleetTestSupport
import TestSupport
import Testing

@testable import FleetFront

@Suite struct SessionTests {
    @Test("A login gives a cookie that no script can read, and ends with the logout")
    func cookie() async throws {
        try await Bench.run { bench in
            let response = try bench.ask("POST", "/v1/session", nil, #"{"name": "ann", "password": "correct horse"}"#)
            #expect(response.status == 201 && response.headers["cache-control"] == "no-store")
            let cookie = try #require(response.headers["set-cookie"])
            #expect(cookie.wholeMatch(of: /lbaas_session=lbs_[A-Za-z0-9_-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict/) != nil)
            let token = try #require(cookie.firstMatch(of: /lbs_[A-Za-z0-9_-]+/)).output
            #expect(!response.body.contains(token))
            #expect(try member(response.body, "user", "name") == "ann" && member(response.body, "role") == "operator")
            #expect(try member(response.body, "project", "name") == "shop")

            let (cookieField, csrf) = try bench.browser("ann")
            let shown = try bench.ask("GET", "/v1/session", nil, fields: "Cookie: other=1; \(cookieField.dropFirst(8))")
            #expect(shown.status == 200)
            #expect(csrf == "X-CSRF-Token: \(try member(shown.body, "csrf") ?? "")\r\n")
            let ended = try bench.ask("DELETE", "/v1/session", nil, fields: cookieField + csrf)
            #expect(ended.status == 204)
            #expect(ended.headers["set-cookie"]?.hasPrefix("lbaas_session=; Path=/; Max-Age=0;") == true)
            #expect(try bench.ask("GET", "/v1/session", nil, fields: cookieField).status == 401)
        }
    }

    @Test("A program gets the token in the body, for a password or for an application credential")
    func program() async throws {
        try await Bench.run { bench in
            let (credential, secret) = try bench.accounts.addCredential("ci", ofUserNamed: "ann", role: .viewer, by: .server)
            let bodies = [
                (#"{"name": "ann", "password": "correct horse", "cookie": false}"#, "operator"),
                (#"{"credential": "\#(credential.id)", "secret": "\#(secret)", "cookie": false}"#, "viewer"),
            ]
            for (body, role) in bodies {
                let response = try bench.ask("POST", "/v1/session", nil, body)
                #expect(response.status == 201 && response.headers["set-cookie"] == nil, "\(response.body)")
                let token = try #require(try member(response.body, "token"))
                #expect(try member(bench.ask("GET", "/v1/session", token).body, "role") == role)
            }
            let wrong = try bench.ask("POST", "/v1/session", nil, #"{"credential": "\#(credential.id)", "secret": "x"}"#)
            #expect(wrong.status == 401)
            let both = try bench.ask("POST", "/v1/session", nil, #"{"credential": "x", "secret": "x", "name": "ann"}"#)
            #expect(both.status == 400)
        }
    }

    @Test("Over TLS the cookie is one that no other host can set")
    func secure() async throws {
        try await onThread {
            let bench = try Bench()
            var configuration = FrontAPI.Configuration()
            configuration.isSecure = true
            let server = try Listening(FrontAPI(bench.accounts, bench.cache, bench.work, configuration))
            let body = #"{"name": "ann", "password": "correct horse"}"#
            let response = try HTTPTestClient(server.port).post("/v1/session", body, type: "application/json")
            #expect(response.headers["set-cookie"]?.hasPrefix("__Host-lbaas_session=lbs_") == true)
            #expect(response.headers["set-cookie"]?.hasSuffix("; Secure") == true)
        }
    }

    @Test("A change with the cookie is refused unless the page knows the token against forgery")
    func forgery() async throws {
        try await Bench.run { bench in
            let (cookie, csrf) = try bench.browser("root")
            let (_, other) = try bench.browser("root")
            let body = #"{"name": "eve", "password": "long enough", "role": "viewer"}"#
            for fields in [cookie, cookie + other, cookie + "X-CSRF-Token: \r\n", cookie + "X-CSRF-Token: x\r\n"] {
                let response = try bench.ask("POST", "/v1/users", nil, body, fields: fields)
                #expect(response.status == 403 && response.body.contains("X-CSRF-Token"))
            }
            #expect(try bench.accounts.user(named: "eve") == nil)
            // A page of another port of the same host, which the browser sends the cookie for.
            #expect(try bench.ask("POST", "/v1/users", nil, body, fields: cookie + csrf + "Origin: http://localhost:1\r\n").status == 403)
            #expect(try bench.accounts.user(named: "eve") == nil)
            #expect(try bench.ask("POST", "/v1/users", nil, body, fields: cookie + csrf).status == 201)
            // What reads needs none.
            #expect(try bench.ask("GET", "/v1/users", nil, fields: cookie).status == 200)
        }
    }

    @Test("The token of a head goes before the cookie, and a wrong one is not passed over")
    func precedence() async throws {
        try await Bench.run { bench in
            let (cookie, _) = try bench.browser("root")
            let ann = try bench.token("ann")
            for field in ["Authorization: Bearer \(ann)\r\n", "X-Auth-Token: \(ann)\r\n"] {
                let response = try bench.ask("GET", "/v1/session", nil, fields: cookie + field)
                #expect(try member(response.body, "user", "name") == "ann" && member(response.body, "csrf") == nil)
            }
            for field in ["Authorization: Bearer wrong\r\n", "X-Auth-Token: wrong\r\n", "Authorization: Basic YTpi\r\n"] {
                let response = try bench.ask("GET", "/v1/session", nil, fields: cookie + field)
                #expect(response.status == 401 && response.headers["www-authenticate"] == "Bearer")
            }
        }
    }

    @Test("A wrong name and a wrong password are the same failure, in one sentence, and too many are delayed")
    func failures() async throws {
        try await Bench.run { bench in
            var bodies: Set<String> = []
            for name in ["ann", "nobody", "", "a\\u0000b", "\\u202e"] {
                let response = try bench.ask("POST", "/v1/session", nil, "{\"name\": \"\(name)\", \"password\": \"wrong\"}")
                #expect(response.status == 401 && response.headers["set-cookie"] == nil)
                bodies.insert(response.body)
            }
            #expect(bodies.count == 1)
            #expect(try member(bodies.first ?? "", "detail") == "the name, the password or the secret is wrong")
            #expect(try member(bodies.first ?? "", "code") == "bad_credentials")
            var last = try bench.ask("POST", "/v1/session", nil, #"{"name": "vic", "password": "wrong"}"#)
            for _ in 0..<5 { last = try bench.ask("POST", "/v1/session", nil, #"{"name": "vic", "password": "wrong"}"#) }
            #expect(last.status == 429 && last.headers["retry-after"] == "1")
        }
    }

    @Test("A body that is none of a login says what is wrong, at the field")
    func bodies() async throws {
        try await Bench.run { bench in
            let cases: [(String, String?)] = [
                ("", nil), ("nonsense", nil), ("[]", nil), ("{}", "/name"), (#"{"name": 5, "password": "x"}"#, "/name"),
                (#"{"name": "ann"}"#, "/password"), (#"{"name": "ann", "password": null}"#, "/password"),
                (#"{"name": "ann", "password": ["x"]}"#, "/password"), (#"{"name": "ann", "password": "x", "admin": true}"#, nil),
                (#"{"name": "ann", "name": "root", "password": "x"}"#, "/name"), (String(repeating: "[", count: 400), nil),
            ]
            for (body, pointer) in cases {
                let response = try bench.ask("POST", "/v1/session", nil, body)
                #expect(response.status == 400 && response.headers["content-type"] == "application/problem+json", "\(body)")
                #expect(try member(response.body, "pointer") == pointer, "\(body): \(response.body)")
                #expect(try member(response.body, "detail")?.isEmpty == false)
            }
            let text = try HTTPTestClient(bench.port).post("/v1/session", "{}", type: "text/plain")
            #expect(text.status == 415)
        }
    }
}
