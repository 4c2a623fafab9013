import JobMessages
import LBaaS
import Testing

/// What tells load balancers, and nodes, from each other.
@Suite struct IdentityTests {
    /// Texts on the wire and their characters.
    static let texts = [
        (#""a""#, "a"), (#"" ""#, " "), (#""\"""#, "\""), (#""\\""#, "\\"), (#""a\nb""#, "a\nb"), (#""\u0000""#, "\u{0}"),
        (#""a\u0000b""#, "a\u{0}b"),
        (#""😀""#, "😀"), (#""\ud83d\ude00""#, "😀"), (#""\u00e9""#, "é"), (#""\/""#, "/"), (#""\u0007""#, "\u{7}"), ("\"\u{7F}\"", "\u{7F}"),
        ("\"\u{2028}\u{202E}\"", "\u{2028}\u{202E}"), (#""e\u0301""#, "e\u{301}"), (#""\r\n""#, "\r\n"), (#""'""#, "'"),
        (#""\ufffe""#, "\u{FFFE}"),
        ("1", "1"), ("0", "0"), ("-0", "-0"), ("1.0", "1.0"), ("1e5", "1e5"), ("12345678901234567890", "12345678901234567890"),
    ]

    @Test(arguments: texts) func anyCharactersMakeAnID(text: String, characters: String) throws {
        let job = create(http("", nodes: node(id: text)).replacing(#""web""#, with: text))
        let read = try loadBalancers(job)
        #expect(read.map { Array($0.id.text.utf8) } == [Array(characters.utf8)])
        #expect(read.first?.nodes.map { Array($0.id.text.utf8) } == [Array(characters.utf8)])
        let replied = create(http("", nodes: node(#" "condition": "ENABLED""#, id: text)).replacing(#""web""#, with: text))
        #expect(reply(job) == replied.dropLast() + #", "hpcs_response": "PASS"}"#)
        #expect(answer(job).loadBalancers.map { Array($0.text.utf8) } == [Array(characters.utf8)])
    }

    @Test(arguments: texts) func anyCharactersComeThroughASentence(text: String, characters: String) throws {
        #expect(
            try refusal(create(http("", nodes: node(#""weight":300"#, id: text))))
                == "Failure adding server \(characters): Server 'weight' 300 exceeds max of 256")
    }

    @Test(arguments: [
        (#""id":"a","name":"b""#, "a"), (#""id":null,"name":"b""#, "b"), (#""id":"","name":"b""#, "b"), (#""name":"b""#, "b"),
        (#""name":"""#, "http"), (#""id":null,"name":null"#, "http"), (#""id":0"#, "0"), ("", "http"),
    ]) func idElseNameElseProtocol(members: String, id: String) throws {
        let text = #"{"protocol":"hTTp","nodes":[]"# + (members.isEmpty ? "" : "," + members) + "}"
        #expect(try loadBalancer(text).id.text == id)
    }

    @Test(arguments: [
        (#"{"id":"a"}"#, #"{"id":"a"}"#, "'a'"), (#"{"id":"a"}"#, #"{"name":"a"}"#, "'a'"), (#"{"id":"http"}"#, "{}", "'http'"),
        ("{}", "{}", "'http'"), (#"{"id":1}"#, #"{"id":"1"}"#, "'1'"), (#"{"id":"\u0061"}"#, #"{"id":"a"}"#, "'a'"),
        (#"{"id":"a\nb"}"#, #"{"id":"a\nb"}"#, #"'a\nb'"#), (#"{"name":"é"}"#, #"{"id":"\u00e9"}"#, "'é'"),
    ]) func twoOfOneIdentity(first: String, second: String, shown: String) throws {
        let both = [first, second].map { $0.dropLast() + ($0 == "{}" ? "" : ",") + #""protocol":"HTTP","nodes":[]}"# }
        let third = #"{"id":"other","protocol":"TCP","port":1,"nodes":[]}"#
        #expect(
            try refusal(create(both[0], third, both[1]))
                == "loadBalancers[2]: \(shown) is also loadBalancers[0]; give each an id of its own")
    }

    @Test(arguments: 1...40) func twoNodesOfOneID(count: Int) throws {
        let nodes = (0..<count).map { node(id: String($0)) } + [node(id: #""0""#)]
        #expect(
            try refusal(create(http("", nodes: nodes.joined(separator: ","))))
                == "loadBalancers[0].nodes[\(count)].id: '0' is also the id of another node of this load balancer")
    }

    @Test func nodesOfTwoLoadBalancersMayShareAnID() throws {
        let job = create(http("", nodes: node()), http("", nodes: node()).replacing("web", with: "b"))
        #expect(try loadBalancers(job).map(\.nodes.count) == [1, 1])
    }

    /// Other bytes, another id: nobody but us would take the two for one.
    @Test(arguments: [
        (#""\u00e9""#, #""e\u0301""#), (#""1""#, #""1.0""#), (#""a""#, #""A""#), (#""a""#, #""a ""#), (#""a""#, #""a\u0000""#),
    ])
    func idsThatDifferInAnyByteAreTwo(first: String, second: String) throws {
        #expect(try loadBalancers(create(http("", nodes: node(id: first) + "," + node(id: second)))).map(\.nodes.count) == [2])
        let pair = [first, second].map { http("").replacing(#""web""#, with: $0) }
        #expect(try loadBalancers(create(pair[0], pair[1])).count == 2)
        let job = #"{"hpcs_action":"DELETE","loadBalancers":[{"id":"# + first + #"},{"id":"# + second + "}]}"
        #expect(answer(job).loadBalancers.count == 2)
    }
}
