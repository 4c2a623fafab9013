import IPVSDriver
import LBaaS
import Testing

@Suite("The kernel's table")
struct RepairTests {
    private let a = balancer("a") { $0.sessionPersistence = .sourceIP(timeout: 60) }
    private let b = balancer("b", [node(1, isV6: true)], at: "fd00::9", as: .udp)

    /// A kernel that another worker left as it is to be.
    private func left() throws -> FakeTable {
        let bench = try Bench(running: [a, b])
        return bench.kernel
    }

    @Test("is not written to by a worker that begins where another left, nor by a look at it")
    func restart() throws {
        let kernel = try left()
        let bench = try Bench(kernel: kernel)
        for _ in 0..<2 { #expect(try bench.start([a, b]) == []) }
        bench.settle()
        #expect(kernel.takeBatches().isEmpty)
        #expect(kernel.services.count == 2)
        #expect(try bench.driver.status(of: ["a", "b"]).mapValues { $0.map(\.isUp) } == ["a": [true, true], "b": [true]])
    }

    @Test("is compared without its counters, connections and the order of its real servers")
    func irrelevant() throws {
        let kernel = try left()
        let (key, others) = (a.key, b.key)
        kernel.alter { state in
            state.services[key]?.order.reverse()
            state.services[key]?.active[place(1)] = 7
            state.services[others]?.statistics.bytesOut = 7
        }
        #expect(try Bench(kernel: kernel).start([a, b]) == [])
    }

    @Test("is read at a start without lists of real servers that the kernel confirms, and then to the last detail")
    func looks() throws {
        let bench = try Bench(kernel: try left())
        // The other one is of IPv6, which is always listed.
        for lists in [2, 3, 3] {
            bench.kernel.alter { $0.lists = 0 }
            #expect(try bench.repairs([a, b]) == [])
            bench.kernel.alter { #expect($0.lists == lists) }
        }
    }

    @Test("is repaired, each load balancer alone and by what differs")
    func repairs() throws {
        let (key, settings) = (a.key, ServiceSettings(scheduler: Scheduler("wrr"), flags: .persistent, timeout: 60, netmask: .max))
        var scheduler = settings
        scheduler.scheduler = .roundRobin
        var timeout = settings
        timeout.timeout = 61
        var mask = settings
        mask.netmask = 0xFFFF_FF00
        var engine = settings
        engine.persistenceEngine = "sip"
        let stranger = DestinationKey(.v4(0x0A01_0063), 80)
        let cases: [(harm: Change, repair: [Change])] = [
            (.setService(key, scheduler), [.setService(key, settings)]), (.setService(key, timeout), [.setService(key, settings)]),
            (.setService(key, mask), [.setService(key, settings)]), (.setService(key, engine), [.setService(key, settings)]),
            (.setDestination(key, place(1), nat(9)), [.setDestination(key, place(1), nat(1))]),
            (
                .setDestination(key, place(1), Destination(forwarding: .direct, weight: 1)), [.setDestination(key, place(1), nat(1))]
            ),
            (.deleteDestination(key, place(2)), [.addDestination(key, place(2), nat(1))]),
            (.addDestination(key, stranger, nat(1)), [.deleteDestination(key, stranger)]),
            (
                .deleteService(key),
                [.addService(key, settings), .addDestination(key, place(1), nat(1)), .addDestination(key, place(2), nat(1))]
            ),
        ]
        let bench = try Bench(running: [a, b])
        for (harm, repair) in cases {
            bench.kernel.alter(harm)
            #expect(try bench.start([a, b]) == ["a"], "\(harm)")
            #expect(Set(bench.kernel.takeChanges()) == Set(repair), "\(harm)")
            #expect(try bench.start([a, b]) == [])
        }
        bench.kernel.alter { $0.services = [:] }
        #expect(try bench.start([a, b]) == ["a", "b"])
        #expect(bench.kernel.services.count == 2)
    }

    @Test("keeps what drains, without weight, and does not bring back what has gone")
    func draining() throws {
        var draining = balancer("a", [node(1), node(3, .draining)])
        draining.leaving = [a.leaving(2)]
        let bench = try Bench(running: [balancer("a", [node(1), node(2), node(3)])])
        #expect(bench.apply(.update(from: balancer("a", [node(1), node(2), node(3)]), to: draining)) == nil)
        let drained: Destinations = [place(1): nat(1), place(2): nat(0), place(3): nat(0)]
        #expect(bench.kernel.services[a.key]?.destinations == drained)
        #expect(try Bench(kernel: bench.kernel).start([draining]) == [])
        bench.kernel.alter(.setDestination(a.key, place(2), nat(4)))
        #expect(try bench.start([draining]) == ["a"])
        #expect(bench.kernel.services[a.key]?.destinations == drained)
        bench.kernel.alter(.deleteDestination(a.key, place(3)))
        #expect(try bench.start([draining]) == [])
        // Wanted again, one is there still, the other comes anew.
        _ = bench.kernel.takeBatches()
        #expect(bench.apply(.update(from: draining, to: balancer("a", [node(1), node(2), node(3)]))) == nil)
        #expect(Set(bench.kernel.takeChanges()) == [.setDestination(a.key, place(2), nat(1)), .addDestination(a.key, place(3), nat(1))])
    }

    @Test("of others is never touched")
    func foreign() throws {
        let kernel = FakeTable()
        let mark = ServiceKey.firewallMark(5, .v4)
        let settings = ServiceSettings(scheduler: .roundRobin, netmask: .max)
        kernel.alter(.addService(balancer("x", port: 81).key, settings), .addService(mark, settings))
        kernel.alter(.addDestination(mark, place(1), nat(1)))
        let others = kernel.services
        let bench = try Bench(kernel: kernel)
        #expect(try bench.start([a]) == ["a"])
        #expect(bench.apply(.update(from: a, to: suspended(a)), .create(b)) == nil)
        bench.settle()
        #expect(bench.apply(.delete(suspended(a)), .delete(b)) == nil)
        #expect(try bench.start([]) == [])
        #expect(kernel.services == others)
        #expect(kernel.takeChanges().allSatisfy { !"\($0)".contains("mark") && !"\($0)".contains(":81/") })
    }

    @Test("that is all ours is cleared of others, whatever their names and ours are")
    func exclusive() throws {
        let kernel = FakeTable()
        let settings = ServiceSettings(scheduler: .roundRobin, netmask: .max)
        let strangers: [ServiceKey] = [
            balancer("x", port: 81).key, balancer("x", at: "fd00::9", as: .sctp).key, .firewallMark(5, .v4), .firewallMark(5, .v6),
            .address(.v4(0x0A00_0001), port: 0, protocol: 50),
        ]
        for key in strangers {
            var settings = settings
            if key.family == .v6 { settings.netmask = 128 }
            kernel.alter(.addService(key, settings))
        }
        // Load balancers that have the names under which strangers are told of.
        let named = strangers.enumerated().map { balancer($1.description, port: UInt16(2000 + $0)) }
        let bench = try Bench(["exclusive": "yes"], kernel: kernel)
        let steps = try bench.repairs(named)
        #expect(Set(steps.compactMap { $0.new == nil ? $0.old?.id.text : nil }) == Set(strangers.map { "\($0)'" }))
        #expect(bench.apply(steps) == nil)
        #expect(Set(kernel.services.keys) == Set(named.map(\.key)))
        #expect(try bench.start(named) == [])
        for balancer in named { #expect(bench.apply(.delete(balancer)) == nil) }
        #expect(kernel.services.isEmpty)
    }

    @Test("gives a stranger's listener to who wants it, though it is all ours")
    func exclusiveListener() throws {
        let kernel = FakeTable()
        kernel.alter(.addService(a.key, ServiceSettings(scheduler: .roundRobin, netmask: .max)))
        let bench = try Bench(["exclusive": "yes"], kernel: kernel)
        #expect(try bench.start([a]) == ["a"])
        #expect(kernel.services[a.key]?.destinations.count == 2)
        // The name of a stranger that could not be removed, taken by a load balancer.
        kernel.alter(.addService(balancer("x", port: 81).key, ServiceSettings(scheduler: .roundRobin, netmask: .max)))
        let stranger = try bench.repairs([a])[0]
        let named = balancer(stranger.old?.id.text ?? "", port: 90)
        #expect(bench.apply(.update(from: stranger.old ?? a, to: named)) == nil)
        bench.settle()
        #expect(Set(kernel.services.keys) == [a.key, named.key])
        #expect(bench.apply(.delete(named)) == nil)
        #expect(Set(kernel.services.keys) == [a.key])
    }

    @Test("that cannot be listed is told of, and asked anew over another socket")
    func unlisted() throws {
        let bench = try Bench(running: [a])
        bench.kernel.alter { $0.failure = KernelFailure(.other, "the kernel did not answer") }
        #expect(message { try bench.driver.observe(expecting: [a]) } == "the kernel did not answer")
        #expect(message { try bench.driver.observe(possible: [a]) }?.contains("the kernel did not answer") == true)
        #expect(message { try bench.driver.status(of: ["a"]) } == "the kernel did not answer")
        #expect(message { try bench.driver.statistics(of: ["a"]) }?.contains("the kernel did not answer") == true)
        #expect(message { try bench.driver.finished([a.leaving(1)]) } == "the kernel did not answer")
        #expect(bench.apply(.update(from: a, to: balancer("a", [node(3)]))) == "the kernel did not answer")
        bench.kernel.alter { $0.failure = nil }
        #expect(try bench.start([a]) == [])
    }
}
