import Dashboard
import Foundation
import TestSupport
import Testing

@testable import WorkerAPI

/// The files of the dashboard, as a browser gets them.
@Suite struct DashboardTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../Sources/Dashboard/Page").standardizedFileURL
    private let api: TestAPI

    init() throws { api = try TestAPI() }

    @Test func everyFileOfThePageIsServedAsItStandsInTheSources() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(Set(names.map { $0 == "index.html" ? "/" : "/dashboard/\($0)" }) == Set(Dashboard.files.map(\.path)))
        for name in names {
            let response = try api.ask("GET", name == "index.html" ? "/" : "/dashboard/\(name)", as: nil)
            let text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
            #expect(response.status == 200 && response.body == text, "\(name)")
        }
    }

    @Test func aFileIsSentOnceAndOnlyToPagesOfThisServer() throws {
        let types = [".svg": "image/svg+xml", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"]
        for path in Dashboard.files.map(\.path) {
            let response = try api.ask("GET", path, as: nil)
            let type = types.first { path.hasSuffix($0.key) }?.value ?? "text/html; charset=utf-8"
            #expect(response.headers["content-type"] == type && response.headers["cache-control"] == "no-cache", "\(path)")
            #expect(response.headers["x-content-type-options"] == "nosniff", "\(path)")
            #expect(response.headers["cross-origin-resource-policy"] == "same-origin", "\(path)")
            let tag = try #require(response.headers["etag"])
            let again = try HTTPTestClient(api.port).get(path, "If-None-Match: \(tag)\r\n")
            #expect(again.status == 304 && again.body.isEmpty, "\(path)")
            #expect(try HTTPTestClient(api.port).get(path, "If-None-Match: \"0\"\r\n").status == 200, "\(path)")
        }
    }

    @Test func thePolicyOfThePageAllowsNothingInlineAndNothingFromElsewhere() throws {
        let policy = try #require(try api.ask("GET", "/", as: nil).headers["content-security-policy"])
        let rules = policy.components(separatedBy: "; ")
        for rule in [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
            "frame-ancestors 'none'", "require-trusted-types-for 'script'",
        ] {
            #expect(rules.contains(rule))
        }
        #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
    }

    @Test func thePageRefersToNothingButItsOwnFiles() throws {
        let html = try api.ask("GET", "/", as: nil).body
        let references = html.matches(of: /(?:src|href)="([^"#]*)"/).map { String($0.1) }
        #expect(references.contains("/dashboard/app.js") && references.contains("/dashboard/style.css"))
        let paths = Set(Dashboard.files.map(\.path))
        #expect(references.allSatisfy(paths.contains))
        #expect(html.matches(of: /<script[^>]*>[^<]/).isEmpty && html.matches(of: /\s(?:on[a-z]+|style)=/).isEmpty)
        for path in paths where path.hasSuffix(".js") {
            let script = try api.ask("GET", path, as: nil).body
            for name in script.matches(of: /from "\.\/([a-z]+\.js)"/).map(\.1) { #expect(paths.contains("/dashboard/\(name)")) }
            // Text of others is never markup.
            #expect(script.matches(of: /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/).isEmpty, "\(path)")
        }
    }

    @Test func theTrafficOfLoadBalancersThatAreNamedOnceIsTold() throws {
        let answer = try api.ask("GET", "/v1/traffic?id=a%2Fb&id=c%22d", as: "viewer")
        #expect(answer.status == 200)
        #expect(answer.body == #"{"traffic": [{"id": "a/b", "sent": 7}, {"id": "c\"d", "sent": 7}]}"# + "\n")
        let many = (0...200).map { "id=\($0)" }.joined(separator: "&")
        for query in ["", "?", "?id=a&id=a", "?\(many)"] {
            let refused = try api.ask("GET", "/v1/traffic\(query)", as: "viewer")
            #expect(refused.status == 400 && refused.body.contains("names 1 to 200 load balancers"), "\(query)")
        }
    }

    @Test(arguments: ["viewer", "operator", "admin"]) func thePageLearnsWhoIsSignedIn(role: String) throws {
        let status = try api.ask("GET", "/v1/status", as: role).body
        #expect(status.contains("\"principal\": \"\(role)-name\", \"role\": \"\(role)\""))
    }
}
