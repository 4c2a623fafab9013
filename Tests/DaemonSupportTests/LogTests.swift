import Foundation
import LBaaS
import TestSupport
import Testing

@testable import DaemonSupport

@Suite struct LogLineTests {
    /// A line at a certain moment.
    private func line(_ style: LogLines.Style, _ level: LogLevel, _ message: String, _ fields: [Log.Field] = []) -> String {
        var line = LogLines(style)
        line.append(level, message, fields, at: Timestamp(microseconds: 1_795_221_828_123_456))
        return String(decoding: line.bytes, as: UTF8.self)
    }

    @Test func aTextLineHasTimeLevelMessageAndFields() {
        #expect(
            line(.text, .info, "job done", [("handle", "H:lb:1"), ("text", "two words"), ("none", ""), ("sum", "a=b")])
                == "2026-11-21T00:43:48.123Z INFO  job done handle=H:lb:1 text=\"two words\" none=\"\" sum=\"a=b\"\n")
        #expect(line(.text, .error, "x").contains("Z ERROR x\n"))
        #expect(line(.text, .warning, "x").contains("Z WARN  x\n"))
        #expect(line(.text, .debug, "x").contains("Z DEBUG x\n"))
    }

    @Test func aLineInTheJournalHasAPriorityAndNoTime() {
        #expect(LogLevel.allCases.map { line(.journal, $0, "m", [("k", "v")]) } == [7, 6, 4, 3].map { "<\($0)>m k=v\n" })
    }

    @Test func noTextCanEndItsLine() {
        let forged = "a\nb\r\t\u{0}\u{1B}[31m\u{7F}\u{85}\u{9B}\u{2028}\u{2029}é→\"\\"
        let escaped = #"a\nb\r\t\u0000\u001b[31m\u007f\u0085\u009b\u2028\u2029é→"#
        #expect(line(.journal, .info, forged, [("k", forged)]) == "<6>\(escaped)\"\\ k=\"\(escaped)\\\"\\\\\"\n")
        #expect(line(.journal, .info, "m", [("k", #"a"b"#), ("l", #"a\b"#)]) == #"<6>m k="a\"b" l="a\\b""# + "\n")
    }

    @Test func everyByteMakesOneLineThatIsJSON() throws {
        let text = (0...0x30FF).compactMap(UnicodeScalar.init).map { String($0) }.joined() + "😀"
        let line = line(.json, .warning, text, [("key", text), ("message", "other")])
        #expect(line.dropLast().allSatisfy { !$0.isNewline } && line.last == "\n")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(
            object == ["time": "2026-11-21T00:43:48.123Z", "level": "warning", "message": text, "key": text, "message_": "other"])
    }

    @Test func theDateFollowsTheSeconds() {
        var line = LogLines(.text)
        var lines: [String] = []
        for (second, microsecond) in [(0, 0), (0, 999_999), (1, 1000), (951_782_399, 0), (951_782_400, 0)] as [(Int64, Int64)] {
            line.append(.info, "m", [], at: Timestamp(microseconds: second * 1_000_000 + microsecond))
            lines.append(String(decoding: line.take().prefix(24), as: UTF8.self))
        }
        #expect(
            lines == [
                "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.999Z", "1970-01-01T00:00:01.001Z", "2000-02-28T23:59:59.000Z",
                "2000-02-29T00:00:00.000Z",
            ])
    }
}
