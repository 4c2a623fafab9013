import JobMessages
import LBaaS
import LoadBalancerJSON
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
        case .change(.routes(let change), let options): "routes \(change) \(options.isDryRun)"
        case .change(.virtualIPs(let change, let other), let options):
            "\(text(change)) with \(other.map { "\($0.name) \($0.loadBalancers.map(\.text))" } ?? "nothing") \(options.isDryRun)"
        case .status(let selection): "status \(text(selection))"
        case .metrics(let selection, let hasConnections): "metrics\(hasConnections ? " with connections" : "") \(text(selection))"
        case .discover: "discover"
        case .archive(let order): "archive \(order.loadBalancer)"
        case .diagnostics: "diagnostics"
        }
    }

    private func text(_ change: VirtualIPChange) -> String {
        switch change {
        case .replace(let list): "replace virtual IPs \(list.map { "\($0.address) \($0.interface)" })"
        case .put(let list): "put virtual IPs \(list.map { "\($0.address) \($0.interface)" })"
        case .remove(let addresses, let mustExist): "remove virtual IPs \(addresses.map(\.description)) \(mustExist)"
        default: "\(change)"
        }
    }

    @Test(
        "Virtual IPs go with load balancers, or alone",
        arguments: [
            (
                "UPDATE", #","loadBalancers":[],"virtualIPs":[{"address":"10.0.0.9","interface":"eth0"}]"#,
                "replace virtual IPs [\"10.0.0.9 eth0\"] with UPDATE [] false"
            ),
            ("UPDATE", #","loadBalancers":[],"virtualIPs":[]"#, "replace virtual IPs [] with UPDATE [] false"),
            (
                "CREATE", #","virtualIPs":[{"address":"2001:DB8::1/128","interface":"eth0"}]"#,
                "put virtual IPs [\"2001:db8::1 eth0\"] with nothing false"
            ),
            (
                "CREATE", #","loadBalancers":[],"virtualIPs":[{"address":"10.0.0.9","interface":"e"}],"hpcs_dry_run":true"#,
                "put virtual IPs [\"10.0.0.9 e\"] with CREATE [] true"
            ),
            ("DELETE", #","virtualIPs":[{"address":"10.0.0.9"}]"#, "remove virtual IPs [\"10.0.0.9\"] false with nothing false"),
            (
                "DELETE", #","loadBalancers":[{"id":"a"}],"virtualIPs":[{"address":"10.0.0.9","interface":5}]"#,
                "remove virtual IPs [\"10.0.0.9\"] false with DELETE [\"a\"] false"
            ),
        ])
    func virtualIPs(action: String, members: String, expected: String) throws {
        #expect(try summary(#"{"hpcs_action":""# + action + #"""# + members + "}") == expected)
    }

    @Test(
        "Virtual IPs that are none are refused with the place",
        arguments: [
            ("CREATE", "null", "virtualIPs: null is not a list"),
            ("CREATE", "[5]", "virtualIPs[0]: 5 is not an object"),
            ("CREATE", "[{}]", "virtualIPs[0].address: is missing; it says which virtual IP is meant"),
            ("DELETE", "[{}]", "virtualIPs[0].address: is missing; it says which virtual IP is meant"),
            ("CREATE", #"[{"address":"x"}]"#, #"virtualIPs[0].address: "x" is not an IPv4 or IPv6 address"#),
            (
                "CREATE", #"[{"address":"10.0.0.9/24"}]"#,
                #"virtualIPs[0].address: "10.0.0.9/24" is a network; a virtual IP is one address, without a prefix length or with /32"#
            ),
            ("CREATE", #"[{"address":"10.0.0.9"}]"#, "virtualIPs[0].interface: is missing; it says where the address is bound"),
            (
                "CREATE", #"[{"address":"127.0.0.1"}]"#,
                "virtualIPs[0].address: 127.0.0.1 cannot be a virtual IP: it is a loopback address"
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"a/b"}]"#,
                "virtualIPs[0].interface: 'a/b' is not a name of an interface: 1 to 15 letters without spaces, slashes and colons"
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"e"},{"address":"10.0.0.9/32","interface":"e"}]"#,
                "virtualIPs[1]: 10.0.0.9 is also virtualIPs[0]"
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"e","fence":"none"}]"#,
                "virtualIPs[0].fence: only addresses with the policy at_most_one have one"
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"e","priorit":1}]"#,
                "virtualIPs[0].priorit: is not a field; did you mean priority?"
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"e","preempt":"maybe"}]"#,
                #"virtualIPs[0].preempt: "maybe" is not true, false or a number of seconds from 0 to 86400"#
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"e","checks":[{"type":"TCP","host":"10.0.0.1"}]}]"#,
                "virtualIPs[0].checks[0].port: is missing"
            ),
            (
                "CREATE", #"[{"address":"10.0.0.9","interface":"e","checks":[{"type":"UDP","host":"10.0.0.1","port":1}]}]"#,
                #"virtualIPs[0].checks[0].type: "UDP" is not the type of a check (TCP)"#
            ),
            (
                "CREATE",
                #"[{"address":"10.0.0.9","interface":"e","checks":[{"type":"TCP","host":"10.0.0.1","port":1,"timeout":2}]}]"#,
                "virtualIPs[0].checks[0].timeout: 2 is longer than the interval"
            ),
        ])
    func wrongVirtualIPs(action: String, list: String, sentence: String) {
        #expect(answer(#"{"hpcs_action":""# + action + #"","virtualIPs":"# + list + "}").error == sentence)
    }

    @Test("A virtual IP has every field, and is kept as it is read")
    func virtualIPFields() throws {
        let job = #"""
            {"hpcs_action":"CREATE","virtualIPs":[{"address":"10.0.0.9","interface":"eth0","policy":"at_most_one","fence":"none","priority":7,
            "preempt":2.5,"follow_services":true,"checks":[{"type":"tcp","host":"::1","port":"80","interval":0.5,"fall":2,"rise":3}]}]}
            """#
        guard case .change(.virtualIPs(.put(let list), nil), _) = try request(job), let read = list.first else {
            Issue.record("it is something else")
            return
        }
        var expected = try VirtualIP(address: .v4(0x0A00_0009), interface: "eth0", policy: .atMostOne(fence: .none))
        (expected.priority, expected.preemption, expected.followsServices) = (7, .after(.milliseconds(2500)), true)
        var check = VirtualIP.Check(host: .v6(high: 0, low: 1), port: 80)
        (check.interval, check.timeout, check.fall, check.rise) = (.milliseconds(500), .milliseconds(500), 2, 3)
        expected.checks = [check]
        #expect(read == expected)
        #expect(try StoredVirtualIP.virtualIP(from: StoredVirtualIP.text(of: read)) == read)
        let plain = try VirtualIP(address: .v6(high: 0x2001_0DB8_0000_0000, low: 1), interface: "e\"1")
        #expect(try StoredVirtualIP.virtualIP(from: StoredVirtualIP.text(of: plain)) == plain)
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
            .status(let selection), .metrics(let selection, false):
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
