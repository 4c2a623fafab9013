import FleetWeb
import Foundation
import HTTPServer
import TestSupport
import Testing
import WebPage

@testable import FleetFront

@Suite struct PageTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../Sources/Fleet/Web/Page").standardizedFileURL

    @Test("Every file of the page is served as it stands in the sources, with a policy that allows nothing from elsewhere")
    func files() async throws {
        try await Bench.run { bench in
            let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
            #expect(Set(names) == Set(FleetWeb.files.map { String($0.path.dropFirst("/web/".count)) } + ["index.html"]))
            for name in names {
                let response = try bench.ask(
                    "GET", name == "index.html" ? "/" : "/web/\(name)", nil, fields: "Accept: text/html,*/*;q=0.8\r\n")
                let text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
                #expect(response.status == 200 && response.body == text, "\(name)")
                #expect(response.headers["content-security-policy"] == WebFile.contentSecurityPolicy)
                #expect(response.headers["set-cookie"] == nil)
            }
        }
    }

    @Test("The page refers to files that are served, and takes no text of others for markup")
    func references() async throws {
        try await Bench.run { bench in
            let html = try bench.ask("GET", "/", nil).body
            let references = html.matches(of: /(?:src|href)="([^"#]*)"/).map { String($0.1) }.filter { !$0.isEmpty }
            #expect(references.contains("/web/app.js"))
            #expect(references.allSatisfy(FrontAPI.pageFiles.contains))
            #expect(html.matches(of: /<script[^>]*>[^<]/).isEmpty && html.matches(of: /\s(?:on[a-z]+|style)=/).isEmpty)
            for file in FleetWeb.files where file.path.hasSuffix(".js") {
                let script = String(decoding: file.bytes, as: UTF8.self)
                for name in script.matches(of: /from "\.(\/[a-z]+\.js)"/).map(\.1) { #expect(FrontAPI.pageFiles.contains("/web\(name)")) }
                for path in script.matches(of: /from "(\/[^"]+)"/).map(\.1) {
                    #expect(FrontAPI.pageFiles.contains(String(path)), "\(path)")
                }
                #expect(
                    script.matches(of: /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage/).isEmpty, "\(file.path)"
                )
            }
        }
    }

    @Test("At / a browser gets the page, and a program the versions of the API")
    func root() async throws {
        try await onThread {
            let bench = try Bench()
            var configuration = FrontAPI.Configuration()
            configuration.versions = { _ in HTTPResponse(type: "application/json", "{\"versions\": []}") }
            let server = try Listening(FrontAPI(bench.accounts, bench.cache, bench.work, configuration))
            for accept in ["Accept: application/json\r\n", "Accept: */*\r\n", ""] {
                let response = try HTTPTestClient(server.port).get("/", accept)
                #expect(response.body == "{\"versions\": []}" && response.headers["vary"] == "Accept")
            }
            let page = try HTTPTestClient(server.port).get("/", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n")
            #expect(page.headers["content-type"] == WebFile.html && page.headers["vary"] == "Accept")
        }
    }
}
