import IPVSDriver
import LBaaS
import Testing

@Suite("A plan")
struct PlanTests {
    private func plan(_ bench: Bench, _ steps: Patch<LoadBalancer>...) -> [String] {
        bench.driver.plan(PatchGroup.groups(of: steps.map { LoadBalancerPatch($0) }))
    }

    @Test("is what the kernel would be told, in words, and touches nothing")
    func words() throws {
        let a = balancer("a", [node(1)]) { $0.sessionPersistence = .sourceIP(timeout: 300) }
        let bench = try Bench(running: [a])
        let changed = balancer("a", [node(1, weight: 3)])
        let b = balancer("b", [node(1, isV6: true)], at: "fd00::9", port: 53, as: .udp)
        #expect(
            plan(bench, .update(from: a, to: changed), .create(b)) == [
                "set virtual service 10.0.0.9:80/tcp: wrr", "set real server 10.1.0.1:80 of 10.0.0.9:80/tcp: NAT, weight 3",
                "add virtual service [fd00::9]:53/udp: wrr", "add real server [fd01::1]:80 to [fd00::9]:53/udp: NAT, weight 1",
            ])
        #expect(plan(bench, .delete(a)) == ["delete virtual service 10.0.0.9:80/tcp"])
        #expect(plan(bench, .update(from: a, to: suspended(a))) == ["remove real server 10.1.0.1:80 from 10.0.0.9:80/tcp"])
        #expect(plan(bench, .update(from: a, to: a)) == [])
        #expect(bench.kernel.takeBatches().isEmpty)
        #expect(bench.kernel.services[a.key]?.destinations.count == 1)
    }

    @Test("does not speak of what is only read")
    func readings() throws {
        let a = balancer("a", [node(1)])
        let bench = try Bench(running: [a])
        #expect(
            plan(bench, .update(from: a, to: balancer("a", [], port: 81)), .create(balancer("b", [node(1)]))) == [
                "add virtual service 10.0.0.9:81/tcp: wrr"
            ])
    }
}
