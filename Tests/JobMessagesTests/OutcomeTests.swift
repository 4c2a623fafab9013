import JobMessages
import LBaaS
import Requests
import Testing

/// Each outcome makes its reply.
@Suite struct OutcomeTests {
    private func added(_ action: String, _ outcome: Outcome) -> String {
        let job = #"{"hpcs_action":""# + action + #"""#
        let reply = reply(job + "}", outcome)
        #expect(reply.hasPrefix(job + ", "))
        return String(reply.dropFirst(job.count + 2).dropLast())
    }

    private let quoted = LoadBalancerID("a\"\n😀")

    @Test func changedAndArchived() {
        #expect(added("ENABLE", .changed) == #""hpcs_response": "PASS""#)
        #expect(added("ENABLE", .archived) == #""hpcs_response": "PASS""#)
        #expect(answer(#"{"hpcs_action":"ENABLE"}"#).error == nil)
    }

    @Test func status() throws {
        let report = [
            LoadBalancerStatus(id: quoted, nodes: [NodeStatus(id: "1", isUp: true), NodeStatus(id: "\0\\", isUp: false)]),
            LoadBalancerStatus(id: LoadBalancerID("empty"), nodes: []),
            LoadBalancerStatus(id: LoadBalancerID("b"), nodes: [NodeStatus(id: "1", isUp: false)]),
        ]
        let expected = [
            #"{"id": "1", "status": "UP", "state": "UP", "loadBalancer": "a\"\n😀"}"#,
            #"{"id": "\u0000\\", "status": "DOWN", "state": "DOWN", "loadBalancer": "a\"\n😀"}"#,
            #"{"id": "1", "status": "DOWN", "state": "DOWN", "loadBalancer": "b"}"#,
        ]
        #expect(added("STATS", .status(report)) == #""nodes": ["# + expected.joined(separator: ", ") + #"], "hpcs_response": "PASS""#)
        let virtualIP = try VirtualIP(address: .v4(0x0A00_0009), interface: "eth0")
        let fact = VirtualIPFact(
            state: .standby, isBound: false, owner: "h\"2", reason: "host h2 owns it", since: Timestamp(microseconds: 1_000_000))
        let reports = [
            VirtualIPReport(virtualIP: virtualIP, section: nil, fact: nil), VirtualIPReport(virtualIP: virtualIP, section: "v", fact: fact),
        ]
        #expect(
            added("STATS", .status([], virtualIPs: reports))
                == #""nodes": [], "virtualIPs": [{"address": "10.0.0.9", "status": "BOOTING"}, "#
                + #"{"address": "10.0.0.9", "status": "STANDBY", "owner": "h\"2", "since": "1970-01-01 00:00:01.000000", "#
                + #""reason": "host h2 owns it"}], "hpcs_response": "PASS""#)
        #expect(added("STATS", .status([])) == #""nodes": [], "hpcs_response": "PASS""#)
    }

