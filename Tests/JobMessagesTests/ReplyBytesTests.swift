import JobMessages
import Requests
import Testing

/// The reply is the request, byte for byte, with what must change put in.
@Suite struct ReplyBytesTests {
    /// Members that nobody here knows, or that keep their value.
    static let members = [
        #""z":1,"a":2,"m":{"z":1,"a":2}"#,
        #""n":1.0"#, #""n":1.50e+05"#, #""n":1e5"#, #""n":1E5"#, #""n":-0"#, #""n":-0.0"#, #""n":12345678901234567890"#,
        #""n":0.1000000000000000055511151231257827"#, #""n":123456789012345678901234567890123456789"#,
        #""s":"\u00e9""#, #""s":"\u00E9""#, #""s":"é""#, #""s":"e\u0301""#, #""s":"\/""#, #""s":"/""#, #""s":"\b\f\n\r\t\"\\""#,
        #""s":"\ud83d\ude00😀""#, #""s":"\u0000""#, "\"s\":\"\u{7F}\u{85}\u{2028}\u{FEFF}\"", #""s":"世界""#,
        #""\u006bey":1"#, #""":1"#, #""":{"":[]}"#,
        #""same":1,"same":2,"same":1"#,
        #""x":null,"y":true,"w":false,"v":[],"u":{},"t":[[],{}]"#,
        #""hpcs_response_time":1,"STATUS":2,"HPCS_ERROR":3,"load":4,"doors":[],"token":"seen""#,
        "\"a\" : [ 1 ,\t2\r\n, { \"b\"\n:\n3 } ]",
    ]

    /// Bytes, for two strings can be equal without having the same.
    private func expect(_ job: String, becomes reply: String) {
        #expect(answer(job).reply == Array(reply.utf8), "\(job)")
    }

