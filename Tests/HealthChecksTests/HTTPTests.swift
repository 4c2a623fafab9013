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
        #expect(try await result(.silence, timeout: .milliseconds(100)) == .failed("HTTP: timed out after 100 ms"))
        #expect(try await result(.answer("SSH-2.0-OpenSSH_9.2\r\n")) == .failed("HTTP: the answer is not HTTP"))
        #expect(try await result(.answer(String(repeating: "\u{7f}\0x", count: 1000))) == .failed("HTTP: the answer is not HTTP"))
    }
}
