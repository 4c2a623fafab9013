import Arguments
import Foundation
import Glibc
import JSON
import Terminal
import TestSupport
import Testing

@testable import lbaasctl

/// Reads a text of JSON as a view.
private func view(_ json: String, _ body: (JSONValue, String) -> Presentation) throws -> Presentation {
    let tokenizer = try #require(JSONTokenizer())
    return try tokenizer.withDocument(Array(json.utf8).span.bytes) { body($0.root, json) }
}

private func table(_ presentation: Presentation, _ traits: DisplayTraits = DisplayTraits()) -> [String] {
    presentation.lines(.table, hasHeader: true, traits)
}

private let shop = """
    {"id":"shop","protocol":"HTTP","port":80,"nodes":[{"id":"a","address":"10.0.0.1","port":80,"weight":1,"condition":"ENABLED",\
    "status":"UP","state":"UP","connections":12},{"id":"b","address":"fd00::2","port":80,"weight":5,"condition":"ENABLED","status":"DOWN",\
    "state":"DOWN","reason":"connect refused","since":"2014-01-09T15:11:45.704Z"}],"status":"UP","source":"jobs","created":"2014-01-09T15:11:45.704Z"}
    """
private let hostile = """
    {"id":"a/b\\u001b[31m","protocol":"TCP","address":"10.0.0.9","port":25,"nodes":[{"id":"\\u202ex","address":"h","port":1}],"status":"DOWN"}
    """

