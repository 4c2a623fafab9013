import JobMessages
import Requests
import Testing

/// The token of the object store is a secret.
@Suite struct TokenTests {
    static let actions = [
        "UPDATE", "CREATE", "SUSPEND", "ENABLE", "DELETE", "DISCOVER", "STATS", "METRICS", "ARCHIVE", "DIAGNOSTICS", "BOGUS",
    ]
    static let secrets = [#""s3cret""#, "5233735", #"["s3cret"]"#, #"{"s3cret":"s3cret"}"#, #""\u00733cret""#, "true", "null", "5e3"]

    @Test(arguments: actions, secrets) func isMasked(action: String, secret: String) {
        let before = #"{"hpcs_object_store_token": "#
        let after = #" ,"hpcs_action":""# + action + #"","loadBalancers":[]}"#
        for outcome in [Outcome.changed, .refused(Refusal(.invalid, "it did not work"))] {
            let answer = answer(before + secret + after, outcome)
            let reply = String(decoding: answer.reply, as: UTF8.self)
            if action == "ARCHIVE" {
                #expect(
                    answer.error == #"job: Missing 'hpcs_object_store_type' element"#, "a store type is missing")
                #expect(!reply.contains("s3cret"))
            } else {
                #expect(reply.hasPrefix(before + #""*****""# + after.dropLast()))
            }
            #expect(answer.error?.contains("s3cret") != true)
        }
    }

    @Test(arguments: secrets) func isMaskedInAnArchiveJob(secret: String) throws {
        let before = """
            {"hpcs_action":"ARCHIVE","hpcs_object_store_type":"swift","hpcs_object_store_basepath":"b",\
            "hpcs_object_store_endpoint":"e","loadBalancers":[{"id":"a","protocol":"HTTP"}],"hpcs_object_store_token":
            """
        let answer = answer(before + secret + "}", .archived)
        let isString = secret.hasPrefix("\"")
        let end = isString ? "" : #", "hpcs_error": "hpcs_object_store_token: is not a token (a string)""#
        #expect(
            String(decoding: answer.reply, as: UTF8.self)
                == before + #""*****", "hpcs_response": ""# + (isString ? "PASS" : "FAIL") + #"""# + end + "}")
    }

    @Test(arguments: actions) func isMaskedWhereItIsThereTwice(action: String) {
        let job = #"{"hpcs_object_store_token":"s3cret","hpcs_action":""# + action + #"","hpcs_object_store_token":["s3cret"]}"#
        let sentence = "hpcs_object_store_token: appears twice; which one is meant?"
        let answer = answer(job)
        #expect(answer.error == sentence)
        #expect(
            String(decoding: answer.reply, as: UTF8.self)
                == #"{"hpcs_object_store_token":"*****","hpcs_action":""# + action
                + #"","hpcs_object_store_token":"*****", "hpcs_response": "FAIL", "hpcs_error": ""# + sentence + #""}"#)
    }

    @Test func isMaskedWhereItsNameIsEscaped() {
        #expect(
            reply(#"{"hpcs_action":"ENABLE","hpcs_object_store_toke\u006e":"s3cret"}"#)
                == #"{"hpcs_action":"ENABLE","hpcs_object_store_toke\u006e":"*****", "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: [
        #"{"hpcs_object_store_token":"s3cret","#, #"{"hpcs_object_store_token":"s3cret" x}"#, #"["hpcs_object_store_token","s3cret"]"#,
        #"{"hpcs_object_store_token":"s3cret"}"#, #"{"hpcs_action":{"hpcs_object_store_token":1},"hpcs_object_store_token":"s3cret"}"#,
    ]) func isInNoSentenceAboutABadJob(job: String) throws {
        let answer = answer(job)
        #expect(try !#require(answer.error).contains("s3cret"))
        #expect(!String(decoding: answer.reply, as: UTF8.self).contains("s3cret"))
    }
}
