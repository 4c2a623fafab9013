import Terminal
import Testing

@Suite struct SafeTextTests {
    @Test(arguments: [
        ("plain – ümläut 日本", "plain – ümläut 日本"), ("a\u{1B}[31mred", "a\\x1b[31mred"), ("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"),
        ("bell\u{07}\u{7F}\u{9B}31m", "bell\\x07\\x7f\\x9b31m"), ("\u{202E}gpj.exe\u{2066}", "\\u202egpj.exe\\u2066"),
        ("zero\u{200B}width\u{FEFF}", "zero\\u200bwidth\\ufeff"), ("tag\u{E0041}", "tag\\udb40\\udc41"), ("\u{0}", "\\x00"),
    ])
    func whatATerminalActsOnIsWrittenAsAnEscape(text: String, shown: String) {
        #expect(text.safe == shown)
        #expect(text.safe.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
    }

    @Test func linesKeepTheirEndsAndJSONItsMeaning() {
        #expect("a\tb\nc\u{1B}".safeLines == "a\tb\nc\\x1b")
        #expect("{\"a\":\r\n \"\u{9B}\u{202E}\"}".safeJSON == "{\"a\": \n \"\\u009b\\u202e\"}")
    }

    @Test func columnsAreThoseOfTheTerminal() {
        #expect("abc".columns == 3 && "日本".columns == 4 && "é".columns == 1 && "e\u{301}".columns == 1 && "".columns == 0)
        #expect("日本語".fitted(to: 5) == "日本…" && "日本語".fitted(to: 6) == "日本語" && "abc".fitted(to: 2) == "a…" && "abc".fitted(to: 0) == "")
    }

    @Test func longTextIsBrokenAtBlanksOrWhereItMustBe() {
        #expect("one two three".wrapped(to: 7) == ["one two", "three"])
        #expect("abcdefgh ij".wrapped(to: 3) == ["abc", "def", "gh", "ij"])
        #expect("日本語".wrapped(to: 1) == ["日", "本", "語"])
        #expect("".wrapped(to: 5) == [""])
    }
}

@Suite struct TextTableTests {
    private let table = TextTable(
        [.init("ID", mayShrink: true), .init("N", isNumber: true), .init("REASON", mayShrink: true)],
        [
            [.init("a"), .init("7"), .init("connect refused by the peer")], [.init("日本"), .init("123"), .init(nil)],
        ])

    @Test func columnsAreAsWideAsWhatIsInThemAndNothingIsCutWithoutATerminal() {
        #expect(
            table.lines(DisplayTraits()) == [
                "ID      N  REASON", "a       7  connect refused by the peer", "日本  123  -",
            ])
        #expect(table.lines(DisplayTraits(), hasHeader: false).count == 2)
    }

    @Test(arguments: [80, 38, 30, 24, 20, 10, 1])
    func onANarrowTerminalTheWidestColumnIsCutFirst(columns: Int) {
        let lines = table.lines(DisplayTraits(columns: columns))
        // ID and N take 4 and 3 columns, the gaps 4, and no column is cut below 8.
        let least = 4 + 3 + 4 + 8
        #expect(lines.allSatisfy { $0.columns <= max(columns, least) }, "\(lines)")
        if columns < 38 { #expect(lines[1].hasSuffix("…")) }
    }

    @Test func coloursAddNothingToTheText() {
        let table = TextTable([.init("STATE")], [[.init("UP", .good)], [.init("DOWN", .bad)]])
        #expect(
            table.lines(DisplayTraits(hasColour: true)) == ["\u{1B}[1mSTATE\u{1B}[0m", "\u{1B}[32mUP\u{1B}[0m", "\u{1B}[31mDOWN\u{1B}[0m"])
        #expect(table.lines(DisplayTraits()) == ["STATE", "UP", "DOWN"])
    }

    @Test func cellsAreSafe() {
        #expect(TextTable([.init("X")], [[.init("a\u{1B}c")]]).lines(DisplayTraits())[1] == "a\\x1bc")
    }
}

