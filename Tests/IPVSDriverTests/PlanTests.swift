import Foundation
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
        #expect(plan(bench, .update(from: a, to: a)) == [])
        #expect(bench.kernel.takeBatches().isEmpty)
        #expect(bench.kernel.services[a.key]?.destinations.count == 1)
    }

    @Test("of SUSPEND names the service, which goes when its last bytes are counted")
    func suspension() throws {
        let a = balancer("a", [node(1)])
        let bench = try Bench(running: [a])
        let step = Patch.update(from: a, to: suspended(a))
        let removal = "delete virtual service 10.0.0.9:80/tcp when its last bytes are counted"
        #expect(plan(bench, step) == ["remove real server 10.1.0.1:80 from 10.0.0.9:80/tcp", removal])
        bench.apply(step)
        #expect(plan(bench, .update(from: suspended(a), to: suspended(a))) == [])
        bench.settle()
        #expect(plan(bench, .update(from: suspended(a), to: suspended(a))) == [])
        let empty = balancer("empty", [], port: 81)
        bench.apply(.create(empty))
        #expect(plan(bench, .update(from: empty, to: suspended(empty))) == [removal.replacingOccurrences(of: ":80/", with: ":81/")])
    }

    @Test("warns of a change to or from DIRECT while connections run, as the log does, and of no other")
    func rerouting() throws {
        let ways: [LBaaS.Forwarding] = [.nat, .direct, .tunnel(Tunnel(kind: .ipip)), .nat]
        let bench = try Bench(running: [balancer("a") { $0.forwarding = ways[0] }])
        _ = bench.lines.take()
        let warning =
            "beware: 10.0.0.9:80/tcp changes to or from DIRECT while connections run, and some of them, old or new, may get lost; to be safe"
            + " SUSPEND the load balancer first; the job that changes it then brings it back"
        for (index, isWarned) in [true, true, false].enumerated() {
            let change = Patch.update(
                from: balancer("a") { $0.forwarding = ways[index] }, to: balancer("a") { $0.forwarding = ways[index + 1] })
            #expect(plan(bench, change).filter { $0.hasPrefix("beware") } == (isWarned ? [warning] : []))
            bench.apply(change)
            #expect(bench.lines.take() == (isWarned ? ["warning \(warning)"] : []))
        }
        let (all, fewer) = (balancer("a"), balancer("a", [node(3)]) { $0.forwarding = .direct })
        #expect(plan(bench, .update(from: all, to: fewer)).allSatisfy { !$0.hasPrefix("beware") })
    }

    @Test("warns of real servers that MAGLEV has no place for while they drain, as the log does")
    func crowd() throws {
        let old = balancer("a", (1...4093).map { node($0) }) { $0.algorithm = .maglev }
        let new = balancer("a", (3...4095).map { node($0) }) {
            $0.algorithm = .maglev
            $0.leaving = [old.leaving(1), old.leaving(2)]
        }
        let bench = try Bench(running: [old])
        _ = bench.lines.take()
        let warning =
            "beware: 10.0.0.9:80/tcp loses 2 of the real servers that drain before they have finished: with those that are wanted they are more"
            + " than the kernel's MAGLEV table has places"
        #expect(plan(bench, .update(from: old, to: new)).last == warning)
        #expect(bench.apply(.update(from: old, to: new)) == nil)
        #expect(bench.lines.take() == ["warning \(warning)"])
        #expect(bench.kernel.services[old.key]?.destinations.count == 4093)
        #expect(try bench.start([new]) == [])
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
