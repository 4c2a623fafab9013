import Foundation
import JobMessages
import LBaaS
import Testing

/// Whatever comes in, an answer goes out, and the next job is answered too.
@Suite struct BadInputTests {
    /// Hands a bad job in, then a good one to the same messages.
    private func refused(_ job: [UInt8]) throws -> String {
        let messages = JobMessages()
        let answer = messages.answer(job.span.bytes) { _ in
            Issue.record("it was understood")
            return .changed
        }
        let error = try #require(answer.error)
        let object = try object(answer.reply)
        #expect(object["hpcs_response"] as? String == "FAIL")
        #expect(object["hpcs_error"] as? String == error)
        try expectGoodAnswer(from: messages)
        return error
    }

    private func expectGoodAnswer(from messages: JobMessages) throws {
        let good = JobMessagesTests.answer(create(http("", nodes: node())), by: messages)
        #expect(
            String(decoding: good.reply, as: UTF8.self)
                == create(http("", nodes: node(#" "condition": "ENABLED""#))).dropLast() + #", "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: [
        "", " ", "\n", "\0", "x", "{", "}", "[", "]", "\"", "nul", "null", "true", "1", "-1", "1e5", #""text""#, "[]",
        #"[{"hpcs_action":"ENABLE"}]"#,
        "{]", #"{"hpcs_action""#, #"{"hpcs_action":"#, #"{"hpcs_action":}"#, #"{"hpcs_action":"ENABLE""#, #"{"hpcs_action":"ENABLE",}"#,
        #"{"hpcs_action":"ENABLE"}}"#, #"{"hpcs_action":"ENABLE"}{}"#, #"{"hpcs_action":"ENABLE"} x"#, "{\"hpcs_action\":\"ENABLE\"}\0",
        #"{'hpcs_action':'ENABLE'}"#, #"{hpcs_action:"ENABLE"}"#, #"{"hpcs_action" "ENABLE"}"#, #"{"hpcs_action":"ENABLE" "a":1}"#,
        #"{"hpcs_action":"ENABLE","a":01}"#, #"{"hpcs_action":"ENABLE","a":+1}"#, #"{"hpcs_action":"ENABLE","a":.5}"#,
        #"{"hpcs_action":"ENABLE","a":1.}"#, #"{"hpcs_action":"ENABLE","a":1e}"#, #"{"hpcs_action":"ENABLE","a":-}"#,
        #"{"hpcs_action":"ENABLE","a":NaN}"#, #"{"hpcs_action":"ENABLE","a":Infinity}"#, #"{"hpcs_action":"ENABLE","a":0x1}"#,
        #"{"hpcs_action":"ENABLE","a":True}"#, #"{"hpcs_action":"ENABLE","a":nulll}"#, #"{"hpcs_action":"ENABLE","a":truee}"#,
        #"{"hpcs_action":"ENABLE","a":1e999}"#, #"{"hpcs_action":"ENABLE","a":-1e999}"#, #"{"hpcs_action":"ENABLE","a":[1,]}"#,
        #"{"hpcs_action":"ENABLE","a":[1 2]}"#, #"{"hpcs_action":"ENABLE",1:2}"#, #"{"hpcs_action":"ENABLE",null:2}"#,
        #"{"hpcs_action":"ENABLE"} // remark"#, #"/**/{"hpcs_action":"ENABLE"}"#, "\u{FEFF}{\"hpcs_action\":\"ENABLE\"}",
        #"{"hpcs_action":"ENABLE","a":"\x"}"#, #"{"hpcs_action":"ENABLE","a":"\u12"}"#, #"{"hpcs_action":"ENABLE","a":"\u12G4"}"#,
        #"{"hpcs_action":"ENABLE","\u12":1}"#, "{\"hpcs_action\":\"ENABLE\",\u{A0}\"a\":1}",
    ]) func notAnObject(text: String) throws {
        #expect(try refused(Array(text.utf8)).hasPrefix("the job is not a JSON object: "))
    }

    @Test func theReplyToWhatIsNoObject() {
        #expect(
            reply("[]") == #"{"hpcs_response": "FAIL", "hpcs_error": "the job is not a JSON object: it is an array"}"#)
        let answer = answer("[]")
        #expect(answer.action == "-")
        #expect(answer.loadBalancers.isEmpty)
    }

    @Test(
        arguments: [
            [0xFF], [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE2, 0x82], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xFE, 0xFE, 0xFF, 0xFF],
        ] as [[UInt8]]) func invalidUTF8(bytes: [UInt8]) throws
    {
        for (before, after) in [
            (#"{"hpcs_action":"ENABLE","a":""#, #""}"#), (#"{"hpcs_action":"ENABLE",""#, #"":1}"#), (#"{"hpcs_action":"#, #""}"#),
            (#"{"hpcs_action":"DELETE","loadBalancers":[{"id":""#, #""}]}"#), (#"{"hpcs_action":"ENABLE"}"#, ""), ("", "{}"),
        ] {
            #expect(try refused(Array(before.utf8) + bytes + Array(after.utf8)).hasPrefix("the job is not a JSON object: "))
        }
    }

    /// They stand for no character, so nobody knows which id is meant.
    @Test(arguments: [
        #"\ud800"#, #"\udbff"#, #"\udc00"#, #"\uDFFF"#, #"\ud800x"#, #"\ud800\n"#, #"\ud800\u0041"#, #"\ud800\ud800"#, #"\udc00\ud800"#,
    ])
    func loneSurrogates(text: String) throws {
        for job in [
            #"{"hpcs_action":"DELETE","loadBalancers":[{"id":""# + text + #""}]}"#, #"{"hpcs_action":"ENABLE","a":""# + text + #""}"#,
            #"{"hpcs_action":"ENABLE",""# + text + #"":1}"#, create(http("", nodes: node(id: #"""# + text + #"""#))),
        ] {
            #expect(try refused(Array(job.utf8)).hasPrefix("the job is not a JSON object: "))
        }
    }

    @Test(arguments: 0..<0x20) func controlCharacters(code: UInt8) throws {
        let character = String(UnicodeScalar(code))
        for job in [
            #"{"hpcs_action":"ENABLE","a":""# + character + #""}"#, #"{"hpcs_action":"ENABLE","a"# + character + #"":1}"#,
            #"{"hpcs_action":"DELETE","loadBalancers":[{"id":"a"# + character + #"b"}]}"#,
        ] {
            #expect(try refused(Array(job.utf8)).hasPrefix("the job is not a JSON object: "))
        }
    }

    @Test(arguments: ["[", "{\"a\":"], [true, false]) func tenThousandLevels(opening: String, isClosed: Bool) throws {
        let closing = opening == "[" ? "]" : "}"
        let deep = String(repeating: opening, count: 10_000) + "1" + (isClosed ? String(repeating: closing, count: 10_000) : "")
        for job in [
            deep, #"{"hpcs_action":"ENABLE","a":"# + deep + "}", #"{"hpcs_action":"CREATE","loadBalancers":"# + deep + "}",
            #"{"hpcs_action":"# + deep + "}", create(http("", nodes: node(#""weight":"# + deep))),
        ] {
            #expect(try refused(Array(job.utf8)).hasPrefix("the job is not a JSON object: "))
        }
    }

    @Test func twoHundredLevelsComeBack() {
        let job = #"{"hpcs_action":"ENABLE","a":"# + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "}"
        #expect(reply(job) == job.dropLast() + #", "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: [
        (#"{"hpcs_action":"ENABLE","hpcs_action":"ENABLE"}"#, "hpcs_action"),
        (#"{"hpcs_action":"ENABLE","hpcs_dry_run":true,"hpcs_dry_run":true}"#, "hpcs_dry_run"),
        (#"{"hpcs_action":"DELETE","hpcs_force":false,"hpcs_force":true}"#, "hpcs_force"),
        (#"{"hpcs_action":"DELETE","loadBalancers":[],"loadBalancers":[]}"#, "loadBalancers"),
        (#"{"hpcs_action":"DELETE","loadBalancers":[],"loadBalancer\u0073":null}"#, "loadBalancers"),
        (create(#"{"nodes":[],"nodes":[]}"#), "loadBalancers[0].nodes"),
        (create(http("", nodes: node(#""id":1"#))), "loadBalancers[0].nodes[0].id"),
        (create(http(#""tunnel":{"type":1,"type":1},"forwarding":"TUNNEL""#)), "loadBalancers[0].tunnel.type"),
        (create(http(#""sessionPersistence":{"type":1,"type":1}"#)), "loadBalancers[0].sessionPersistence.type"),
    ]) func knownKeysTwice(job: String, path: String) throws {
        #expect(try refused(Array(job.utf8)) == "\(path): appears twice; which one is meant?")
    }

    @Test func tenMegabytesInAString() throws {
        let messages = JobMessages()
        let before = Array(#"{"hpcs_action":"ENABLE","a":""#.utf8)
        let job = before + [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20) + Array(#""}"#.utf8)
        let answer = answer(job, by: messages)
        let isAsSent = answer.reply == job.dropLast() + Array(#", "hpcs_response": "PASS"}"#.utf8)
        #expect(isAsSent)
        try expectGoodAnswer(from: messages)
        #expect(try refused(Array(job.dropLast())).hasPrefix("the job is not a JSON object: "))
    }

    @Test func fiftyThousandNodes() throws {
        let messages = JobMessages()
        let nodes = (0..<50_000).map { node(#""weight":5,"condition":"DRAINING""#, id: String($0)) }.joined(separator: ",")
        let job = Array(create(http(#""monitor":null"#, nodes: nodes)).utf8)
        var count = 0
        let answer = messages.answer(job.span.bytes) { request in
            if case .change(.create(let list), _) = request { count = list.first?.nodes.count ?? 0 }
            return .changed
        }
        #expect(count == 50_000)
        let isAsSent = answer.reply == job.dropLast() + Array(#", "hpcs_response": "PASS"}"#.utf8)
        #expect(isAsSent)
        try expectGoodAnswer(from: messages)
    }

    @Test func moreThanTheLongestJob() throws {
        let job = [UInt8](repeating: UInt8(ascii: " "), count: JobMessages.longestJob + 1)
        #expect(try refused(job) == "the job has 67108865 bytes; the longest that is read has 67108864")
    }

    /// The buffer of a job ends where the job ends: nothing behind it is read as part of it.
    @Test func everyBeginningOfAJobIsRefused() throws {
        let job = Array(create(http(#""algorithm":"maglev""#, nodes: node(#""weight":7"#))).utf8)
        let messages = JobMessages()
        for end in job.indices {
            let answer = messages.answer(job.span.extracting(..<end).bytes) { _ in .changed }
            #expect(answer.error?.hasPrefix("the job is not a JSON object: ") == true)
        }
        try expectGoodAnswer(from: messages)
    }
}
