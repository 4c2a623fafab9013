import JobMessages
import Requests
import Testing

/// What the reply says of each node.
@Suite struct ConditionTests {
    private func replied(_ members: String, _ outcome: Outcome = .changed, action: String = "CREATE") throws -> String {
        let job = create(http("", nodes: node(members))).replacing("CREATE", with: action)
        let reply = reply(job, outcome)
        let start = try #require(reply.firstRange(of: #""port":80"#)).upperBound
        let end = try #require(reply.firstRange(of: "}]}]")).lowerBound
        return String(reply[start..<end])
    }

    @Test(arguments: [
        ("", #", "condition": "ENABLED""#), (#""condition":"ENABLED""#, #","condition":"ENABLED""#),
        (#""condition":"enabled","x":1"#, #","condition":"ENABLED","x":1"#), (#""condition" : null "#, #","condition" : "ENABLED" "#),
        (#""condition":"disabled""#, #","condition":"DISABLED""#), (#""condition":"Draining","x":1"#, #","condition":"DRAINING","x":1"#),
        (#""\u0063ondition":null"#, #","\u0063ondition":"ENABLED""#),
    ]) func ofANodeThatIsAccepted(members: String, expected: String) throws {
        #expect(try replied(members) == expected)
        #expect(try replied(members, action: "update") == expected)
        #expect(try replied(members, .planned([])) == expected)
    }

    @Test(arguments: [
        ("", #", "condition": "DISABLED""#), (#""condition":"ENABLED","x":1"#, #","condition":"DISABLED","x":1"#),
        (#""condition":"DRAINING""#, #","condition":"DISABLED""#), (#""condition":null"#, #","condition":"DISABLED""#),
    ]) func ofANodeInAJobThatFails(members: String, expected: String) throws {
        #expect(try replied(members, .refused(Refusal(.invalid, "no"))) == expected)
        #expect(try replied(members, .refused(Refusal(.invalid, "no")), action: "UPDATE") == expected)
    }

    @Test(arguments: [
        (#""weight":"x""#, #","weight":"x", "condition": "DISABLED""#),
        (#""condition":"UP","x":1"#, #","condition":"DISABLED","x":1"#), (#""condition":7"#, #","condition":"DISABLED""#),
        (#""condition":{"a":[]}"#, #","condition":"DISABLED""#),
        (#""condition":"DRAINING","backup":[]"#, #","condition":"DISABLED","backup":[]"#),
    ]) func ofTheNodeAtFault(members: String, expected: String) throws {
        #expect(try replied(members) == expected)
    }

    /// Those before it were accepted, those behind it were not looked at.
    @Test func aroundTheNodeAtFault() {
        let job = create(
            http("", nodes: [node(id: "1"), node(#""condition":"draining""#, id: "2")].joined(separator: ",")),
            http("", nodes: [node(id: "3"), node(#""weight":300"#, id: "4"), node(id: "5")].joined(separator: ","))
                .replacing("web", with: "b"),
            http(#""monitor":7"#).replacing("web", with: "c"))
        let expected = create(
            http(
                "", nodes: [node(#" "condition": "ENABLED""#, id: "1"), node(#""condition":"DRAINING""#, id: "2")].joined(separator: ",")),
            http(
                "",
                nodes: [
                    node(#" "condition": "ENABLED""#, id: "3"), node(#""weight":300, "condition": "DISABLED""#, id: "4"), node(id: "5"),
                ].joined(separator: ",")
            ).replacing("web", with: "b"),
            http(#""monitor":7"#).replacing("web", with: "c"))
        let end = #", "hpcs_response": "FAIL", "hpcs_error": "Failure adding server 4: Server 'weight' 300 exceeds max of 256"}"#
        #expect(reply(job) == expected.dropLast() + end)
    }

    @Test func otherActionsLeaveNodesAlone() {
        for action in ["SUSPEND", "ENABLE", "DELETE", "STATS", "DISCOVER", "DIAGNOSTICS"] {
            let job = create(http("", nodes: node(#""condition":"x""#))).replacing("CREATE", with: action)
            #expect(reply(job) == job.dropLast() + #", "hpcs_response": "PASS"}"#)
            #expect(reply(job, .refused(Refusal(.invalid, "no"))) == job.dropLast() + #", "hpcs_response": "FAIL", "hpcs_error": "no"}"#)
        }
    }
}
