import JobMessages
import LBaaS
import Testing

/// The fields of a node.
@Suite struct NodeTests {
    private func read(_ members: String) throws -> Node {
        try #require(try loadBalancer(http("", nodes: node(members))).nodes.first)
    }

    private func refused(_ node: String) throws -> String { try refusal(create(http("", nodes: node))) }

    @Test func defaults() throws {
        let expected = Node(id: "n", address: .address(.v4(0x0A00_0001)), port: 80, weight: 1, isBackup: false, condition: .enabled)
        #expect(try read("") == expected)
        #expect(try read(#""weight":null,"backup":null,"condition":null"#) == expected)
    }

    @Test(arguments: [("0", 0), ("1", 1), ("256", 256), (#""0""#, 0), (#""256""#, 256), (#""007""#, 7), ("-0", 0)])
    func weights(text: String, weight: UInt16) throws {
        #expect(try read(#""weight":"# + text).weight == weight)
    }

    @Test(arguments: [
        ("257", "Server 'weight' 257 exceeds max of 256"), (#""257""#, "Server 'weight' 257 exceeds max of 256"),
        ("65793", "Server 'weight' 65793 exceeds max of 256"),
        ("9223372036854775808", "Server 'weight' 9223372036854775808 exceeds max of 256"),
        ("18446744073709551617", "Server 'weight' 18446744073709551617 exceeds max of 256"),
        ("-1", "Server 'weight' -1 is below min of 0"), (#""-1""#, "Server 'weight' -1 is below min of 0"),
        ("-18446744073709551617", "Server 'weight' -18446744073709551617 is below min of 0"),
        (#""abc""#, "Non-integer 'weight' value: 'abc'"), (#""""#, "Non-integer 'weight' value: ''"),
        (#""-""#, "Non-integer 'weight' value: '-'"), ("1.5", "Non-integer 'weight' value: '1.5'"),
        ("1e2", "Non-integer 'weight' value: '1e2'"),
        ("true", "Non-integer 'weight' value: 'true'"), ("[]", "Non-integer 'weight' value: '[]'"),
    ]) func badWeights(text: String, complaint: String) throws {
        let job = create(http("", nodes: node(#""weight":"# + text)))
        #expect(try refusal(job) == "Failure adding server n: \(complaint)")
        #expect(
            reply(job)
                == create(http("", nodes: node(#""weight":"# + text + #", "condition": "DISABLED""#))).dropLast()
                + #", "hpcs_response": "FAIL", "hpcs_error": "Failure adding server n: \#(complaint)"}"#)
    }

    @Test func aBadWeightNamesTheNodeByItsNumber() throws {
        #expect(
            try refused(node(#""weight":257"#, id: "1002")) == "Failure adding server 1002: Server 'weight' 257 exceeds max of 256")
    }

    @Test(arguments: [
        ("true", true), (#""true""#, true), (#""TRUE""#, true), (#""tRuE""#, true), ("false", false), (#""FALSE""#, false),
        (#""yes""#, false),
        (#""""#, false),
    ]) func backup(text: String, isBackup: Bool) throws {
        #expect(try read(#""backup":"# + text).isBackup == isBackup)
    }

    @Test(arguments: [("ENABLED", Node.Condition.enabled), ("disabled", .disabled), ("Draining", .draining)])
    func condition(text: String, condition: Node.Condition) throws {
        #expect(try read(#""condition":""# + text + #"""#).condition == condition)
    }

    @Test(arguments: ["10.0.0.1", "::1", "web-1.example_x", "localhost", String(repeating: "a", count: 253)])
    func addresses(text: String) throws {
        let address = try #require(HostAddress(text))
        let read = try loadBalancer(http("", nodes: #"{"id":1,"port":"65535","address":""# + text + #""}"#)).nodes
        #expect(read == [Node(id: "1", address: address, port: 65535)])
    }

    @Test(arguments: [
        (#"{"id":"a","address":"::1","port":0}"#, ".port: 0 is not a port (1 to 65535)"),
        (#"{"id":"a","address":"::1","port":70000}"#, ".port: 70000 is not a port (1 to 65535)"),
        (#"{"id":"a","address":"::1","port":null}"#, ".port: null is not a port (1 to 65535)"),
        (#"{"id":"a","address":null,"port":1}"#, ".address: null is not an address (a string)"),
        (#"{"id":"a","address":"","port":1}"#, #".address: "" is neither an address nor a host name"#),
        (#"{"id":"a","address":"10.0.0","port":1}"#, #".address: "10.0.0" is neither an address nor a host name"#),
        (#"{"id":"a","address":"a\nb","port":1}"#, #".address: "a\nb" is neither an address nor a host name"#),
        (#"{"id":[],"address":"::1","port":1}"#, ".id: [] is not an id (a string or a number)"),
        (#"{"id":true,"address":"::1","port":1}"#, ".id: true is not an id (a string or a number)"),
        (node(#""backup":1"#), ".backup: 1 is not whether the node is a backup (true or false)"),
        (node(#""condition":"UP""#), #".condition: "UP" is not a condition (ENABLED, DISABLED, DRAINING)"#),
        (node(#""condition":false"#), ".condition: false is not a condition (ENABLED, DISABLED, DRAINING)"),
        (node(#""port":80"#), ".port: appears twice; which one is meant?"), ("null", ": null is not an object"),
        ("[]", ": [] is not an object"), (#""a""#, #": "a" is not an object"#),
    ]) func refusals(text: String, sentence: String) throws {
        #expect(try refused(text) == "loadBalancers[0].nodes[0]\(sentence)")
        #expect(try refused(node("", id: "0") + "," + text) == "loadBalancers[0].nodes[1]\(sentence)")
    }

    @Test(arguments: [
        ("{}", "port"), (#"{"id":"1","address":"x"}"#, "port"), (#"{"id":"1","port":"x"}"#, "address"), (#"{"port":0}"#, "address"),
        (#"{"port":0,"address":0}"#, "id"), (#"{"port":0,"address":0,"id":""}"#, "id"), (#"{"port":0,"address":0,"id":null}"#, "id"),
        (#"{"Port":0}"#, "port"),
    ]) func requiredInThisOrder(text: String, missing: String) {
        #expect(reply(create(http("", nodes: text))) == badRequest("Missing node '\(missing)'", at: "loadBalancers[0].nodes[0]"))
    }
}

/// GALERA is TCP with exactly one node that is not a backup.
@Suite struct GaleraTests {
    private func galera(_ nodes: String...) -> String {
        create(#"{"protocol":"galera","port":3306,"nodes":["# + nodes.joined(separator: ",") + "]}")
    }

    @Test func onePrimary() throws {
        let read = try loadBalancers(galera(node(#""backup":true"#, id: "1"), node(id: "2"), node(#""backup":"true""#, id: "3")))
        #expect(read.first?.nodes.map(\.isBackup) == [true, false, true])
    }

    @Test func twoPrimaries() throws {
        let job = galera(node(id: "1"), node(#""backup":true"#, id: "2"), node(id: #""x""#), node(id: "4"))
        let sentence = "Failure adding server x: Galera protocol does not accept more than one non-backup node"
        #expect(try refusal(job) == sentence)
        let conditions = [#", "condition": "ENABLED""#, #", "condition": "ENABLED""#, #", "condition": "DISABLED""#, ""]
        let nodes = zip([node(id: "1"), node(#""backup":true"#, id: "2"), node(id: #""x""#), node(id: "4")], conditions).map {
            $0.dropLast() + $1 + "}"
        }
        #expect(
            reply(job)
                == #"{"hpcs_action":"CREATE","loadBalancers":[{"protocol":"galera","port":3306,"nodes":["# + nodes.joined(separator: ",")
                + #"]}], "hpcs_response": "FAIL", "hpcs_error": ""# + sentence + #""}"#)
    }

    @Test(arguments: [#"{"type":"SOURCE_IP"}"#, #"{"type":"HTTP_COOKIE"}"#]) func stickiness(persistence: String) throws {
        let fields = #"{"protocol":"galera","port":3306,"nodes":["# + node(id: "1") + #"],"sessionPersistence":"#
        #expect(
            try refusal(create(fields + persistence + "}"))
                == "loadBalancers[0].sessionPersistence: \(persistence) asks GALERA for stickiness, which it has none of")
        #expect(try loadBalancers(create(fields + "null}")).first?.sessionPersistence == .some(SessionPersistence.none))
    }

    @Test func noPrimary() throws {
        let sentence = "loadBalancers[0].nodes: GALERA needs exactly one node that is not a backup, and here is none"
        #expect(try refusal(galera()) == sentence)
        #expect(try refusal(galera(node(#""backup":true"#))) == sentence)
    }
}
