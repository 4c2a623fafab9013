import Authorization
import Glibc
import Requests
import TestSupport
import Testing

/// Who may do what, and what is no request at all.
@Suite struct AccessTests {
    private let api: TestAPI

    init() throws {
        api = try TestAPI()
        api.core.hold([item("a")])
        api.core.answer(.planned([]))
    }

    /// The routes, and the least role that may use each; nil for anybody.
    private static let routes: [(method: String, path: String, role: String?)] = [
        ("GET", "/healthz", nil), ("GET", "/readyz", nil), ("GET", "/v1/status", "viewer"), ("GET", "/v1/load-balancers", "viewer"),
        ("GET", "/v1/load-balancers/a", "viewer"), ("HEAD", "/v1/load-balancers/a", "viewer"), ("GET", "/v1/journal", "viewer"),
        ("POST", "/v1/plan", "viewer"), ("POST", "/v1/jobs", "operator"), ("GET", "/v1/traffic?id=a", "viewer"),
        ("GET", "/", nil), ("GET", "/dashboard/app.js", nil),
    ]

    @Test func everyRouteIsForTheLeastRoleAndThoseAboveIt() throws {
        let roles: [String?] = [nil, "viewer", "operator", "admin"]
        for (method, path, least) in Self.routes {
            for role in roles {
                let response = try api.ask(method, path, method == "POST" ? "x" : nil, as: role)
                let isAllowed = least == nil || roles.firstIndex(of: role)! >= roles.firstIndex(of: least)!
                #expect(response.status == (isAllowed ? 200 : role == nil ? 401 : 403), "\(method) \(path) as \(role ?? "nobody")")
                #expect((response.headers["www-authenticate"] == "Bearer") == (response.status == 401), "\(method) \(path)")
            }
        }
    }

    @Test(arguments: ["wrong", "", "admin x"]) func anUnknownTokenIsNobody(token: String) throws {
        #expect(try api.ask("GET", "/v1/status", as: token).status == 401)
    }

    @Test func aSignedRequestIsTakenOnceOnWhateverConnectionItComesAgain() throws {
        let key = try #require(SigningKey(name: "signer", secret: TestAPI.secret))
        func head(_ method: String, _ path: String) -> String {
            let request = SignedRequest(method: method, scheme: "http", authority: "localhost", path: path, query: nil)
            let fields = key.fields(signing: request, body: nil, created: time(nil)).map { "\($0): \($1)\r\n" }.joined()
            return "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
        }
        let client = try HTTPTestClient(api.port)
        for _ in 0..<2 {
            let text = head("GET", "/v1/status")
            #expect(try client.ask(text).body.contains("\"principal\": \"signer\", \"role\": \"viewer\""))
            for again in [client, client, try HTTPTestClient(api.port)] {
                let refused = try again.ask(text)
                #expect(refused.status == 401 && refused.body.contains("the nonce was used before"))
            }
        }
        // Who may not do it has used the nonce as well.
        let text = head("POST", "/v1/load-balancers/a/suspend")
        #expect(try client.ask(text).status == 403)
        #expect(try client.ask(text).status == 401)
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func aWrongMethodIsToldTheRightOnes() throws {
        let response = try api.ask("DELETE", "/v1/status")
        #expect(response.status == 405 && response.headers["allow"] == "GET, HEAD, OPTIONS")
    }

    @Test func aJobOfAnotherTypeIsNotRead() throws {
        for type in ["text/plain", "application/x-www-form-urlencoded"] {
            #expect(try api.ask("POST", "/v1/jobs", "shop", type: type).status == 415)
        }
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func aJobOfTenMegabytesIsRefused() throws {
        let response = try api.ask("POST", "/v1/jobs", String(repeating: " ", count: 10_000_000))
        #expect(response.status == 413)
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func readsAreAnsweredWhileAChangeIsUnderWayWhoseClientLeaves() throws {
        api.core.answer(nil)
        do {
            let client = try HTTPTestClient(api.port)
            let head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\nContent-Type: application/json\r\n"
            try client.send("\(head)Content-Length: 1\r\n\r\nx")
            try waitUntil("the job is submitted") { api.core.open.all.count == 1 }
            #expect(try api.ask("GET", "/v1/load-balancers/a").status == 200)
            #expect(try api.ask("GET", "/v1/load-balancers").status == 200)
        }
        // Nobody waits for this answer any more.
        for completion in api.core.open.all { completion(.changed) }
        api.core.open.clear()
        #expect(try api.ask("GET", "/v1/status").status == 200)
    }
}
