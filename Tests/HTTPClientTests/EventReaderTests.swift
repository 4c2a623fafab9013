import TestSupport
import Testing

@testable import HTTPClient

@Suite struct EventReaderTests {
    /// Reads a text in pieces of so many bytes.
    private func read(_ text: String, piece: Int) throws -> [ServerSentEvent] {
        var reader = EventReader(limit: 1000)
        let bytes = Array(text.utf8)
        return try stride(from: 0, to: bytes.count, by: piece).flatMap { try reader.take(Array(bytes[$0..<min($0 + piece, bytes.count)])) }
    }

    @Test(arguments: 1...7)
    func eventsAreTheSameInWhateverPiecesTheyCome(piece: Int) throws {
        let text =
            "\u{FEFF}: hello\n\nid: 7\nevent: change\ndata: {\"a\": 1}\n\ndata: one\r\ndata:two\r\n\r\nevent: none\n\nid: 8\rdata\rdata: é\r\r"
        #expect(
            try read(text + "x", piece: piece) == [
                ServerSentEvent(id: "7", event: "change", data: "{\"a\": 1}"), ServerSentEvent(id: "7", event: "message", data: "one\ntwo"),
                ServerSentEvent(id: "8", event: "message", data: "\né"),
            ])
    }

    @Test func aNumberWithAZeroByteIsNone() throws {
        #expect(try read("id: 7\ndata: a\n\nid: 8\u{0}\ndata: b\n\n", piece: 100).map(\.id) == ["7", "7"])
    }

    @Test(arguments: [String(repeating: "x", count: 1001), String(repeating: "data: aaaaaaaaaa\n", count: 70)])
    func anEventHasALimit(text: String) {
        #expect(throws: EventReader.TooLong.self) { try read(text, piece: 10) }
    }

    @Test func randomBytesAreReadToTheirEnd() throws {
        var generator = SeededGenerator(seed: 7)
        let pool = Array("id: data:event\n\r\u{0}\n\n: é".utf8) + [0xFF, 0xEF]
        for _ in 0..<2000 {
            var reader = EventReader(limit: 10_000)
            for _ in 0..<5 {
                _ = try reader.take((0..<Int.random(in: 0...40, using: &generator)).map { _ in pool.randomElement(using: &generator)! })
            }
        }
    }
}

@Suite struct ErrorTextTests {
    @Test("What libcurl says has no time in it, so that a fault that lasts has the same words each time")
    func withoutTime() {
        #expect(
            HTTPTransfer.withoutTime("Failed to connect to 127.0.0.1 port 1 after 12 ms: Couldn't connect to server")
                == "Failed to connect to 127.0.0.1 port 1: Couldn't connect to server")
        #expect(HTTPTransfer.withoutTime("SSL connection timeout") == "SSL connection timeout")
    }
}

@Suite struct ServerURLTests {
    @Test(
        arguments: [
            ("http://host", false, "host", nil), ("HTTPS://[fd00::1]:8780/", true, "[fd00::1]", 8780),
            ("https://127.0.0.1:1", true, "127.0.0.1", 1),
        ] as [(String, Bool, String, UInt16?)])
    func aServerHasAHostAndPerhapsAPort(text: String, isSecure: Bool, host: String, port: UInt16?) throws {
        let url = try ServerURL(text)
        #expect(url.isSecure == isSecure && url.host == host && url.port == port)
    }

    @Test(
        arguments: [
            ("", .form), ("host:80", .form), ("ftp://host", .form), ("http://", .form), ("http://a b", .characters),
            ("http://host\u{0}", .characters),
            ("http://host/path", .excess), ("http://user@host", .excess), ("http://host?x=1", .excess), ("http://host#f", .excess),
        ] as [(String, ServerURL.Fault)])
    func anythingElseIsRefused(text: String, fault: ServerURL.Fault) {
        #expect(throws: fault) { try ServerURL(text) }
    }
}
