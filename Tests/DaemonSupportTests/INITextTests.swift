import Testing

@testable import DaemonSupport

@Suite struct INITextTests {
    private func items(_ text: String) -> [INIText.Item] { INIText(Array(text.utf8)).items }

    private func problems(_ text: String) -> [String] { INIText(Array(text.utf8)).problems.map { "\($0.line): \($0.sentence)" } }

    /// A key with one value.
    private func key(_ key: String, _ value: String, in section: String, line: Int) -> INIText.Item {
        .key(key, section: section, values: [.init(text: value, line: line)])
    }

    @Test func sectionsAndKeysHaveTheirLines() {
        #expect(
            items("a = 1\n  \n[one]\n\nb: 2\n[two]  ; comment\nc=3=4\nd =\n")
                == [
                    key("a", "1", in: "", line: 1), .section("one", line: 3), key("b", "2", in: "one", line: 5),
                    .section("two", line: 6), key("c", "3=4", in: "two", line: 7), key("d", "", in: "two", line: 8),
                ])
    }

    @Test func commentsAreLinesOrStandBehindABlankAndASemicolon() {
        #expect(
            items("# a = 1\n ; b = 2\n[s] # x\nc = 1;2 ;3\nd = #x\ne = ; nothing\n")
                == [
                    .section("s", line: 3), key("c", "1;2", in: "s", line: 4), key("d", "#x", in: "s", line: 5),
                    key("e", "", in: "s", line: 6),
                ])
    }

    @Test func anIndentedLineContinuesTheKeyAboveAndNothingElse() {
        #expect(
            items("[s]\n  a = 1\n\tb = 2 ; two\n\n# x\n  c\n[t]\n  d = 4\n")
                == [
                    .section("s", line: 1),
                    .key("a", section: "s", values: [.init(text: "1", line: 2), .init(text: "b = 2", line: 3), .init(text: "c", line: 6)]),
                    .section("t", line: 7), key("d", "4", in: "t", line: 8),
                ])
    }

    @Test(arguments: [1, 50, 51, 1000, 60_000]) func namesHaveNoLimitButThatOfTheLine(count: Int) {
        let name = String(repeating: "n", count: count)
        #expect(
            items("[\(name)1]\n\(name)1 = 1\n[\(name)2]\n\(name)2 = 2\n")
                == [
                    .section(name + "1", line: 1), key(name + "1", "1", in: name + "1", line: 2), .section(name + "2", line: 3),
                    key(name + "2", "2", in: name + "2", line: 4),
                ])
    }

    @Test func whatIsWrongIsToldForEveryLine() {
        #expect(
            problems("[s]\nnothing\n[t\nlost = 1\n[u] v = 1\n[w]\n; fine\n  none ; = here\n" + "x\0y = 1\n")
                == [
                    "2: this is neither [section] nor key = value", "3: this is neither [section] nor key = value",
                    "5: nothing but a comment may follow a [section] on its line", "8: this is neither [section] nor key = value",
                    "9: this line has a null byte in it",
                ])
        #expect(INIText([0x61, 0x3D, 0xFF, 0x0A, 0x62, 0x3D, 0x63]).problems.map(\.line) == [1])
    }

    @Test func keysBelowASectionThatCannotBeReadBelongToNone() {
        #expect(
            items("[s]\n[t\nlost = 1\n[u]\na = 1\n") == [.section("s", line: 1), .section("u", line: 4), key("a", "1", in: "u", line: 5)])
    }

    @Test func aFileOfAnotherKindHasAFewProblemsAndNotOneALine() {
        #expect(problems(String(repeating: "word\n", count: 100_000)).count == 20)
    }

    @Test func theMarkOfUTF8AndCarriageReturnsDoNotCount() {
        #expect(items("\u{FEFF}[s]\r\na = 1\r\n") == [.section("s", line: 1), key("a", "1", in: "s", line: 2)])
    }
}
