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

    @Test("by an interruption keeps the portions behind it from being sent, and they can be sent afterwards")
    func portions() throws {
        let bench = try Bench(running: [])
        // A portion is full with the first of them.
        let steps = (1...3).map { Patch.create(balancer("\($0)", (1...600).map { node($0) }, port: $0)) }
        bench.kernel.alter { $0.interruption = .init(heard: 0, done: 0) }
        #expect(bench.outcomes(steps).map { $0.failure?.message } == Array(repeating: "the kernel did not answer", count: 3))
        #expect(bench.kernel.services.isEmpty)
        _ = bench.kernel.takeBatches()
        #expect(bench.apply(steps) == nil)
        #expect(bench.kernel.takeBatches().map(\.count) == [602, 602, 602])
        #expect(bench.kernel.services.values.map(\.destinations.count) == [600, 600, 600])
    }

    @Test("by an interruption is known as far as the kernel was heard", arguments: [0, 3, 6])
    func interrupted(done: Int) throws {
        let bench = try Bench(running: [a])
        // Three changes each: the first is known to be done, of the second one change, of the third none.
        bench.kernel.alter { $0.interruption = .init(heard: 4, done: 4 + done / 3) }
        let groups = [a, b, c].map { PatchGroup([LoadBalancerPatch(.create(balancer($0.id.text + "2", port: $0.port + 10)))]) }
        let outcomes = bench.driver.apply(groups)
        #expect(outcomes.map { $0.failure?.message } == [nil, "the kernel did not answer", "the kernel did not answer"])
        let left = bench.kernel.services
        // What is there is seen, whatever it is, so the way forward and the way back take no surprise.
        for (index, group) in groups.enumerated() where index > 0 {
            let step = try #require(group.patches[0].loadBalancer.new)
            let isDone = index == 1 && done == 6
            #expect(try bench.driver.observe(possible: [step]).altered == (isDone ? [] : [step.id]))
        }
        let steps = groups.compactMap { $0.patches[0].loadBalancer.new }
        #expect(bench.apply(.delete(steps[1]), .update(from: steps[2], to: steps[2])) == nil)
        #expect(Set(bench.kernel.services.keys) == [a.key, steps[0].key, steps[2].key])
        #expect(bench.kernel.services[steps[2].key]?.destinations.count == 2)
        #expect(left[steps[0].key]?.destinations.count == 2)
        #expect(bench.lines.take().allSatisfy { !$0.contains("looked at again") })
    }

    @Test("because somebody changed the table is looked at again, and put right once")
    func surprises() throws {
        let changed = balancer("a", [node(1, weight: 9), node(3)], port: 1)
        let settings = ServiceSettings(scheduler: .weightedRoundRobin, netmask: .max)
        let harms: [Change] = [
            .deleteService(a.key), .deleteDestination(a.key, place(1)), .deleteDestination(a.key, place(2)),
            .addDestination(a.key, place(3), nat(7)),
        ]
        for harm in harms {
            let bench = try Bench(running: [a])
            bench.kernel.alter(harm)
            #expect(bench.apply(.update(from: a, to: changed), .create(b)) == nil, "\(harm)")
            #expect(bench.kernel.services[a.key]?.destinations == [place(1): nat(9), place(3): nat(1)], "\(harm)")
            #expect(bench.kernel.services[b.key]?.destinations.count == 2)
            #expect(bench.lines.take().filter { $0.contains("looked at again") }.count == 1)
        }
        let bench = try Bench(running: [])
        bench.kernel.alter(.addService(a.key, settings), .addDestination(a.key, place(1), nat(5)), .addDestination(a.key, place(9), nat(5)))
        #expect(bench.apply(.create(a)) == nil)
        #expect(bench.kernel.services[a.key]?.destinations == [place(1): nat(1), place(2): nat(1)])
        bench.kernel.alter(.deleteService(a.key))
        #expect(bench.apply(.delete(a)) == nil)
        #expect(bench.kernel.services.isEmpty)
    }

    @Test("again and again for that reason is told")
    func alwaysSurprised() throws {
        let bench = try Bench(running: [a])
        refuse(bench, 3, of: a, with: EEXIST)
        #expect(
            bench.apply(.update(from: a, to: balancer("a", [node(3)], port: 1)))
                == "the kernel refuses to add real server 10.1.0.3:80 to 10.0.0.9:1/tcp: NAT, weight 1: it is there already; look at 'ipvsadm -L -n'"
        )
        #expect(bench.kernel.takeBatches().count(where: { $0.contains { if case .readService = $0 { false } else { true } } }) == 2)
        // Among other reasons it is not tried again.
        bench.kernel.refuse { if case .addDestination = $0 { ENOMEM } else if case .deleteDestination = $0 { ENOENT } else { nil } }
        #expect(bench.apply(.update(from: a, to: balancer("a", [node(4)], port: 1)))?.contains("no memory") == true)
    }

    @Test("because somebody made the service before does so once: it is taken over, and that is told")
    func takenOver() throws {
        let bench = try Bench()
        try bench.start([])
        _ = bench.lines.take()
        bench.kernel.alter(
            .addService(a.key, ServiceSettings(scheduler: .roundRobin, netmask: .max)), .addDestination(a.key, place(2), nat(3)),
            .addDestination(a.key, place(7), nat(1)))
        #expect(bench.apply(.create(a)) == nil)
        #expect(bench.kernel.services[a.key]?.destinations == [place(1): nat(1), place(2): nat(1)])
        #expect(
            bench.lines.take() == [
                "warning a virtual service was there that nobody here had made; from now on it is this worker's, and becomes what was asked for"
                    + " service=10.0.0.9:1/tcp settings=rr not_wanted=10.1.0.7:80"
            ])
    }

    @Test("while a listener moves leaves nothing behind", arguments: [false, true])
    func moving(isForward: Bool) throws {
        let bench = try Bench(running: [a, b])
        let moved = balancer("a", port: 11)
        refuse(bench, 2, of: moved, with: ENOMEM)
        #expect(bench.apply(.update(from: a, to: moved)) != nil)
        #expect(bench.kernel.services.count == 3)
        let observation = try bench.driver.observe(possible: [a, moved])
        #expect(observation.altered == ["a"])
        bench.kernel.refuse(nil)
        let next = isForward ? moved : a
        #expect(bench.apply(.update(from: observation.running[0], to: next)) == nil)
        bench.settle()
        #expect(Set(bench.kernel.services.keys) == [b.key, next.key])
        #expect(bench.kernel.services[next.key]?.destinations.count == 2)
        #expect(try bench.start([next, b]) == [])
    }

    @Test("and was not brought back is found and removed by the next look at the table")
    func leftBehind() throws {
        let bench = try Bench(running: [a])
        let moved = balancer("a", port: 11)
        refuse(bench, 2, of: moved, with: ENOMEM)
        #expect(bench.apply(.update(from: a, to: moved), .create(c)) != nil)
        #expect(try bench.start([a]) == ["10.0.0.9:11/tcp", "a"])
        #expect(Set(bench.kernel.services.keys) == [a.key, c.key])
    }

    @Test("and was taken over meanwhile is left to who took it")
    func takenMeanwhile() throws {
        let bench = try Bench(running: [a])
        let moved = balancer("a", port: 11)
        refuse(bench, 2, of: moved, with: ENOMEM)
        #expect(bench.apply(.update(from: a, to: moved)) != nil)
        bench.kernel.refuse(nil)
        let taker = balancer("t", port: 11)
        #expect(bench.apply(.create(taker)) == nil)
        #expect(bench.apply(.update(from: a, to: a)) == nil)
        bench.settle()
        #expect(bench.kernel.services.mapValues { $0.destinations.count } == [a.key: 2, taker.key: 2])
    }

    @Test("while two load balancers exchange their listeners can be taken back, and tried again")
    func exchanging() throws {
        let bench = try Bench(running: [a, b])
        let (a2, b2) = (balancer("a", [node(3)], port: 2), balancer("b", [node(4)], port: 1))
        refuse(bench, 4, of: b2, with: ENOMEM)
        #expect(bench.apply(.update(from: a, to: a2), .update(from: b, to: b2)) != nil)
        bench.kernel.refuse(nil)
        #expect(bench.apply(.update(from: a, to: a), .update(from: b, to: b)) == nil)
        bench.settle()
        #expect(
            bench.kernel.services.mapValues { Set($0.destinations.keys) } == [a.key: [place(1), place(2)], b.key: [place(1), place(2)]])
        #expect(bench.apply(.update(from: a, to: a2), .update(from: b, to: b2)) == nil)
        #expect(bench.kernel.services.mapValues { Set($0.destinations.keys) } == [a.key: [place(4)], b.key: [place(3)]])
    }
}
