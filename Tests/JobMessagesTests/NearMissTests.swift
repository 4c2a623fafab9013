import JobMessages
import Requests
import Testing

/// A field that is mistyped is refused: to pass it over would do another thing than was asked for.
@Suite struct NearMissTests {
    @Test(arguments: [
        ("loadbalancers", "loadBalancers"), ("LoadBalancers", "loadBalancers"), ("loadBalancer", "loadBalancers"),
        ("load_balancers", "loadBalancers"), ("loadBalancerss", "loadBalancers"), ("loadBalncers", "loadBalancers"),
        ("hpcs_dryrun", "hpcs_dry_run"), ("hpcs_dry-run", "hpcs_dry_run"), ("HPCS_DRY_RUN", "hpcs_dry_run"), ("hpcsdryrun", "hpcs_dry_run"),
        ("hpcs_dry_runs", "hpcs_dry_run"), ("hpcs_forced", "hpcs_force"), ("hpcs_for\\u0063e ", "hpcs_force"),
        ("hpcs_Action", "hpcs_action"),
        ("hpcs_object_store_tokens", "hpcs_object_store_token"),
    ]) func inTheJob(name: String, field: String) throws {
        for action in ["DELETE", "SUSPEND", "STATS", "DISCOVER", "ENABLE"] {
            let sentence = try refusal(#"{"hpcs_action":""# + action + #"",""# + name + #"":[{"id":"a"}]}"#)
            #expect(sentence == "\(name.replacing("\\u0063", with: "c")): is not a field; did you mean \(field)?")
        }
        #expect(try refusal(#"{"hpcs_action":"UPDATE","loadBalancers":[],""# + name + #"":1}"#).hasSuffix("did you mean \(field)?"))
    }

    @Test(arguments: [
        (http(#""Port":81"#), "loadBalancers[0].Port", "port"),
        (http(#""panicpercent":5"#), "loadBalancers[0].panicpercent", "panic_percent"),
        (http(#""sessionpersistence":null"#), "loadBalancers[0].sessionpersistence", "sessionPersistence"),
        (http("", nodes: node(#""wieght":1,"weights":1"#)), "loadBalancers[0].nodes[0].weights", "weight"),
        (http("", nodes: node(#""back_up":true"#)), "loadBalancers[0].nodes[0].back_up", "backup"),
        (http(#""options":{"clienttimeout":1}"#), "loadBalancers[0].options.clienttimeout", "client_timeout"),
        (http(#""sessionPersistence":{"type":"SOURCE_IP","time_out":3}"#), "loadBalancers[0].sessionPersistence.time_out", "timeout"),
        (http(#""sorry_server":{"address":"10.0.0.1","port":80,"Address":1}"#), "loadBalancers[0].sorry_server.Address", "address"),
        (
            http(#""forwarding":"TUNNEL","tunnel":{"type":"GRE","check_sum":true}"#), "loadBalancers[0].tunnel.check_sum", "checksum"
        ),
        (
            http(#""monitor":{"type":"HTTP","delay":3,"timeout":2,"attempts":1,"expectedCodes":"200"}"#),
            "loadBalancers[0].monitor.expectedCodes", "expected_codes"
        ),
    ]) func inWhatAJobHas(loadBalancer: String, path: String, field: String) throws {
        #expect(try refusal(create(loadBalancer)) == "\(path): is not a field; did you mean \(field)?")
    }

    @Test func inALoadBalancerThatIsNamed() throws {
        #expect(
            try refusal(#"{"hpcs_action":"DELETE","loadBalancers":[{"ID":"a","name":"b"}]}"#)
                == "loadBalancers[0].ID: is not a field; did you mean id?")
    }

    /// As the original answers it, whose clients know this reply.
    @Test func comesAfterAFieldThatIsMissing() throws {
        #expect(try refusal(#"{"hpcs_action":"UPDATE","loadbalancers":[]}"#) == "job: Missing 'loadBalancers' element")
        #expect(
            try refusal(create(#"{"protocol":"HTTP","Nodes":[]}"#)) == "loadBalancers[0]: Missing 'nodes' element")
        #expect(
            try refusal(create(http("", nodes: #"{"id":"n","address":"10.0.0.1","Port":80}"#)))
                == "loadBalancers[0].nodes[0]: Missing node 'port'")
        #expect(try refusal(#"{"hpcsaction":"DELETE"}"#) == "hpcsaction: is not a field; did you mean hpcs_action?")
    }

    @Test(arguments: [
        #""hpcs_revision":1,"hpcs_deviceid":2,"virtualIPs":[]"#, #""nodeCount":1,"created":"x","updated":"y","virtualIps":[]"#,
        #""ip":1,"i":1,"ids":1"#, #""uri":1,"links":[],"hpcs_dry":1"#, #""payload":1,"loadBalancerUsage":{},"persistenceType":"x""#,
    ]) func isNotWhatAnotherClientMeansByItsOwnField(members: String) throws {
        _ = try request(#"{"hpcs_action":"DELETE",\#(members)}"#)
        let inside = http(#""options":{\#(members)},\#(members)"#, nodes: node(members))
        #expect(try loadBalancers(create(inside)).count == 1)
    }
}

/// What is longer than it may be is refused, and not shown whole.
@Suite struct LengthTests {
    private static let long = String(repeating: "x", count: 3000)
    private static let monitor = #""type":"HTTP","delay":3,"timeout":2,"attempts":1"#

    @Test(arguments: [
        (http("").replacing(#""web""#, with: "\"\(long)\""), "loadBalancers[0].id", 255),
        (http("").replacing(#""id":"web""#, with: "\"name\":\"\(long)\""), "loadBalancers[0].name", 255),
        (http("").replacing(#""web""#, with: String(repeating: "1", count: 300)), "loadBalancers[0].id", 255),
        (http("", nodes: node(id: "\"\(long)\"")), "loadBalancers[0].nodes[0].id", 255),
        (http("\"monitor\":{\(monitor),\"path\":\"/\(long)\"}"), "loadBalancers[0].monitor.path", 2048),
        (http("\"monitor\":{\(monitor),\"host\":\"\(long)\"}"), "loadBalancers[0].monitor.host", 255),
        (http("\"monitor\":{\(monitor),\"method\":\"\(long)\"}"), "loadBalancers[0].monitor.method", 32),
        (
            http("\"monitor\":{\(monitor),\"expected_codes\":\"\(String(repeating: "200,", count: 749))200\"}"),
            "loadBalancers[0].monitor.expected_codes", 1024
        ),
    ]) func ofAJobIsRefused(loadBalancer: String, path: String, limit: Int) throws {
        let sentence = try refusal(create(loadBalancer))
        #expect(sentence.hasPrefix(path + ": "))
        #expect(sentence.hasSuffix(" bytes; it may have \(limit)"))
        #expect(sentence.utf8.count < 200)
    }

    @Test func upToTheLimitIsTaken() throws {
        let id = String(repeating: "é", count: 127) + "x"
        #expect(try loadBalancer(http("", nodes: node(id: "\"\(id)\"")).replacing(#""web""#, with: "\"\(id)\"")).id.text == id)
        #expect(
            try loadBalancer(http("\"monitor\":{\(Self.monitor),\"path\":\"/\(Self.long.prefix(2047))\"}")).monitor?.path.utf8.count == 2048
        )
    }

    @Test(arguments: [("basepath", 1024), ("endpoint", 2048), ("token", 1 << 16)]) func ofAnArchiveJobIsRefused(field: String, limit: Int)
        throws
    {
        var fields = ["type": "swift", "basepath": "b", "endpoint": "e", "token": "t"]
        fields[field] = String(repeating: "s3cret", count: limit / 6 + 1)
        let store = fields.map { #","hpcs_object_store_\#($0.key)":"\#($0.value)""# }.joined()
        let sentence = try refusal(#"{"hpcs_action":"ARCHIVE","loadBalancers":[{"id":"a","protocol":"HTTP"}]\#(store)}"#)
        #expect(sentence.hasPrefix("hpcs_object_store_\(field): "))
        #expect(sentence.hasSuffix("it may have \(limit)"))
        #expect(field != "token" || !sentence.contains("s3cret"))
    }

    /// One from before there were limits is in the state, and can be deleted.
    @Test func ofALoadBalancerThatIsNamedIsTaken() throws {
        guard case .change(.delete(.named(let ids)), _) = try request(#"{"hpcs_action":"DELETE","loadBalancers":[{"id":"\#(Self.long)"}]}"#)
        else {
            throw Unexpected(what: "another request")
        }
        #expect(ids.map(\.text) == [Self.long])
    }
}

/// `hpcs_force` is for what takes something out.
@Suite struct ForceTests {
    @Test(arguments: ["SUSPEND", "ENABLE", "STATS", "METRICS", "DISCOVER"]) func isRefusedWhereNothingLeaves(action: String) throws {
        let job = #"{"hpcs_action":"\#(action)","hpcs_force":"#
        #expect(try refusal(job + "true}") == "hpcs_force: true is for UPDATE, CREATE and DELETE, and this is \(action)")
        _ = try request(job + "false}")
        _ = try request(job + "null}")
    }
}