    @Test(arguments: members) func unknownMembersComeBackAsSent(members: String) {
        expect(
            #"{"hpcs_action":"ENABLE","# + members + "}",
            becomes: #"{"hpcs_action":"ENABLE","# + members + #", "hpcs_response": "PASS"}"#)
        expect(
            "{" + members + #","hpcs_action":"ENABLE"}"#, becomes: "{" + members + #","hpcs_action":"ENABLE", "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: members) func unknownMembersComeBackInsideLoadBalancersAndNodes(members: String) {
        let others = #""options":{"# + members + #"},"monitor":null"#
        expect(
            create(http(others, nodes: node(members))),
            becomes: create(http(others, nodes: node(members + #", "condition": "ENABLED""#))).dropLast() + #", "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: [
        ("\n {\"hpcs_action\":\"ENABLE\"} \t\r\n", "\n {\"hpcs_action\":\"ENABLE\", \"hpcs_response\": \"PASS\"} \t\r\n"),
        ("{ \"hpcs_action\" : \"ENABLE\"\n}", "{ \"hpcs_action\" : \"ENABLE\"\n, \"hpcs_response\": \"PASS\"}"),
        ("{\r\n\t\"hpcs_action\":\r\n\"ENABLE\"}", "{\r\n\t\"hpcs_action\":\r\n\"ENABLE\", \"hpcs_response\": \"PASS\"}"),
    ]) func whiteSpaceIsKept(job: String, expected: String) {
        #expect(reply(job) == expected)
    }

    @Test(arguments: ["update", "Update", "UPDATE", "uPdAtE", #"\u0055pdate"#]) func actionComesBackAsSent(action: String) {
        let job = #"{"hpcs_action":""# + action + #"","loadBalancers":[]}"#
        #expect(reply(job) == job.dropLast() + #", "hpcs_response": "PASS"}"#)
        #expect(answer(job).action == "UPDATE")
    }

    @Test(arguments: ["null", #""old""#, "[1,{}]", #"{"a":[]}"#, "1e5", "true"]) func aResponseInTheRequestIsReplaced(old: String) {
        #expect(
            reply(#"{"hpcs_response": "# + old + #" ,"hpcs_action":"ENABLE"}"#) == #"{"hpcs_response": "PASS" ,"hpcs_action":"ENABLE"}"#)
        #expect(
            reply(
                #"{"hpcs_error":"# + old + #","hpcs_action":"ENABLE","hpcs_response":"# + old + #","a":1}"#,
                .refused(Refusal(.invalid, "no")))
                == #"{"hpcs_error":"no","hpcs_action":"ENABLE","hpcs_response":"FAIL","a":1}"#)
        #expect(
            reply(#"{"nodes":"# + old + #","hpcs_action":"STATS"}"#, .status([]))
                == #"{"nodes":[],"hpcs_action":"STATS", "hpcs_response": "PASS"}"#)
        #expect(
            reply(#"{"hpcs_action":"DISCOVER","version":"# + old + "}", .discovered(version: "1", release: "2"))
                == #"{"hpcs_action":"DISCOVER","version":"1", "release": "2", "hpcs_response": "PASS"}"#)
        #expect(
            reply(#"{"hpcs_action":"ENABLE","plan":"# + old + "}", .planned([]))
                == #"{"hpcs_action":"ENABLE","plan":[], "hpcs_response": "PASS"}"#)
    }

    /// A client that takes the last of two would take its own answer for ours.
    @Test func aResponseThatIsThereTwiceNeverContradicts() {
        #expect(
            reply(#"{"hpcs_action":"ENABLE","hpcs_response":"PASS","hpcs_response":"PASS"}"#, .refused(Refusal(.invalid, "no")))
                == #"{"hpcs_action":"ENABLE","hpcs_response":"FAIL","hpcs_response":"FAIL", "hpcs_error": "no"}"#)
        #expect(
            reply(#"{"nodes":1,"hpcs_action":"STATS","nodes":2}"#, .status([]))
                == #"{"nodes":[],"hpcs_action":"STATS","nodes":[], "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: [
        (#"{"hpcs_action":"ENABLE","hpcs_error":"old"}"#, #"{"hpcs_action":"ENABLE", "hpcs_response": "PASS"}"#),
        (#"{"hpcs_error":"old" , "hpcs_action":"ENABLE"}"#, #"{"hpcs_action":"ENABLE", "hpcs_response": "PASS"}"#),
        (
            #"{"plan":["x"],"status":"DELETED","hpcs_action":"ENABLE","hpcs_error":"a","x":{"plan":1},"hpcs_error":"b","hpcs_response":"FAIL"}"#,
            #"{"hpcs_action":"ENABLE","x":{"plan":1},"hpcs_response":"PASS"}"#
        ),
        (#"{"hpcs_response":"FAIL","hpcs_action":"ENABLE","status":1,"plan":2}"#, #"{"hpcs_response":"PASS","hpcs_action":"ENABLE"}"#),
        (#"{"hpcs_action":"ENABLE","plan":1,"a":2}"#, #"{"hpcs_action":"ENABLE","a":2, "hpcs_response": "PASS"}"#),
    ]) func whatIsLeftOverFromAnEarlierReplyIsTakenOut(job: String, expected: String) {
        #expect(reply(job) == expected)
    }

    @Test func aReplySentAgainAsAJobGetsNothingOfTheEarlierOne() throws {
        let deleted = reply(#"{"hpcs_action":"STATS"}"#, .deleted)
        #expect(deleted.contains("DELETED"))
        let again = reply(deleted.replacing("STATS", with: "ENABLE"))
        #expect(again == #"{"hpcs_action":"ENABLE", "hpcs_response": "PASS"}"#)
        #expect(reply(#"{"status":1}"#) == #"{"hpcs_response": "FAIL", "hpcs_error": "hpcs_action: is missing; it says what to do"}"#)
    }

    @Test func responseIsTheJobsOwnAndNotThatOfSomethingInside() {
        let job = #"{"hpcs_action":"CREATE","x":{"hpcs_response":1},"loadBalancers":[]}"#
        #expect(reply(job) == job.dropLast() + #", "hpcs_response": "PASS"}"#)
    }

    @Test func sentencesAreEscaped() {
        #expect(
            reply(#"{"hpcs_action":"ENABLE"}"#, .refused(Refusal(.invalid, "a \"b\" \\ c\nd\r\te\u{0}\u{1F}\u{7F} é 😀 /")))
                == "{\"hpcs_action\":\"ENABLE\", \"hpcs_response\": \"FAIL\", \"hpcs_error\": "
                + "\"a \\\"b\\\" \\\\ c\\nd\\r\\te\\u0000\\u001f\u{7F} é 😀 /\"}")
    }
}
