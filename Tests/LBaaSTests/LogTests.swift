import LBaaS
import Synchronization
import Testing

@Suite("Log")
struct LogTests {
    @Test("hands on what is at the threshold or above, with its fields")
    func threshold() {
        let lines = Mutex<[String]>([])
        let log = Log(threshold: .info) { level, message, fields in
            let text = fields.map { " \($0.name)=\($0.value)" }.joined()
            lines.withLock { $0.append("\(level) \(message)\(text)") }
        }
        for level in LogLevel.allCases { log.write(level, "line", [("handle", "H:1")]) }
        #expect(lines.withLock { $0 } == ["info", "warning", "error"].map { "\($0) line handle=H:1" })
    }

    @Test("computes only what is wanted")
    func laziness() {
        let log = Log(threshold: .warning) { _, _, _ in }
        var computed: [String] = []
        func compute(_ text: String) -> String {
            computed.append(text)
            return text
        }
        log.write(.info, compute("unwanted"), [("field", compute("unwanted field"))])
        #expect(computed.isEmpty)
        log.write(.warning, compute("wanted"), [("field", compute("wanted field"))])
        #expect(computed == ["wanted", "wanted field"])
    }

    @Test("logs a condition that lasts when it begins and changes, and not each time it is met")
    func repeatedLog() {
        let lines = Mutex<[String]>([])
        let repeated = RepeatedLog(
            Log(threshold: .info) { _, message, fields in lines.withLock { $0.append(message + fields.map(\.value).joined()) } })
        for error in ["1", "1", "2", "2", "1"] { repeated.write(.error, "error ", [("number", error)]) }
        repeated.end()
        repeated.write(.error, "error ", [("number", "1")])
        repeated.write(.error, "another")
        #expect(lines.withLock { $0 } == ["error 1", "error 2", "error 1", "error 1", "another"])
    }
}