@Suite struct TextTreeTests {
    private let tree = TextTree(
        "shop", .plain, "is down",
        [
            TextTree("job", .plain, "ann asked for it", [TextTree("first"), TextTree("second")]),
            TextTree("appliance", .plain, "says nothing of it at all"),
        ])

    @Test func branchesHangFromTheirParent() {
        #expect(
            tree.lines(DisplayTraits()) == [
                "shop is down", "├─ job        ann asked for it", "│  ├─ first", "│  └─ second", "└─ appliance  says nothing of it at all",
            ])
        #expect(tree.lines(DisplayTraits(hasUnicode: false))[1...2] == ["|- job        ann asked for it", "|  |- first"])
    }

    @Test func textIsBrokenUnderItselfOnANarrowTerminal() {
        #expect(
            tree.lines(DisplayTraits(columns: 32)) == [
                "shop is down", "├─ job        ann asked for it", "│  ├─ first", "│  └─ second", "└─ appliance  says nothing of it",
                "              at all",
            ])
        // However narrow it is, something is shown.
        #expect(tree.lines(DisplayTraits(columns: 1)).joined().contains("says nothing"))
    }
}

@Suite struct DisplayTraitsTests {
    private func traits(_ size: (columns: Int, lines: Int)?, _ environment: [String: String]) -> DisplayTraits {
        DisplayTraits(size: size) { environment[$0] }
    }

    @Test func coloursAreForTerminalsThatAreNotToldOtherwise() {
        let terminal = ["TERM": "xterm", "LANG": "C.UTF-8"]
        #expect(traits((80, 24), terminal).hasColour)
        #expect(!traits(nil, terminal).hasColour)
        #expect(!traits((80, 24), ["LANG": "C.UTF-8"]).hasColour && !traits((80, 24), ["TERM": "dumb"]).hasColour)
        #expect(!traits((80, 24), terminal.merging(["NO_COLOR": "1"]) { $1 }).hasColour)
        #expect(traits((80, 24), terminal.merging(["NO_COLOR": ""]) { $1 }).hasColour)
    }

    @Test func aTerminalThatDoesNotTellItsSizeHasThatOfTheEnvironment() {
        #expect(traits((0, 0), ["COLUMNS": "132", "LINES": "50"]) == DisplayTraits(columns: 132, lines: 50, hasUnicode: false))
        #expect(traits((0, 0), [:]) == DisplayTraits(columns: 80, lines: 24, hasUnicode: false))
        #expect(traits(nil, ["COLUMNS": "10"]).columns == nil)
    }

    @Test func theFirstVariableOfTheLocaleCounts() {
        #expect(traits(nil, ["LANG": "de_DE.UTF-8"]).hasUnicode && traits(nil, ["LC_ALL": "", "LANG": "en.utf8"]).hasUnicode)
        #expect(!traits(nil, ["LC_ALL": "C", "LANG": "de_DE.UTF-8"]).hasUnicode && !traits(nil, [:]).hasUnicode)
    }
}

@Suite struct LiveViewTests {
    @Test func theNextFrameReplacesTheLast() {
        var view = LiveView()
        let traits = DisplayTraits(columns: 80, lines: 10)
        #expect(view.frame(["a"], traits) == "\u{1B}[H\u{1B}[2Ja\u{1B}[K\n\u{1B}[J")
        #expect(view.frame(["b", "c"], traits) == "\u{1B}[Hb\u{1B}[K\nc\u{1B}[K\n\u{1B}[J")
    }

    @Test func linesBelowTheTerminalAreCounted() {
        var view = LiveView()
        let frame = view.frame((1...20).map { "line\($0)" }, DisplayTraits(columns: 80, lines: 5))
        #expect(frame.contains("line3") && !frame.contains("line4") && frame.contains("(17 more lines)"))
        #expect(frame.split(separator: "\n").count - 1 <= 5)
    }
}
