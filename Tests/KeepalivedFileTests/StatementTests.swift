import Testing

@testable import KeepalivedFile

/// The statements of a text, each as its words, with what is in its braces in brackets.
private func statements(_ text: String) throws -> String {
    func list(_ statements: [KeepalivedStatement]) -> String {
        statements.map { statement in
            statement.words.joined(separator: "|") + (statement.block.map { "[\(list($0))]" } ?? "")
        }.joined(separator: ", ")
    }
    return list(try KeepalivedFile(Array(text.utf8)).statements)
}

@Suite struct StatementTests {
    @Test(arguments: [
        ("a b\n\tc\n", "a|b, c"), ("a { b\nc { } }\n", "a[b, c[]]"), ("a\n{\nb\n}\n", "a[b]"), ("a # b\n! c\nd!e", "a, d"),
        ("a \"b # c\" 'd ! e' f\\ g", "a|b # c|d ! e|f g"), ("a \"\" b", "a||b"), ("a \\\n b\nc\r\n", "a|b, c"), ("a{b}", "a[b]"),
        ("$X = 10.0.0\na $X.1 ${X}.2 $Y ${Z} $", "a|10.0.0.1|10.0.0.2|$Y|${Z}|$"), ("$A=1\n$B=$A$A\nx $B", "x|11"), ("\"a {\" b", "a {|b"),
        ("a \"open", "a|open"), ("", ""), ("a \\", "a"),
    ])
    func wordsAndBracesAreRead(text: String, expected: String) throws {
        #expect(try statements(text) == expected)
    }

    @Test func eachStatementHasTheLineThatItBeginsOn() throws {
        let file = try KeepalivedFile(Array("a\n\nb \\\n x {\n c }\nd\n".utf8))
        #expect(file.statements.map(\.line) == [1, 3, 6] && file.statements[1].block?.map(\.line) == [5])
    }

    @Test(arguments: [
        ("a {\nb {\n}\n", 1, "the braces of 'a' are not closed"), ("a\n}\n", 2, "closes nothing"),
        ("{\n", 1, "nothing that this brace belongs to"), ("a { } {\n", 1, "nothing that this brace belongs to"),
        (String(repeating: "a {\n", count: 99), 17, "more than 16 braces are open"),
        ("$A=xxxxxxxxxxxxxxxx\n" + String(repeating: "$A=$A$A\n", count: 40), 14, "make the text too long"),
        (String(repeating: "a", count: 4 << 20 + 1), 1, "has more than 4194304 bytes"),
    ])
    func whatCannotBeReadIsToldWithItsLine(text: String, line: Int, sentence: String) {
        let failure = #expect(throws: KeepalivedFile.Failure.self) { try KeepalivedFile(Array(text.utf8)) }
        #expect(failure?.line == line && failure?.sentence.contains(sentence) == true, "\(String(describing: failure))")
    }

    private static func address(_ number: Int) -> String { "9.\(number >> 16).\(number >> 8 & 255).\(number & 255)" }

    /// Large files. Their number names them, for the report of a test has its arguments.
    private static let large = [
        String(repeating: "a", count: 4 << 20), String(repeating: "${", count: 2 << 20),
        "a ${" + String(repeating: "}", count: 4_000_000),
        String(repeating: "virtual_server_group a {\n1.0.0.1-255 1\n}\nvirtual_server group a{real_server 1.1.1.1 1\n}\n", count: 10_000),
        "virtual_server 1.1.1.1 1 {\n" + (0..<40_000).map { "real_server \(address($0)) 1{}\n" }.joined() + "}",
        "vrrp_instance a {interface e\nvirtual_ipaddress {\n" + (0..<50_000).map { address($0) + "\n" }.joined() + "}}",
    ]

    /// The limits of a file and of what is made of it keep the time short.
    @Test(.serialized, .timeLimit(.minutes(15)), arguments: large.indices)
    func aLargeFileIsTranslatedSoon(number: Int) throws {
        guard let file = try? KeepalivedFile(Array(Self.large[number].utf8)) else { return }
        #expect(KeepalivedImport(file, name: "large").configuration.utf8.count < 64 << 20)
    }
}