    @Test(
        arguments: [
            (1_389_280_305_704_754, "2014-01-09 15:11:45.704754"), (0, "1970-01-01 00:00:00.000000"),
            (951_782_400_000_001, "2000-02-29 00:00:00.000001"),
            (1_735_689_599_999_999, "2024-12-31 23:59:59.999999"),
        ] as [(Int64, String)]) func metrics(microseconds: Int64, text: String)
    {
        let report = TrafficReport(
            start: Timestamp(microseconds: 1_389_280_245_000_000), end: Timestamp(microseconds: microseconds),
            entries: [
                .init(id: quoted, serviceProtocol: .http, bytesOut: 12345),
                .init(id: LoadBalancerID("b"), serviceProtocol: .galera, bytesOut: 0),
                .init(id: LoadBalancerID("c"), serviceProtocol: .sctp, bytesOut: .max),
            ])
        let expected = #"""
            "utc_start": "2014-01-09 15:10:45.000000", "utc_end": "\#(text)", "loadBalancers": \#
            [{"id": "a\"\n😀", "protocol": "http", "bytes_out": 12345}, {"id": "b", "protocol": "galera", "bytes_out": 0}, \#
            {"id": "c", "protocol": "sctp", "bytes_out": 18446744073709551615}], "hpcs_response": "PASS"
            """#
        #expect(added("METRICS", .metrics(report)) == expected)
        let total = TrafficReport(
            start: report.start, end: report.end,
            entries: [.init(id: LoadBalancerID("b"), serviceProtocol: .http, bytesOut: 1, totalOut: 7, totalIn: 8, totalConnections: 9)])
        #expect(
            reply(#"{"hpcs_action":"METRICS","hpcs_totals":true}"#, .metrics(total))
                .contains(
                    #"{"id": "b", "protocol": "http", "bytes_out": 1, "bytes_out_total": 7, "bytes_in_total": 8, "connections_total": 9}"#))
        let job = #"{"loadBalancers":[{"id":"b"}],"hpcs_action":"metrics","utc_end":5}"#
        let empty = TrafficReport(start: report.start, end: report.end, entries: [])
        #expect(
            reply(job, .metrics(empty))
                == #"{"loadBalancers":[],"hpcs_action":"metrics","utc_end":"\#(text)", "#
                + #""utc_start": "2014-01-09 15:10:45.000000", "hpcs_response": "PASS"}"#)
    }

    @Test func diagnosed() {
        let servers: [(host: String, port: UInt16, isReachable: Bool)] = [("10.0.0.1", 4730, true), ("fd00::1", 65535, false)]
        #expect(
            added("DIAGNOSTICS", .diagnosed(jobServers: servers, network: true))
                == #""gearman": [{"host": "10.0.0.1", "port": 4730, "status": "PASS"}, {"host": "fd00::1", "port": 65535, "#
                + #""status": "FAIL"}], "network": "PASS", "hpcs_response": "PASS""#)
        #expect(
            added("DIAGNOSTICS", .diagnosed(jobServers: [], network: false))
                == #""gearman": [], "network": "FAIL", "hpcs_response": "PASS""#)
    }

    @Test func planned() {
        #expect(added("DELETE", .planned([])) == #""plan": [], "hpcs_response": "PASS""#)
        #expect(
            added("DELETE", .planned(["delete 'a'", "b\n\"c\""])) == #""plan": ["delete 'a'", "b\n\"c\""], "hpcs_response": "PASS""#)
    }

    @Test func discovered() {
        #expect(
            added("DISCOVER", .discovered(version: "1.2", release: "1.2.3\"", driver: "ipvs"))
                == #""version": "1.2", "release": "1.2.3\"", "hpcs_response": "PASS""#)
    }

    @Test(arguments: ["STATS", "METRICS"]) func deleted(action: String) {
        let sentence = "Invalid operation \(action) on a deleted LB."
        let expected = #""status": "DELETED", "hpcs_response": "FAIL", "hpcs_error": "\#(sentence)""#
        #expect(added(action, .deleted) == expected)
        #expect(added(action.lowercased(), .deleted) == expected)
        #expect(answer(#"{"hpcs_action":""# + action + #""}"#, .deleted).error == sentence)
        #expect(
            reply(#"{"hpcs_action":""# + action + #"","status":[1],"loadBalancers":[{"id":"a"}]}"#, .deleted)
                == #"{"hpcs_action":""# + action + #"","status":"DELETED","loadBalancers":[{"id":"a"}], "hpcs_response": "FAIL", "#
                + #""hpcs_error": ""# + sentence + #""}"#)
    }

    @Test(arguments: ["SUSPEND", "ENABLE", "DELETE", "STATS", "METRICS", "DISCOVER", "DIAGNOSTICS"]) func failed(action: String) {
        #expect(added(action, .refused(Refusal(.invalid, "no\n"))) == #""hpcs_response": "FAIL", "hpcs_error": "no\n""#)
        #expect(answer(#"{"hpcs_action":""# + action + #""}"#, .refused(Refusal(.invalid, "no\n"))).error == "no\n")
    }

    @Test(arguments: ["CREATE", "UPDATE"]) func aChangeThatFailsLeavesNoNodeEnabled(action: String) {
        let members = ["", #""condition":"ENABLED""#, #""condition":"DRAINING""#, #""condition":null"#]
        let replied = [#" "condition": "DISABLED""#] + [String](repeating: #""condition":"DISABLED""#, count: 3)
        func job(_ members: [String]) -> String {
            let nodes = members.enumerated().map { node($1, id: String($0)) }.joined(separator: ",")
            return create(http("", nodes: nodes), http("", nodes: nodes).replacing("web", with: "b")).replacing("CREATE", with: action)
        }
        #expect(
            reply(job(members), .refused(Refusal(.invalid, "the appliance is gone")))
                == job(replied).dropLast() + #", "hpcs_response": "FAIL", "hpcs_error": "the appliance is gone"}"#)
        #expect(answer(job(members), .refused(Refusal(.invalid, "no"))).loadBalancers == [LoadBalancerID("web"), LoadBalancerID("b")])
    }
}
