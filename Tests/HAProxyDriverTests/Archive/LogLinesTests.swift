import TestSupport
import Testing

@testable import HAProxyDriver

@Suite("Log lines")
struct LogLinesTests {
    private var lines = LogLines(host: "balancer")

    /// What a stream is sorted into, in pieces of so many bytes.
    private mutating func sort(_ stream: String, piece: Int = .max) -> [String: String] {
        var sorted: [String: String] = [:]
        var rest = Array(stream.utf8)[...]
        while !rest.isEmpty {
            for (name, bytes) in lines.sort(rest.prefix(piece)) { sorted[name, default: ""] += String(decoding: bytes, as: UTF8.self) }
            rest = rest.dropFirst(piece)
        }
        return sorted
    }

    @Test("Lines go to the log that their tag names, however they are cut", arguments: [1, 2, 7, 50, 1000])
    mutating func sorted(piece: Int) {
        let stream = """
            <134>1 2026-11-21T04:20:23.963905+00:00 - a 17344 - - 127.0.0.1:1 [x] a a/s "GET /1 HTTP/1.1"
            <134>1 2026-11-21T04:20:24.000000+00:00 host b.c 17344 - - two  blanks 
            <132>1 2026-11-21T04:20:25.000000+00:00 - a 17345 - - Proxy a stopped.

            """
        #expect(
            sort(stream, piece: piece) == [
                "a": """
                2026-11-21T04:20:23.963905+00:00 balancer haproxy[17344]: 127.0.0.1:1 [x] a a/s "GET /1 HTTP/1.1"
                2026-11-21T04:20:25.000000+00:00 balancer haproxy[17345]: Proxy a stopped.

                """,
                "b.c": "2026-11-21T04:20:24.000000+00:00 host haproxy[17344]: two  blanks \n",
            ])
        #expect(lines.unreadable == 0)
    }

    @Test("A letter that haproxy wakes its threads with does not spoil the line behind it")
    mutating func letters() {
        #expect(sort("cc<134>1 T - a 1 - - text\n") == ["a": "T balancer haproxy[1]: text\n"])
    }

    @Test("What a client sends cannot name another log: the tag comes before it")
    mutating func forged() {
        #expect(
            sort("<134>1 T - a 1 - - \"GET /<134>1 T - b 1 - - x HTTP/1.1\"\n")
                == ["a": "T balancer haproxy[1]: \"GET /<134>1 T - b 1 - - x HTTP/1.1\"\n"])
    }

    @Test("Structured data is kept as a part of the message")
    mutating func structured() {
        #expect(sort("<134>1 T - a 1 - [id@1 a=\"b c\"] text\n") == ["a": "T balancer haproxy[1]: [id@1 a=\"b c\"] text\n"])
    }

    @Test(
        "What is no line of RFC 5424 is passed over",
        arguments: ["c", "<134>Nov 21 04:20:23 haproxy[1]: text", "<134>1 T - a 1 -", "<134>1 T -  1 - - no tag", "<<<", "text"])
    mutating func unreadable(line: String) {
        #expect(sort(line + "\n<134>1 T - a 1 - - good\n") == ["a": "T balancer haproxy[1]: good\n"])
        #expect(lines.unreadable == 1)
    }

    @Test("A line without an end is not kept for ever")
    mutating func endless() {
        for _ in 1...100 { #expect(lines.sort([UInt8](repeating: UInt8(ascii: "x"), count: 4096)[...]).isEmpty) }
        #expect(lines.unreadable > 0)
        _ = sort("\n")
        #expect(sort("<134>1 T - a 1 - - good\n") == ["a": "T balancer haproxy[1]: good\n"])
    }

    @Test("Random bytes do no harm")
    mutating func random() {
        var generator = SeededGenerator(seed: 7)
        let words = ["<134>1 ", "- ", " ", "\n", "<", ">1", "a", "\u{FF}", "é"].map { Array($0.utf8) } + [[0xFF], [0xC3], [0]]
        for _ in 1...2000 {
            let bytes = (0..<30).flatMap { _ in words.randomElement(using: &generator) ?? [] }
            for (_, text) in lines.sort(bytes[...]) { #expect(text.last == newline) }
        }
    }
}
