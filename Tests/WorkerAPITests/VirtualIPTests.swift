import LBaaS
import Requests
import TestSupport
import Testing

/// The virtual IPs by the API, in LINK's words.
@Suite struct VirtualIPTests {
    private static let text =
        #"{"id": "vip-10.20.0.1", "ip": "10.20.0.1/32", "status": "ACTIVATED", "bound": true, "owner": "h1", "#
        + #""since": "1970-01-01T00:00:02.000Z", "reason": null, "section": null, "interface": "eth0", "policy": "at_least_one", "#
        + #""priority": 100, "preempt": false, "follow_services": false, "checks": [{"type": "TCP", "host": "10.0.0.1", "port": 80, "#
        + #""interval": 1, "timeout": 1, "fall": 3, "rise": 1}]}"#
    private static let missing = #"{"resource": "IP", "error": "not found"}"# + "\n"
    private let api: TestAPI

    init() throws {
        api = try TestAPI()
        var virtualIP = try VirtualIP(address: .v4(0x0A14_0001), interface: "eth0")
        virtualIP.checks = [VirtualIP.Check(host: .v4(0x0A00_0001), port: 80)]
        let fact = VirtualIPFact(
            state: .activated, isBound: true, owner: "h1", reason: nil, since: Timestamp(microseconds: 2_000_000))
        let other = try VirtualIP(
            address: .v6(high: 0x2001_0DB8_0000_0000, low: 1), interface: "eth1", policy: .atMostOne(fence: .kernel))
        api.core.hold([
            VirtualIPReport(virtualIP: virtualIP, section: nil, fact: fact),
            VirtualIPReport(virtualIP: other, section: "virtual_ip:b", fact: nil),
        ])
    }

    private var change: VirtualIPChange? {
        if case .change(.virtualIPs(let change, nil), _)? = api.core.submitted.all.last?.request { change } else { nil }
    }

    @Test func aViewerReadsAllAndOne() throws {
        let all = try api.ask("GET", "/ips", as: "viewer")
        #expect(all.status == 200 && all.headers["etag"] == "\"7\"")
        #expect(
            all.body.hasPrefix(
                "{\"ips\": [\(Self.text), {\"id\": \"vip-2001:db8::1\", \"ip\": \"2001:db8::1/128\", \"status\": \"BOOTING\""))
        #expect(all.body.contains(#""section": "virtual_ip:b", "interface": "eth1", "policy": "at_most_one", "fence": "kernel""#))
        for id in ["vip-10.20.0.1", "10.20.0.1"] {
            #expect(try api.ask("GET", "/ips/\(id)", as: "viewer").body == Self.text + "\n")
        }
        #expect(try api.ask("GET", "/ips/vip-2001%3Adb8::1", as: "viewer").status == 200)
        for id in ["vip-10.20.0.2", "x", "vip-"] {
            let answer = try api.ask("GET", "/ips/\(id)", as: "viewer")
            #expect(answer.status == 404 && answer.body == Self.missing)
        }
    }

    @Test func anOperatorAddsChangesRemovesAndFailsOver() throws {
        let added = try api.ask("POST", "/ips", #"{"ip": "10.20.0.1/32", "interface": "eth0", "priority": 7}"#, as: "operator")
        #expect(added.status == 201 && added.body == Self.text + "\n")
        guard case .add(let virtualIP)? = change else { throw Failure("it is no addition") }
        #expect(virtualIP.address == .v4(0x0A14_0001) && virtualIP.priority == 7)
        #expect(api.core.submitted.all.last?.origin.name == "api:operator-name")
        let changed = try api.ask("PATCH", "/ips/vip-10.20.0.1", #"{"preempt": 5}"#, as: "operator")
        #expect(changed.status == 200 && changed.body == Self.text + "\n")
        guard case .edit(.v4(0x0A14_0001), let patch)? = change else { throw Failure("it is no edit") }
        #expect(patch.preemption == .after(.seconds(5)))
        #expect(try api.ask("DELETE", "/ips/vip-10.20.0.1", as: "operator").status == 204)
        guard case .remove([.v4(0x0A14_0001)], mustExist: true)? = change else { throw Failure("it is no removal") }
        #expect(try api.ask("POST", "/ips/vip-10.20.0.1/failover", as: "operator").status == 204)
        guard case .failOver(.v4(0x0A14_0001), to: nil)? = change else { throw Failure("it is no failover") }
        #expect(try api.ask("POST", "/ips/vip-10.20.0.1/failover?host=h2", as: "operator").status == 204)
        guard case .failOver(_, to: "h2")? = change else { throw Failure("it is no failover to a host") }
    }

    @Test(arguments: [
        ("POST", "/ips", #"{"ip": "10.20.0.1", "interface": "eth0"}"#), ("PATCH", "/ips/vip-10.20.0.1", #"{"priority": 1}"#),
        ("DELETE", "/ips/vip-10.20.0.1", nil), ("POST", "/ips/vip-10.20.0.1/failover", nil),
    ])
    func aViewerChangesNothing(method: String, path: String, body: String?) throws {
        #expect(try api.ask(method, path, body, as: "viewer").status == 403)
        #expect(api.core.submitted.all.isEmpty)
        api.core.answer(.planned(["add it"]))
        let plan = try api.ask(method, path + "?dry_run=true", body, as: "viewer")
        #expect(plan.status == 200 && plan.body == "{\"plan\": [\"add it\"]}\n")
        #expect(api.core.submitted.all.last?.request.isDryRun == true)
    }

    @Test(arguments: [
        "", "[]", "{", "{}", #"{"ip": 5}"#, #"{"ip": "x", "interface": "e"}"#, #"{"address": "10.0.0.1", "interface": "e"}"#,
        #"{"ip": "10.0.0.1/24", "interface": "e"}"#, #"{"ip": "10.0.0.1"}"#, #"{"ip": "10.0.0.1", "interface": "e", "priority": 0}"#,
        #"{"ip": "10.0.0.1", "interface": "e", "polic": "x"}"#,
        #"{"ip": "10.0.0.1", "interface": "e", "checks": [{"type": "TCP"}]}"#,
    ])
    func aBodyThatIsNoVirtualIPIsRefusedInLINKsWords(body: String) throws {
        let answer = try api.ask("POST", "/ips", body)
        #expect(answer.status == 400 && answer.body.hasPrefix(#"{"error": ""#), "\(answer)")
        #expect(api.core.submitted.all.isEmpty)
        #expect(try api.ask("PATCH", "/ips/vip-10.20.0.1", "{}").status == 400)
    }

    @Test(arguments: [
        (Refusal.Code.conflict, 400), (.invalid, 400), (.unsupported, 400), (.notFound, 404), (.precondition, 412), (.busy, 429),
        (.store, 503),
    ])
    func aRefusalOfTheCoreHasAStatus(code: Refusal.Code, status: Int) throws {
        api.core.answer(.refused(Refusal(code, "IP already assigned")))
        let answer = try api.ask("POST", "/ips", #"{"ip": "10.20.0.1", "interface": "eth0"}"#)
        #expect(answer.status == status)
        if status == 400 { #expect(answer.body == #"{"error": "IP already assigned"}"# + "\n") }
        if status == 404 { #expect(answer.body == Self.missing) }
    }
}
