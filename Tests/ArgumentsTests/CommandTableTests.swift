import Arguments
import Testing

private enum Verb: Sendable { case list, add, delete, move }

private let table = CommandTable<Verb>(
    program: "tool", summary: "do things", details: ["It does things."],
    options: [
        CommandOption("place", "p", "PLACE", .words(["here", "there"]), help: "where"), CommandOption("all", help: "everything"),
        CommandOption("file", nil, "FILE", .file, help: "from a file"),
    ],
    common: ["file"],
    commands: [
        Command(
            "list", .list, [Operand("KIND", .words(["big", "small"]), isOptional: true)], options: ["place", "all"], summary: "list things"),
        Command("thing add", .add, [Operand("NAME"), Operand("SIZE", isOptional: true)], summary: "add a thing"),
        Command(
            "thing delete", .delete, [Operand("NAME", .printed(by: [["list"]]))], summary: "delete a thing", details: "It is gone then."),
        Command("move", .move, [Operand("NAME"), Operand("WHERE")], summary: "move a thing; don't - really"),
    ],
    sections: [.init("FILES", [(".toolrc", "It's read first: \\n is two characters.")])])

private func call(_ words: String...) throws -> CommandCall<Verb> {
    guard case .call(let call) = try table.read(["tool"] + words) else { throw CommandLineFault("no call") }
    return call
}

@Suite struct CommandTableTests {
    @Test func optionsStandBeforeBehindAndBetweenOperands() throws {
        for words in [
            ["-p", "here", "thing", "add", "x", "9", "--file=f"], ["thing", "--file", "f", "add", "x", "9"],
            ["--file", "g", "thing", "add", "--file", "f", "--", "x", "9"],
        ] {
            // `--place` is not an option of this command.
            let isRefused = words[0] == "-p"
            let found = Result { try table.read(["tool"] + words) }
            guard case .success(.call(let call)) = found else {
                #expect(isRefused, "\(found)")
                continue
            }
            #expect(!isRefused && call.command.verb == .add && call.operands == ["x", "9"] && call["file"] == "f")
        }
        let list = try call("list", "-pthere", "--all")
        #expect(list.command.verb == .list && list["place"] == "there" && list.has("all") && list.operands.isEmpty)
        #expect(try call("thing", "delete", "--", "-x").operands == ["-x"])
        let repeated = try call("list", "--file", "g", "--file=f")
        #expect(repeated["file"] == "f" && repeated.values(of: "file") == ["g", "f"] && repeated.values(of: "place").isEmpty)
        #expect(try call("list", "big").operands == ["big"])
    }

    @Test(arguments: [
        ([], "a command is missing; see --help"),
        (["lst"], "'lst' is not a command; the commands are list, thing, move; see --help"),
        (["thing"], "thing: one of add, delete must follow; see --help"),
        (["thing", "drop"], "thing: 'drop' is not one of add, delete; see --help"),
        (["move", "a"], "move: WHERE is missing; it is move NAME WHERE"),
        (["list", "big", "more"], "list: 'more' is too much; it is list [KIND]"),
        (["list", "medium"], "list: 'medium' is not one of big, small"),
        (["thing", "add", ""], "thing add: NAME is empty"),
        (["move", "a", "b", "--all"], "--all: is not an option of move; see tool move --help"),
        (["list", "--none"], "--none: is not an option; see --help"),
        (["list", "-x"], "-x: is not an option; see --help"),
        (["list", "--place"], "--place: needs a value; see --help"),
        (["list", "-p"], "-p: needs a value; see --help"),
        (["list", "--all=yes"], "--all: takes no value; see --help"),
    ])
    func aWrongCommandLineIsRefusedWithASentence(words: [String], sentence: String) {
        #expect(throws: CommandLineFault(sentence)) { try table.read(["tool"] + words) }
    }

    @Test func helpAndVersionNeedNothingElse() throws {
        guard case .version = try table.read(["tool", "--version"]), case .help(let whole) = try table.read(["tool", "-h"]),
            case .help(let group) = try table.read(["tool", "thing", "--help"]),
            case .help(let one) = try table.read(["tool", "move", "--help"])
        else {
            Issue.record("neither help nor version")
            return
        }
        #expect(whole == group && whole == table.help)
        for command in table.commands { #expect(whole.contains("  \(command.usage) ") && whole.contains(command.summary)) }
        #expect(one.contains("Usage: tool [OPTION]... move NAME WHERE") && one.contains("--file FILE") && !one.contains("--all"))
        #expect(table.help(of: table.commands[2]).contains("It is gone then."))
    }

    @Test func theManualPageHasAllAndRoffTakesNothingInItForARequest() {
        let page = table.manualPage(date: "2026-01-02", version: "1")
        #expect(page.hasPrefix(".TH TOOL 1 2026-01-02 \"tool 1\"\n"))
        #expect(page.contains(".B move NAME WHERE\nmove a thing; don't \\- really.\n"))
        #expect(page.contains(".B \\-p PLACE, \\-\\-place PLACE\nwhere.\n"))
        #expect(page.contains(".SH FILES\n.TP\n.B \\&.toolrc\nIt's read first: \\en is two characters.\n"))
        #expect(page.contains("delete a thing.\n.IP\nIt is gone then.\n"))
    }
}