@Suite struct ViewTests {
    @Test func loadBalancersAreATableWithWordsThatTheOtherCommandsTake() throws {
        let view = try view("{\"revision\": 3, \"loadBalancers\": [\(shop),\n\(hostile)]}") { listView($0, $1, isWide: false) }
        #expect(
            table(view)
                == [
                    "ID              STATUS  PROTOCOL  LISTEN       ALGORITHM     UP",
                    "shop            UP      HTTP      *:80         ROUND_ROBIN  1/2",
                    "a%2Fb%1B[31m    DOWN    TCP       10.0.0.9:25  ROUND_ROBIN  0/1",
                ].map {
                    $0.replacing("shop            ", with: "shop          ").replacing("ID              ", with: "ID            ")
                        .replacing("31m    ", with: "31m  ")
                })
        #expect(view.names == ["shop", "a%2Fb%1B[31m"] && view.lines(.jsonl, hasHeader: true, DisplayTraits()) == [shop, hostile])
        #expect(view.names.map(Reference.id) == ["shop", "a/b\u{1B}[31m"])
    }

    @Test func nodesAreNamedWithTheirLoadBalancer() throws {
        let view = try view("{\"loadBalancers\": [\(shop),\(hostile)]}") { nodeListView($0, $1, isWide: false) }
        #expect(view.names == ["shop/a", "shop/b", "a%2Fb%1B[31m/%E2%80%AEx"])
        let lines = table(view)
        #expect(lines[1].hasPrefix("shop/a") && lines[1].contains("10.0.0.1:80") && lines[1].contains(" 12  -"))
        #expect(lines[2].contains("[fd00::2]:80") && lines[2].hasSuffix("connect refused"))
        #expect(lines.joined().unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{202E}" })
        #expect(view.items[0].hasPrefix("{\"loadBalancer\": \"shop\", \"id\":\"a\""))
        _ = try #require(JSONTokenizer()).withDocument(Array(view.json.utf8).span.bytes) { $0.length }
    }

    @Test func oneLoadBalancerHasItsNodesBelow() throws {
        let view = try view(shop) { loadBalancerView($0, $1, isWide: true) }
        let lines = table(view)
        #expect(lines.contains("status     UP") && lines.contains("listen     HTTP *:80") && lines.contains("nodes up   1/2"))
        #expect(lines.last?.hasSuffix("2014-01-09T15:11:45Z  connect refused") == true)
    }

    @Test func theChainOfCausesIsATree() throws {
        let json = """
            {"id": "shop", "revision": 3, "summary": "it is down", "why": [
            {"step": "job", "time": "2014-01-09T15:11:45.704Z", "what": "ann: CREATE"},
            {"step": "facts", "time": null, "what": "1 of 2 nodes is up", "details": [{"what": "b: \\u001bc"}]}], "differs": ["add node 'b'"]}
            """
        #expect(
            table(try view(json) { whyView("shop", $0, $1) }) == [
                "shop it is down", "├─ job      2014-01-09T15:11:45Z ann: CREATE", "├─ facts    1 of 2 nodes is up", "│  └─ b: \\x1bc",
                "└─ differs",
                "   └─ add node 'b'",
            ])
    }

    @Test func theWorkerIsOneScreen() throws {
        let json = """
            {"version": "1", "driver": "dummy", "function": "lb1", "started": "2014-01-09T15:11:45.704Z", "revision": 7, "load_balancers": 2,
             "job_servers": [{"server": "a:1", "connected": true}, {"server": "b:2", "connected": false}],
             "last_change": {"time": "2014-01-09T15:11:45.704Z", "origin": "api:ann", "what": "CREATE x", "outcome": "PASS"}}
            """
        let lines = table(try view(json) { statusView($0, $1, isWide: false) })
        #expect(lines.contains("job servers     a:1 connected") && lines.contains("                b:2 NOT CONNECTED"))
        #expect(lines.last == "last change     2014-01-09T15:11:45Z api:ann CREATE x: PASS")
    }

    @Test func virtualIPsHaveWhatTheWorkerTellsOfThem() throws {
        let json = """
            {"ips": [{"id": "vip-1", "ip": "10.20.0.1/32", "status": "ACTIVATED", "checks": [{"type": "TCP"}], "interface": "eth0"}]}
            """
        #expect(
            table(try view(json) { addressListView($0, $1, isWide: false) }) == [
                "ID     IP            STATUS     CHECKS  INTERFACE", "vip-1  10.20.0.1/32  ACTIVATED       1  eth0",
            ])
    }

    @Test(arguments: [
        ("change", #"{"origin": "api:ann", "what": "CREATE x", "outcome": "PASS"}"#, "change      api:ann CREATE x: PASS"),
        (
            "health", #"{"load_balancer": "shop", "node": "a", "address": "h:1", "status": "DOWN", "reason": "refused"}"#,
            "health      shop/a h:1 DOWN: refused"
        ),
        ("service", #"{"load_balancer": "shop", "listener": "*:80/tcp", "status": "UP"}"#, "service     shop *:80/tcp UP"),
        ("virtual_ip", #"{"address": "10.0.0.1", "interface": "eth0", "status": "OWNED"}"#, "virtual_ip  10.0.0.1 eth0 OWNED"),
        ("job_server", #"{"server": "a:1", "connected": false, "reason": "refused"}"#, "job_server  a:1 not connected: refused"),
        ("repair", #"{"steps": ["add node 'a'"], "outcome": "PASS"}"#, "repair      add node 'a': PASS"),
        ("new\u{1B}c", #"{"x": 1, "y": "\u001bz"}"#, "new\\x1bc    x 1, y \\x1bz"),
    ])
    func anEventIsALine(name: String, data: String, line: String) throws {
        let tokenizer = try #require(JSONTokenizer())
        let found = try tokenizer.withDocument(Array(data.utf8).span.bytes) { eventLine(name, $0.root, DisplayTraits()) }
        #expect(found == "-  " + line)
        #expect(eventLine("lost", nil, DisplayTraits()).contains("lost"))
    }

    @Test func onlyWhatChangedIsPrintedAgain() throws {
        func list(_ items: String...) throws -> Presentation {
            try view("{\"loadBalancers\": [\(items.joined(separator: ","))]}") { listView($0, $1, isWide: false) }
        }
        let (old, new) = (try list(shop, hostile), try list(shop.replacing("\"UP\",\"source\"", with: "\"DOWN\",\"source\"")))
        #expect(old.changes(since: old, .table, DisplayTraits()) == [])
        #expect(new.changes(since: old, .table, DisplayTraits()) == ["shop  DOWN  HTTP  *:80  ROUND_ROBIN  1/2", "a%2Fb%1B[31m  DELETED"])
        #expect(new.changes(since: old, .jsonl, DisplayTraits()).last == #"{"id": "a/b\u001b[31m", "status": "DELETED"}"#)
        #expect(new.changes(since: old, .name, DisplayTraits()) == ["shop", "a%2Fb%1B[31m"])
    }
}

@Suite struct WordTests {
    @Test(arguments: ["shop", "a/b", "100%", "%41", "é 日本", "x\n\u{1B}", "..", " ", "\u{202E}\u{9B}é"])
    func everyIDHasAWordAndAPath(id: String) {
        let word = Reference.word(for: id)
        #expect(Reference.id(of: word) == id && !word.contains(" ") && !word.contains("/") && !word.contains("\n"))
        #expect(Reference.ids(of: "\(word)/\(word)") == (id, id))
        #expect(Reference.id(of: Reference.segment(for: id)) == id)
        #expect(Reference.segment(for: id).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x3F && $0 != 0x23 })
    }

    @Test func aPercentSignWithoutANumberStandsForItself() {
        #expect(Reference.id(of: "100%") == "100%" && Reference.id(of: "%zz") == "%zz" && Reference.id(of: "%+1") == "%+1")
        #expect(Reference.ids(of: "a") == ("a", nil) && Reference.ids(of: "a/b/c") == ("a", "b/c"))
    }

    @Test(arguments: [(0, "0s"), (59, "59s"), (61, "1m1s"), (3600, "1h"), (7500, "2h5m"), (90_000, "1d1h"), (-5, "0s")])
    func agesAreShort(seconds: Int, text: String) {
        #expect(TimeText.age("2014-01-09T15:11:45.704Z", now: 1_389_280_305 + seconds) == text)
    }

    @Test(arguments: ["", "yesterday", "2014-13-09T15:11:45Z", "2014-01-09 15:11:45Z", "2014-01-09T15:11:45"])
    func whatIsNoTimeStaysAsItIs(text: String) {
        #expect(TimeText.seconds(text) == nil && TimeText.age(text) == text && TimeText.short(text) == text)
    }
}

@Suite struct CompletenessTests {
    @Test func everyCommandAndOptionIsInHelpCompletionAndManual() {
        let texts = [
            commandTable.help, commandTable.completion(for: .bash), commandTable.completion(for: .zsh),
            commandTable.manualPage(date: "2026-01-01", version: "1").replacing("\\-", with: "-"),
        ]
        for text in texts {
            for command in commandTable.commands { #expect(text.contains(command.name), "\(command.name)") }
        }
        for option in commandTable.options {
            for text in texts.dropFirst() { #expect(text.contains("--\(option.name)"), "\(option.name)") }
            let isUsed = commandTable.common.contains(option.name) || commandTable.commands.contains { $0.options.contains(option.name) }
            #expect(isUsed, "\(option.name)")
        }
        for command in commandTable.commands {
            for name in command.options { #expect(commandTable.options.contains { $0.name == name }, "\(command.name) --\(name)") }
        }
    }

    @Test func theManualPageIsWithoutAFault() async throws {
        let page = commandTable.manualPage(date: "2026-01-01", version: version)
        let folder = try TemporaryFolder()
        let file = try folder.write(page, to: "lbaasctl.1")
        let output = try await onThread { try runProgram("/usr/bin/mandoc", ["-Tlint", "-Wwarning", file]) }
        #expect(output == "")
    }
}

/// docs/lbaasctl.md has what the table of commands has, and nothing else.
@Suite struct PageTests {
    private let page: String

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/lbaasctl.md")
        page = try String(contentsOf: file, encoding: .utf8)
    }

    /// The code in the first cells of the rows of a table, which begins with this row.
    private func terms(below head: String) throws -> [String] {
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
        let rows = lines.drop { $0 != head }.dropFirst(2).prefix { $0.hasPrefix("|") }
        try #require(!rows.isEmpty, "\(head)")
        return rows.flatMap { row in row.split(separator: "|")[0].matches(of: #/`([^`]+)`/#).map { String($0.output.1) } }
    }

    @Test func eachCommandIsInThePage() throws {
        let terms = try terms(below: "| command | what it does |")
        /// The command that a term begins with, that with the most words.
        func command(_ term: String) -> String? {
            let words = term.split(separator: " ").map(String.init)
            return commandTable.commands.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }?.name
        }
        for term in terms { #expect(command(term) != nil, "'\(term)' is not a command") }
        let told = Set(terms.compactMap(command))
        for command in commandTable.commands { #expect(told.contains(command.name), "'\(command.name)' is not in docs/lbaasctl.md") }
    }

    @Test func eachOptionIsInThePage() throws {
        let told = Set(page.matches(of: #/--([a-z][a-z-]*)/#).map { String($0.output.1) })
        let known = Set(commandTable.options.map(\.name))
        for name in known { #expect(told.contains(name), "--\(name) is not in docs/lbaasctl.md") }
        #expect(told.subtracting(known).subtracting(["help", "version"]).isEmpty)
    }

    @Test func eachExitStatusIsInThePage() throws {
        let statuses = page.matches(of: #/\n\| (\d+) \| /#).map { String($0.output.1) }
        #expect(statuses == ["0", "1", "2", "64", "69", "74", "77"])
    }
}
