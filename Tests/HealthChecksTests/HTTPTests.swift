import HealthChecks
import LBaaS
import TestSupport
import Testing

@Suite("An HTTP check")
struct HTTPTests {
    private func result(_ manner: TCPServer.Manner, timeout: Duration = .seconds(5), _ request: HTTPRequest = HTTPRequest()) async throws
        -> CheckResult
    {
        let server = try TCPServer(manner)
        return try await Checks.result(of: check(.http(request), port: server.port, delay: .milliseconds(20), timeout: timeout))
    }

    @Test(
        "passes by its status",
        arguments: [
            ("200 OK", [], nil), ("204 No Content", [], nil), ("302 Found\r\nLocation: http://127.0.0.1:1/", [], nil),
            ("404 Not Found", [], "200-399"), ("503 Service Unavailable", [200...299], "200-299"), ("404 Not Found", [404...404], nil),
            ("302 Found", [200...299, 404...404], "200-299,404"), ("100 Continue\r\n\r\nHTTP/1.1 500 No", [], "200-399"),
        ] as [(String, [ClosedRange<UInt16>], String?)])
    func status(answer: String, codes: [ClosedRange<UInt16>], expected: String?) async throws {
        var request = HTTPRequest()
        request.expectedCodes = codes
        let final = answer.contains("500") ? "500" : String(answer.prefix(3))
        let result = try await result(.answer("HTTP/1.1 \(answer)\r\n\r\n"), request)
        #expect(result == expected.map { .failed("HTTP: status \(final), expected \($0)") } ?? .passed)
    }

    @Test("fails where the answer is none, with the reason")
    func noAnswer() async throws {
        #expect(try await result(.hangUp) == .failed("HTTP: closed without an answer"))
        #expect(try await result(.silence, timeout: .seconds(2)) == .failed("HTTP: timed out after 2 s"))
        #expect(try await result(.answer("SSH-2.0-OpenSSH_9.2\r\n")) == .failed("HTTP: the answer is not HTTP"))
        #expect(try await result(.answer(String(repeating: "\u{7f}\0x", count: 1000))) == .failed("HTTP: the answer is not HTTP"))
        #expect(try await result(.flood("HTTP/1.1 ", bytes: 100_000_000)) == .failed("HTTP: the answer is not HTTP"))
    }

    @Test("does not wait for a server that drips")
    func drip() async throws {
        let drip = TCPServer.Manner.drip("HTTP/1.1 200 OK\r\n\r\n", milliseconds: 5000)
        #expect(try await result(drip, timeout: .seconds(2)) == .failed("HTTP: timed out after 2 s"))
        // As soon as the status line is whole it is enough, however slow the rest comes.
        let status = "HTTP/1.1 204 No Content\r\n"
        #expect(try await result(.drip(status + String(repeating: "x: y\r\n", count: 1000), milliseconds: 5)) == .passed)
    }

    @Test("takes no more than the status of 100 MB")
    func flood() async throws {
        let server = try TCPServer(.flood("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", bytes: 100_000_000))
        #expect(try await Checks.result(of: check(.http(HTTPRequest()), port: server.port, timeout: .seconds(5))) == .passed)
        try await eventually("the end of the connection") { server.connections == 0 }
        // What the two sockets hold at the most.
        #expect(server.sent < 20_000_000)
    }

    @Test("asks as it is told to")
    func request() async throws {
        let server = try TCPServer(.answer("HTTP/1.1 200 OK\r\n\r\n"))
        func lines(_ change: (inout HTTPRequest) -> Void) async throws -> [String] {
            var request = HTTPRequest()
            change(&request)
            let result = try await Checks.result(of: check(.http(request), port: server.port, timeout: .seconds(5)))
            #expect(result == .passed)
            let lines = try #require(server.requests.last).split(separator: "\r\n").map(String.init)
            #expect(lines.contains("Connection: close") && lines.contains("User-Agent: lbaas-worker"))
            return lines
        }
        var found = try await lines { _ in }
        #expect(found[0] == "GET / HTTP/1.1" && found[1] == "Host: 127.0.0.1:\(server.port)")
        found = try await lines { request in
            request.method = "HEAD"
            request.path = "/a b/../ü?x=1#\n"
            request.host = "web.test"
        }
        #expect(found[0] == "HEAD /a%20b/../%C3%BC?x=1#%0A HTTP/1.1" && found.filter { $0.hasPrefix("Host:") } == ["Host: web.test"])
    }

    @Test("is not sent where it would be another request")
    func faults() async throws {
        func result(_ change: (inout HTTPRequest) -> Void) async throws -> CheckResult {
            var request = HTTPRequest()
            change(&request)
            return try await Checks.result(of: check(.http(request), port: 1))
        }
        #expect(try await result { $0.method = "GET /x" } == .failed("HTTP: \"GET /x\" is not a method"))
        #expect(try await result { $0.host = "a\r\nX: y" } == .failed("HTTP: \"a\\r\\nX: y\" is not a host"))
        #expect(try await result { $0.path = "x" } == .failed("HTTP: \"x\" is not a path"))
        #expect(try await result { _ in } == .failed("connect: refused"))
    }
}
