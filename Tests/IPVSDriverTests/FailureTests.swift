import Glibc
import IPVSDriver
import LBaaS
import Testing

@Suite("What fails")
struct FailureTests {
    private let a = balancer("a", port: 1)
    private let b = balancer("b", port: 2)
    private let c = balancer("c", port: 3)

    /// Refuses a new real server of one load balancer.
    private func refuse(_ bench: Bench, _ host: UInt32, of balancer: LoadBalancer, with number: Int32) {
        let (key, place) = (balancer.key, place(host))
        bench.kernel.refuse { change in
            if case .addDestination(key, place, _) = change { number } else { nil }
        }
    }

    @Test("fails alone: each group's outcome is known and told, and what became of it is looked at")
    func alone() throws {
        let bench = try Bench(running: [a])
        refuse(bench, 2, of: b, with: ENOMEM)
        let outcomes = bench.outcomes([.create(b), .create(c), .update(from: a, to: balancer("a", [node(1)], port: 1))])
        #expect(
            outcomes.map { $0.failure?.message } == [
                "the kernel refuses to add real server 10.1.0.2:80 to 10.0.0.9:2/tcp: NAT, weight 1: it has no memory left", nil, nil,
            ])
        // What the kernel was told is done, but for the one thing.
        #expect(bench.kernel.services[b.key]?.destinations == [place(1): nat(1)])
        let observation = try bench.driver.observe(possible: [b])
        #expect(observation.running == [b])
        #expect(observation.altered == ["b"])
        bench.kernel.refuse(nil)
        _ = bench.kernel.takeBatches()
        #expect(bench.apply(.delete(b)) == nil)
        #expect(bench.kernel.takeBatches() == [[.deleteService(b.key)]])
    }

    @Test("leaves what the driver knows of all others: they can be suspended and deleted afterwards")
    func others() throws {
        let bench = try Bench(running: [a])
        refuse(bench, 1, of: b, with: ENOMEM)
        #expect(bench.apply(.create(b)) != nil)
        _ = try bench.driver.observe(possible: [b])
        bench.kernel.refuse(nil)
        #expect(try bench.driver.status(of: ["a"])["a"]?.map(\.isUp) == [true, true])
        #expect(bench.apply(.delete(b)) == nil)
        #expect(bench.kernel.services.keys.map(\.description) == ["10.0.0.9:1/tcp"])
        #expect(bench.apply(.delete(a)) == nil)
        #expect(bench.kernel.services.isEmpty)
    }

    @Test("is found to run as it was or as it was to be, whichever it is")
    func either() throws {
        let bench = try Bench(running: [a])
        let changed = balancer("a", [node(3)], port: 1)
        #expect(try bench.driver.observe(possible: [a, changed]).altered.isEmpty)
        #expect(try bench.driver.observe(possible: [a, changed]).running == [a])
        #expect(try bench.driver.observe(possible: [changed, a]).running == [a])
        #expect(try bench.driver.observe(possible: [changed, a]).altered.isEmpty)
        #expect(try bench.driver.observe(possible: [changed]).altered == ["a"])
        #expect(bench.kernel.takeBatches().flatMap(\.self).allSatisfy { if case .readService = $0 { true } else { false } })
    }
}
