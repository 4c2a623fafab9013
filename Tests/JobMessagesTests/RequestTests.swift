import JobMessages
import LBaaS
import Requests
import Testing

/// Each action is read as what it asks for.
@Suite struct RequestTests {
    /// A request without its load balancers' details, so that it can be compared.
    private func summary(_ job: String) throws -> String {
        switch try request(job) {
        case .change(.update(let list), let options): "update \(list.map(\.id.text)) \(options.isDryRun)"
        case .change(.create(let list), let options): "create \(list.map(\.id.text)) \(options.isDryRun)"
        case .change(.suspend(let selection), let options): "suspend \(text(selection)) \(options.isDryRun)"
        case .change(.enable(let selection), let options): "enable \(text(selection)) \(options.isDryRun)"
        case .change(.delete(let selection), let options): "delete \(text(selection)) \(options.isDryRun)"
        case .status(let selection): "status \(text(selection))"
        case .metrics(let selection): "metrics \(text(selection))"
        case .discover: "discover"
        case .archive(let order): "archive \(order.loadBalancer)"
        case .diagnostics: "diagnostics"
        }
    }

    private func text(_ selection: Selection) -> String {
        switch selection {
        case .all: "all"
        case .named(let ids): "\(ids.map(\.text))"
        }
    }

    @Test(arguments: [
        ("UPDATE", #","loadBalancers":[]"#, "update [] false"), ("CREATE", #","loadBalancers":[]"#, "create [] false"),
        ("SUSPEND", "", "suspend all false"), ("ENABLE", "", "enable all false"), ("DELETE", "", "delete all false"),
        ("STATS", "", "status all"), ("METRICS", "", "metrics all"), ("DISCOVER", "", "discover"), ("DIAGNOSTICS", "", "diagnostics"),
        ("DISCOVER", #","loadBalancers":5,"hpcs_dry_run":5"#, "discover"),
        ("DIAGNOSTICS", #","loadBalancers":5,"hpcs_dry_run":5"#, "diagnostics"),
        ("STATS", #","hpcs_dry_run":5,"hpcs_force":5"#, "status all"),
    ]) func actions(action: String, members: String, expected: String) throws {
        for spelling in [action, action.lowercased(), action.capitalized] {
            let job = #"{"hpcs_action":""# + spelling + #"""# + members + "}"
            #expect(try summary(job) == expected)
            #expect(answer(job).action == action)
        }
    }

    static let named = ["SUSPEND", "ENABLE", "DELETE", "STATS", "METRICS"]

    @Test(
        arguments: named,
        [
            ("", []), (#"{"id":"a"}"#, ["a"]), (#"{"name":"b"}"#, ["b"]), (#"{"protocol":"HTTP"}"#, ["http"]),
            (#"{"protocol":"Galera"}"#, ["galera"]), (#"{"protocol":"TCP","name":"b","id":"a"}"#, ["a"]),
            (#"{"protocol":"TCP","name":"b","id":null}"#, ["b"]), (#"{"protocol":"TCP","name":"b","id":""}"#, ["b"]),
            (#"{"protocol":"TCP","name":null,"id":null}"#, ["tcp"]), (#"{"protocol":"TCP","name":"","id":""}"#, ["tcp"]),
            (#"{"id":1}"#, ["1"]), (#"{"id":1.0}"#, ["1.0"]), (#"{"id":12345678901234567890}"#, ["12345678901234567890"]),
            (#"{"name":7}"#, ["7"]), (#"{"id":"b"},{"id":"a"},{"name":"b"},{"id":"A"}"#, ["b", "a", "A"]),
            (#"{"id":"\"\n\u0000\ud83d\ude00"}"#, ["\"\n\u{0}😀"]), (#"{"id":"a","nodes":5,"port":"x","foo":[]}"#, ["a"]),
        ])
    func selections(action: String, list: (text: String, ids: [String])) throws {
        let job = #"{"hpcs_action":""# + action + #"","loadBalancers":["# + list.text + "]}"
        let expected = Selection.named(list.ids.map { LoadBalancerID($0) })
        switch try request(job) {
        case .change(.suspend(let selection), ChangeOptions()), .change(.enable(let selection), ChangeOptions()),
            .change(.delete(let selection), ChangeOptions()),
            .status(let selection), .metrics(let selection):
            #expect(selection == expected)
        case let other: Issue.record("read as \(other)")
        }
        let answer = answer(job)
        #expect(answer.loadBalancers.map(\.text) == list.ids)
        #expect(String(decoding: answer.reply, as: UTF8.self) == job.dropLast() + #", "hpcs_response": "PASS"}"#)
    }

    @Test(
        arguments: named,
        [
            ("null", "loadBalancers: null is not a list"), ("{}", "loadBalancers: {} is not a list"),
            (#""a""#, #"loadBalancers: "a" is not a list"#), ("[null]", "loadBalancers[0]: null is not an object"),
            (#"[{"id":"a"},"b"]"#, #"loadBalancers[1]: "b" is not an object"#),
            ("[{}]", "loadBalancers[0]: has neither id, name nor protocol, so nobody knows which one is meant"),
            (#"[{"id":""}]"#, "loadBalancers[0]: has neither id, name nor protocol, so nobody knows which one is meant"),
            (#"[{"id":"a"},{"id":true}]"#, "loadBalancers[1].id: true is not an id (a string or a number)"),
            (#"[{"name":[]}]"#, "loadBalancers[0].name: [] is not an id (a string or a number)"),
            (#"[{"protocol":6}]"#, "loadBalancers[0].protocol: 6 is not a protocol (a string)"),
            (#"[{"id":"a","id":"b"}]"#, "loadBalancers[0].id: appears twice; which one is meant?"),
        ])
    func badSelections(action: String, list: (text: String, sentence: String)) throws {
        #expect(try refusal(#"{"hpcs_action":""# + action + #"","loadBalancers":"# + list.text + "}") == list.sentence)
    }

    static let changes = ["UPDATE", "CREATE", "SUSPEND", "ENABLE", "DELETE"]

    /// The two options of a change, and what each says.
    enum Option: String, CaseIterable {
        case dryRun = "hpcs_dry_run"
        case force = "hpcs_force"

        var meaning: String {
            switch self {
            case .dryRun: "whether this is a dry run"
            case .force: "whether this is done by force"
            }
        }
    }

    private static func job(_ action: String, _ option: Option, _ value: String) -> String {
        #"{"hpcs_action":""# + action + #"","loadBalancers":[],""# + option.rawValue + #"":"# + value + "}"
    }

    @Test(arguments: changes, Option.allCases)
    func options(action: String, option: Option) throws {
        for (text, isOn) in [("true", true), ("false", false), ("null", false)] {
            // Nothing leaves for good by these.
            if isOn, option == .force, ["SUSPEND", "ENABLE"].contains(action) { continue }
            guard case .change(_, let options) = try request(Self.job(action, option, text)) else {
                Issue.record("no change")
                continue
            }
            #expect(options == ChangeOptions(isDryRun: isOn && option == .dryRun, isForced: isOn && option == .force))
        }
    }

    @Test func bothOptions() throws {
        let job = #"{"hpcs_action":"DELETE","hpcs_force":true,"hpcs_dry_run":true}"#
        guard case .change(.delete(.all), ChangeOptions(isDryRun: true, isForced: true)) = try request(job) else {
            Issue.record("not both")
            return
        }
    }

    @Test(arguments: changes, Option.allCases)
    func badOptions(action: String, option: Option) throws {
        for value in [#""true""#, "1", "0", "[]", "{}"] {
            #expect(
                try refusal(Self.job(action, option, value)) == "\(option.rawValue): \(value) is not \(option.meaning) (true or false)")
        }
    }

    @Test(arguments: [
        ("", "hpcs_action: is missing; it says what to do"),
        (#""Hpcs_action":"UPDATE""#, "Hpcs_action: is not a field; did you mean hpcs_action?"),
        (#""hpcs_action":"BOGUS""#, #"hpcs_action: "BOGUS" is not an action (\#(actionNames))"#),
        (#""hpcs_action":"""#, #"hpcs_action: "" is not an action (\#(actionNames))"#),
        (#""hpcs_action":" STATS""#, #"hpcs_action: " STATS" is not an action (\#(actionNames))"#),
        (#""hpcs_action":"ſtats""#, #"hpcs_action: "ſtats" is not an action (\#(actionNames))"#),
        (#""hpcs_action":null"#, "hpcs_action: null is not an action (\(actionNames))"),
        (#""hpcs_action":1"#, "hpcs_action: 1 is not an action (\(actionNames))"),
        (#""hpcs_action":["STATS"]"#, #"hpcs_action: ["STATS"] is not an action (\#(actionNames))"#),
        (#""hpcs_action":"STATS","hpcs_action":"STATS""#, "hpcs_action: appears twice; which one is meant?"),
    ]) func badActions(members: String, sentence: String) throws {
        let job = "{" + members + "}"
        #expect(try refusal(job) == sentence)
        #expect(answer(job).action == "-")
        #expect(reply(job).hasPrefix(job.dropLast()))
    }

    private static let actionNames =
        "UPDATE, CREATE, SUSPEND, ENABLE, DELETE, DISCOVER, STATS, METRICS, ARCHIVE, DIAGNOSTICS"
}
