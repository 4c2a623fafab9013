import FleetAuth
import FleetTestSupport
import LBaaS
import TestSupport
import Testing

@testable import FleetFront

@Suite struct TokenTests {
    @Test("An application credential is made, listed without its secret, used and deleted with its tokens")
    func credential() async throws {
        try await Bench.run { bench in
            let ann = try bench.token("ann")
            let made = try bench.ask("POST", "/v1/tokens", ann, #"{"name": "ci/\u00e9", "role": "viewer", "expires_in": 3600}"#)
            #expect(made.status == 201, "\(made.body)")
            let (id, secret) = (try #require(try member(made.body, "id")), try #require(try member(made.body, "secret")))
            #expect(try member(made.body, "kind") == "credential" && member(made.body, "expires") != "null")
            let token = try bench.accounts.logIn(.id(id), secret: secret, from: "").text
            #expect(try member(bench.ask("GET", "/v1/session", token).body, "role") == "viewer")

            let list = try bench.ask("GET", "/v1/tokens", ann)
            #expect(!list.body.contains(secret) && !list.body.contains(ann))
            #expect(try column(list.body, "tokens", "kind").sorted() == ["credential", "session", "session"])
            #expect(try column(list.body, "tokens", "credential").contains(id))
            // It can neither make nor delete credentials.
            #expect(try bench.ask("POST", "/v1/tokens", token, #"{"name": "more"}"#).status == 403)
            #expect(try bench.ask("DELETE", "/v1/tokens/\(id)", token).status == 403)
            #expect(try bench.ask("DELETE", "/v1/tokens/\(bench.accounts.session(token: ann).tokenName)", token).status == 403)
            #expect(try bench.ask("DELETE", "/v1/tokens/\(id)", ann).status == 204)
            #expect(try bench.ask("GET", "/v1/session", token).status == 401)
            #expect(try bench.ask("DELETE", "/v1/tokens/\(id)", ann).status == 404)
        }
    }

    @Test("A token is revoked by its user and by admins, and by nobody else")
    func revoke() async throws {
        try await Bench.run { bench in
            let (ann, vic, root) = (try bench.token("ann"), try bench.token("vic"), try bench.token("root"))
            func id(_ token: String) throws -> String { try bench.accounts.session(token: token).tokenName }
            let (annID, vicID) = (try id(ann), try id(vic))
            #expect(try bench.ask("DELETE", "/v1/tokens/\(annID)", vic).status == 404)
            #expect(try column(bench.ask("GET", "/v1/tokens", vic).body, "tokens", "user") == ["vic"])
            #expect(try bench.ask("GET", "/v1/tokens?all=true", vic).status == 403)
            #expect(try bench.ask("GET", "/v1/tokens?all=maybe", root).status == 400)
            #expect(try column(bench.ask("GET", "/v1/tokens?all=true", root).body, "tokens", "user").sorted() == ["ann", "root", "vic"])
            #expect(try bench.ask("DELETE", "/v1/tokens/\(annID)", root).status == 204)
            #expect(try bench.ask("GET", "/v1/session", ann).status == 401)
            #expect(try bench.ask("DELETE", "/v1/tokens/\(vicID)", vic).status == 204)
            #expect(try bench.ask("GET", "/v1/session", vic).status == 401)
        }
    }

    @Test("What is wrong with a token is said at the field")
    func fields() async throws {
        try await Bench.run { bench in
            let ann = try bench.token("ann")
            _ = try bench.accounts.addCredential("taken", ofUserNamed: "ann", role: .viewer, by: .server)
            let cases: [(String, Int, String?)] = [
                ("{}", 400, "/name"), (#"{"name": "x", "expires_in": 59}"#, 400, "/expires_in"),
                (#"{"name": "x", "expires_in": "1 h"}"#, 400, "/expires_in"), (#"{"name": "x", "role": "admin"}"#, 403, nil),
                (#"{"name": "x", "user": "root"}"#, 400, "/user"), (#"{"name": "taken"}"#, 409, "/name"),
            ]
            for (body, status, pointer) in cases {
                let response = try bench.ask("POST", "/v1/tokens", ann, body)
                #expect(response.status == status, "\(body): \(response.body)")
                #expect(try member(response.body, "pointer") == pointer, "\(body): \(response.body)")
            }
            let root = try bench.token("root")
            let given = try bench.ask("POST", "/v1/tokens", root, #"{"name": "x", "user": "ann"}"#)
            #expect(given.status == 201)
            #expect(try member(given.body, "user") == "ann" && member(given.body, "role") == "viewer")
        }
    }

    @Test("The audit is read in pieces, by time")
    func audit() async throws {
        try await Bench.run { bench in
            let root = try bench.token("root")
            let first = try bench.ask("GET", "/v1/audit?limit=2", root)
            let times = try column(first.body, "audit", "time")
            #expect(times.count == 2)
            #expect(try column(bench.ask("GET", "/v1/audit?since=2999-01-01T00:00:00Z", root).body, "audit", "time").isEmpty)
            #expect(try !column(bench.ask("GET", "/v1/audit?since=2020-01-01T00:00:00.5Z", root).body, "audit", "time").isEmpty)
            for query in ["since=yesterday", "since=2026-13-01T00:00:00Z", "limit=0", "limit=1001", "limit=%2B5", "limit=1&limit=2", "x=1"]
            {
                #expect(try bench.ask("GET", "/v1/audit?\(query)", root).status == 400, "\(query)")
            }
        }
    }

    @Test("A time of RFC 3339 is read as it is written")
    func times() throws {
        for text in ["1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "2026-11-30T08:15:00.120Z", "2100-03-01T00:00:00.000Z"] {
            #expect(Timestamp(rfc3339: text)?.text == text)
        }
        #expect(Timestamp(rfc3339: "2026-11-30t08:15:00z")?.text == "2026-11-30T08:15:00.000Z")
        for text in ["", "2026-11-30", "2026-11-30T08:15:00", "2026-11-30T25:00:00Z", "2026-11-30T08:15:00+01:00"] {
            #expect(Timestamp(rfc3339: text) == nil)
        }
        // Digits of other scripts, in each place: they are more bytes than characters.
        for place in 0..<24 {
            var text = Array("2026-11-30T08:15:00.123Z")
            if !text[place].isNumber { continue }
            text[place] = "\u{0664}"
            #expect(Timestamp(rfc3339: String(text)) == nil, "\(place)")
        }
        #expect(Timestamp(rfc3339: "2026-11-30T08:15:00.\u{0660}\u{0661}\u{0662}\u{0663}Z") == nil)
    }
}
