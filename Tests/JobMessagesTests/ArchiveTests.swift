import JobMessages
import LBaaS
import Testing

/// ARCHIVE says where to store whose log, in the order and words of the original.
@Suite struct ArchiveTests {
    /// A good job, member by member, in the order in which they are looked at.
    static let members: [(name: String, value: String)] = [
        ("hpcs_object_store_type", #""sWiFt""#), ("hpcs_object_store_basepath", #""lbaaslogs""#),
        ("hpcs_object_store_endpoint", #""https://example.com/v1/100""#), ("hpcs_object_store_token", #""TOKEN""#),
        ("loadBalancers", #"[{"id":15,"protocol":"Http","name":"lb"},{"id":16}]"#),
    ]

    /// The job with one member changed, and those behind it left out if so wished.
    private static func job(_ name: String = "", _ value: String? = nil, withoutWhatFollows: Bool = false) -> String {
        var text = #"{"hpcs_action":"ARCHIVE""#
        for member in members {
            if member.name != name {
                text += ",\"\(member.name)\":\(member.value)"
                continue
            }
            if let value { text += ",\"\(name)\":\(value)" }
            if withoutWhatFollows { break }
        }
        return text + "}"
    }

    @Test func isRead() throws {
        guard case .archive(let order) = try request(Self.job()) else { throw Unexpected(what: "another request") }
        #expect(order.loadBalancer == LoadBalancerID("15") && order.clientID == order.loadBalancer)
        #expect(order.otherNames == [LoadBalancerID("lb"), LoadBalancerID("http")])
        #expect(order.serviceProtocol == .http)
        #expect(order.basePath == "lbaaslogs")
        #expect(order.endpoint == "https://example.com/v1/100")
        #expect(order.token == "TOKEN")
        let answer = answer(Self.job(), .archived)
        #expect(answer.loadBalancers == [LoadBalancerID("15")])
        #expect(
            String(decoding: answer.reply, as: UTF8.self)
                == Self.job("hpcs_object_store_token", #""*****""#).dropLast() + #", "hpcs_response": "PASS"}"#)
    }

    @Test(arguments: members.map(\.name), [true, false]) func eachIsRequiredInThisOrder(name: String, withoutWhatFollows: Bool) throws {
        let job = Self.job(name, withoutWhatFollows: withoutWhatFollows)
        #expect(try refusal(job) == "job: Missing '\(name)' element")
        #expect(reply(job) == badRequest("Missing '\(name)' element", at: "job"))
    }

    @Test func theTypeIsJudgedBeforeTheRestIsLookedAt() throws {
        let job = Self.job("hpcs_object_store_type", #""FTP""#, withoutWhatFollows: true)
        #expect(reply(job) == badRequest("'ftp' is not a valid store type", at: "hpcs_object_store_type"))
    }

    @Test(arguments: [
        ("hpcs_object_store_type", "null", "hpcs_object_store_type: null is not a store type (a string)"),
        ("hpcs_object_store_type", "1", "hpcs_object_store_type: 1 is not a store type (a string)"),
        ("hpcs_object_store_basepath", "1", "hpcs_object_store_basepath: 1 is not a base path (a string)"),
        ("hpcs_object_store_endpoint", "{}", "hpcs_object_store_endpoint: {} is not an address (a string)"),
        ("hpcs_object_store_token", "null", "hpcs_object_store_token: is not a token (a string)"),
        ("hpcs_object_store_token", "123", "hpcs_object_store_token: is not a token (a string)"),
        ("loadBalancers", "null", "loadBalancers: null is not a list"),
        ("loadBalancers", "{}", "loadBalancers: {} is not a list"),
        ("loadBalancers", "[]", "loadBalancers[0]: is missing; it says whose log to store"),
        ("loadBalancers", #"[{"protocol":"HTTP"}]"#, "loadBalancers[0].id: is missing; it says whose log to store"),
        ("loadBalancers", #"[{"id":null,"protocol":"HTTP"}]"#, "loadBalancers[0].id: is missing; it says whose log to store"),
        ("loadBalancers", #"[{"id":{},"protocol":"HTTP"}]"#, "loadBalancers[0].id: {} is not an id (a string or a number)"),
        ("loadBalancers", #"[{"id":"1"}]"#, "loadBalancers[0].protocol: is missing"),
        (
            "loadBalancers", #"[{"id":"1","protocol":"FTP"}]"#,
            #"loadBalancers[0].protocol: "FTP" is not a protocol (HTTP, HTTPS, TCP, GALERA, UDP, SCTP)"#
        ),
    ]) func wrongValues(name: String, value: String, sentence: String) throws {
        #expect(try refusal(Self.job(name, value)) == sentence)
    }

    /// A name was never looked at, so a wrong one is none.
    @Test(arguments: ["", #","name":null"#, #","name":[]"#, #","name":"""#])
    func withoutAName(member: String) throws {
        let list = #"[{"id":15,"protocol":"TCP"\#(member)}]"#
        guard case .archive(let order) = try request(Self.job("loadBalancers", list)) else { throw Unexpected(what: "another request") }
        #expect(order.otherNames == [LoadBalancerID("tcp")])
    }

    /// A job that names nothing by an empty id cannot mean a load balancer.
    @Test func emptyID() throws {
        #expect(
            try refusal(Self.job("loadBalancers", #"[{"id":"","protocol":"HTTP"}]"#))
                == "loadBalancers[0].id: is missing; it says whose log to store")
    }
}

/// The original's validation error, with our response and sentence.
func badRequest(_ message: String, at path: String) -> String {
    """
    {"badRequest": {"validationErrors": {"message": "\(message)"}, "message": "Validation fault", "code": "400", \
    "details": "The object is not valid"}, "hpcs_response": "FAIL", "hpcs_error": "\(path): \(message)"}
    """
}
