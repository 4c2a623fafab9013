import Foundation
import JobMessages
import Testing

/// A JSON value, of which each part can be replaced.
indirect enum Tree: Sendable {
    case leaf(String)
    case object(KeyValuePairs<String, Tree>)
    case list([Tree])

    var text: String {
        switch self {
        case .leaf(let text): text
        case .object(let members): "{" + members.map { "\"\($0.key)\":\($0.value.text)" }.joined(separator: ",") + "}"
        case .list(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        }
    }

    /// The whole text once for each part, with the part in question replaced, and where that part stands.
    func replacingEach(by value: String, at path: String = "") -> [(path: String, text: String)] {
        let own = path.isEmpty ? [] : [(path, value)]
        switch self {
        case .leaf:
            return own
        case .object(let members):
            return own
                + members.indices.flatMap { index in
                    members[index].value.replacingEach(by: value, at: path + (path.isEmpty ? "" : ".") + members[index].key).map { part in
                        let texts = members.indices.map {
                            "\"\(members[$0].key)\":\($0 == index ? part.text : members[$0].value.text)"
                        }
                        return (part.path, "{" + texts.joined(separator: ",") + "}")
                    }
                }
        case .list(let elements):
            return own
                + elements.indices.flatMap { index in
                    elements[index].replacingEach(by: value, at: "\(path)[\(index)]").map { part in
                        (part.path, "[" + elements.indices.map { $0 == index ? part.text : elements[$0].text }.joined(separator: ",") + "]")
                    }
                }
        }
    }
}

/// Every known field with every kind of value.
@Suite struct WrongTypeTests {
    /// A good job with every field.
    static let job = Tree.object([
        "hpcs_action": .leaf(#""CREATE""#), "hpcs_dry_run": .leaf("false"), "hpcs_force": .leaf("false"),
        "hpcs_object_store_type": .leaf(#""swift""#),
        "hpcs_object_store_basepath": .leaf(#""b""#), "hpcs_object_store_endpoint": .leaf(#""e""#),
        "hpcs_object_store_token": .leaf(#""t""#), "hpcs_response": .leaf("1"), "hpcs_error": .leaf("2"), "nodes": .leaf("3"),
        "loadBalancers": .list([
            .object([
                "id": .leaf(#""a""#), "name": .leaf(#""b""#), "protocol": .leaf(#""TCP""#), "port": .leaf("80"),
                "address": .leaf(#""10.0.0.1""#),
                "algorithm": .leaf(#""MAGLEV""#),
                "monitor": .object([
                    "type": .leaf(#""HTTP""#), "delay": .leaf("30"), "timeout": .leaf("20"), "attempts": .leaf("2"), "path": .leaf(#""/""#),
                    "rise": .leaf("2"), "expected_codes": .leaf(#""200""#), "host": .leaf(#""h""#), "port": .leaf("1"),
                    "method": .leaf(#""GET""#), "address": .leaf(#""10.0.0.3""#), "source": .leaf(#""10.0.0.4""#),
                ]),
                "options": .object([
                    "client_timeout": .leaf("1"), "server_timeout": .leaf("1"), "connect_timeout": .leaf("1"),
                    "connect_retries": .leaf("1"),
                ]),
                "sessionPersistence": .object(["type": .leaf(#""SOURCE_IP""#), "timeout": .leaf("300")]),
                "forwarding": .leaf(#""TUNNEL""#),
                "tunnel": .object(["type": .leaf(#""GUE""#), "port": .leaf("6080"), "checksum": .leaf("true")]), "quorum": .leaf("5"),
                "hysteresis": .leaf("1"), "sorry_server": .object(["address": .leaf(#""10.0.0.9""#), "port": .leaf("1")]),
                "nodes": .list([
                    .object([
                        "id": .leaf(#""n""#), "address": .leaf(#""10.0.0.2""#), "port": .leaf("80"), "weight": .leaf("1"),
                        "backup": .leaf("false"), "condition": .leaf(#""ENABLED""#),
                    ])
                ]),
            ])
        ]),
    ])

    /// A good job with what only some types of monitors have.
    static let monitors = Tree.object([
        "hpcs_action": .leaf(#""CREATE""#),
        "loadBalancers": .list([
            checked("HTTPS", "verify", .leaf("true"), "ca_file", .leaf(#""/ca""#)),
            checked("TLS", "server_name", .leaf(#""s""#), "quiesce", .leaf("true")),
            checked("UDP", "send", .leaf(#""s""#), "expect", .leaf(#""0x00""#)),
            checked("EXEC", "command", .list([.leaf(#""/bin/true""#), .leaf(#""a""#)]), "initial", .leaf(#""UP""#)),
        ]),
    ])

    /// A load balancer with little more than a monitor, which has these fields beside those that it must have.
    private static func checked(_ type: String, _ name: String, _ value: Tree, _ second: String, _ other: Tree) -> Tree {
        .object([
            "id": .leaf(#""\#(type)""#), "protocol": .leaf(#""TCP""#), "port": .leaf("81"), "nodes": .list([]),
            "monitor": .object([
                "type": .leaf(#""\#(type)""#), "delay": .leaf("3"), "timeout": .leaf("1"), "attempts": .leaf("1"), name: value,
                second: other,
            ]),
        ])
    }

    static let actions = [
        "UPDATE", "CREATE", "SUSPEND", "ENABLE", "DELETE", "DISCOVER", "STATS", "METRICS", "ARCHIVE", "DIAGNOSTICS",
    ]

    static let values = [
        "null", "true", "false", "0", "-1", "1", "1.5", "1e5", "70000", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e308", "5e-324", #""""#, #""x""#, #""-1""#, #""1.5""#,
        #""1e5""#,
        #""9223372036854775808""#, #""true""#, #""\u0000""#, #""\n\"\\""#, #""😀""#, "[]", "[[]]", "[null]", "[1,2]", "{}", #"{"a":1}"#,
        #"{"":{}}"#,
        #"{"id":"x","type":"HTTP"}"#,
    ]

    @Test(arguments: values) func everyFieldTakesEveryKindOfValue(value: String) throws {
        let messages = JobMessages()
        for (job, action) in Self.actions.map({ (Self.job, $0) }) + [(Self.monitors, "CREATE")] {
            for (path, text) in job.replacingEach(by: value) {
                let text = text.replacing("CREATE", with: action)
                let answer = answer(text, by: messages)
                let object = try object(answer.reply)
                let response = try #require(object["hpcs_response"] as? String, "\(text)")
                #expect(["PASS", "FAIL"].contains(response), "\(text)")
                #expect((response == "FAIL") == (answer.error != nil), "\(text)")
                if let error = answer.error {
                    #expect(object["hpcs_error"] as? String == error, "\(text)")
                    #expect(names(path, in: error), "\(path), and the sentence is: \(error)")
                }
                #expect((object["hpcs_object_store_token"] as? String ?? "*****") == "*****", "\(text)")
            }
        }
    }

    /// Whether a sentence names the field that was replaced, what it is in, or the field beside it that it no longer goes with.
    private func names(_ path: String, in sentence: String) -> Bool {
        let beside = [
            "loadBalancers[0].monitor.delay": "loadBalancers[0].monitor.timeout", "loadBalancers[0].quorum": "loadBalancers[0].hysteresis",
            "loadBalancers[0].forwarding": "loadBalancers[0].tunnel",
            "loadBalancers[0].monitor.verify": "loadBalancers[0].monitor.ca_file",
        ]
        if path.hasSuffix(".weight"), sentence.hasPrefix("Failure adding server n: ") { return true }
        if let other = beside[path], sentence.hasPrefix("\(other): ") { return true }
        // What is missing is named by what it is missing from.
        let parent = path.lastIndex { $0 == "." || $0 == "[" }.map { String(path[..<$0]) } ?? "job"
        return sentence.hasPrefix("\(path): ") || sentence.hasPrefix("\(path)[") || sentence.hasPrefix("\(path).")
            || sentence.hasPrefix("\(parent): Missing ")
    }

    @Test func theGoodJobIsGood() throws {
        for action in Self.actions where action != "METRICS" {
            #expect(answer(Self.job.text.replacing("CREATE", with: action)).error == nil)
        }
        #expect(answer(Self.monitors.text).error == nil)
    }
}
