import Etcd
import LBaaS
import TestSupport
import Testing

@testable import Coordination

@Suite struct SimulationTests {
    static let ids = ["a", "b", "c"]
    static let names = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]

    func cluster(
        _ seed: UInt64 = 1, _ policy: OwnershipPolicy = .atMostOne, takeover: Duration = .seconds(3), preemption: Preemption = .no
    ) -> SimulatedCluster {
        let candidacy = Candidacy(preemption: preemption, policy: policy)
        return SimulatedCluster(
            seed: seed, takeover: takeover, hosts: Self.ids,
            candidacies: Dictionary(uniqueKeysWithValues: Self.names.map { ($0, candidacy) }))
    }

    /// Starts all hosts and waits until each name has an owner.
    func settle(_ cluster: SimulatedCluster) throws {
        for id in Self.ids {
            cluster.start(id)
            cluster.run(for: .milliseconds(30))
        }
        let time = cluster.run(until: { Self.names.allSatisfy { cluster.answering($0).count == 1 } }, within: .seconds(5))
        _ = try #require(time, "an owner of each name")
        cluster.run(for: .seconds(4))
    }

    func owner(_ cluster: SimulatedCluster) throws -> String { try #require(cluster.answering(Self.names[0]).first) }

    @Test("Random faults never make two owners of a name with at_most_one, and one owner is there when they are over", arguments: 0..<4)
    func atMostOne(_ part: UInt64) {
        for seed in part * 20..<part * 20 + 20 {
            let cluster = cluster(
                seed, .atMostOne, takeover: .seconds([1, 3, 5][Int(seed % 3)]), preemption: seed % 2 == 0 ? .no : .after(.seconds(1)))
            randomFaults(cluster, seconds: 60)
            #expect(cluster.violations == [], "seed \(seed)")
            for name in Self.names { #expect(cluster.answering(name).count == 1, "\(name), seed \(seed)") }
        }
    }

    @Test("After random faults a name with at_least_one has one owner", arguments: 0..<2)
    func atLeastOne(_ part: UInt64) {
        for seed in part * 20..<part * 20 + 20 {
            let cluster = cluster(
                seed, .atLeastOne, takeover: .seconds([1, 3, 5][Int(seed % 3)]), preemption: seed % 2 == 0 ? .no : .after(.seconds(1)))
            randomFaults(cluster, seconds: 60)
            for name in Self.names { #expect(cluster.answering(name).count == 1, "\(name), seed \(seed)") }
        }
    }

    /// Does harm for a while, then mends everything and lets the hosts settle.
    private func randomFaults(_ cluster: SimulatedCluster, seconds: Int) {
        cluster.trouble = 5
        for id in Self.ids { cluster.start(id) }
        let end = cluster.now + .seconds(seconds)
        while cluster.now < end {
            cluster.run(for: .milliseconds(Int.random(in: 1...1500, using: &cluster.generator)))
            let host = cluster[Self.ids[Int.random(in: 0..<3, using: &cluster.generator)]]
            let name = Self.names[Int.random(in: 0..<3, using: &cluster.generator)]
            switch Int.random(in: 0..<12, using: &cluster.generator) {
            case 0: host.isCut = true
            case 1, 2: host.isCut = false
            case 3: for host in cluster.hosts { host.isCut = true }
            case 4: for host in cluster.hosts { host.isCut = false }
            case 5: if host.isRunning, host.frozen == nil { cluster.freeze(host.id) }
            case 6, 7: if host.frozen != nil { cluster.thaw(host.id) }
            case 8: if host.isRunning { cluster.kill(host.id) }
            case 9: if !host.isRunning, host.owned.values.allSatisfy({ $0.map { $0 <= cluster.now } ?? false }) { cluster.start(host.id) }
            case 10:
                if host.isRunning, host.frozen == nil, host.machine.refusal(of: name, to: nil, now: cluster.now + host.offset) == nil {
                    cluster.tell(host, .failOver(name, to: nil))
                }
            default:
                if var candidacy = cluster.candidacies[name], host.isRunning {
                    candidacy.isHealthy = Bool.random(using: &cluster.generator)
                    candidacy.priority = Int.random(in: 1...254, using: &cluster.generator)
                    cluster.tell(host, .set(name, candidacy))
                }
            }
        }
        cluster.trouble = 0
        for host in cluster.hosts {
            host.isCut = false
            if host.frozen != nil { cluster.thaw(host.id) }
            if !host.isRunning { cluster.start(host.id) }
            for (name, candidacy) in cluster.candidacies { cluster.tell(host, .set(name, candidacy)) }
        }
        cluster.run(for: cluster.takeover * 4 + .seconds(5))
    }

    @Test("A host that is dead is replaced after the takeover time, and not before its right is over", arguments: OwnershipPolicy.allCases)
    func dead(_ policy: OwnershipPolicy) throws {
        for seed in UInt64(0)..<30 {
            let cluster = cluster(seed, policy)
            try settle(cluster)
            let victim = try owner(cluster)
            cluster.kill(victim)
            let time = try #require(
                cluster.run(
                    until: { Self.names.allSatisfy { !cluster.answering($0).isEmpty && cluster.answering($0) != [victim] } },
                    within: .seconds(6)))
            #expect(time <= cluster.takeover + .milliseconds(100))
            #expect(cluster.violations == [])
        }
    }

    @Test("A host that is frozen loses its names while it stands still, and learns it when it goes on")
    func frozen() throws {
        for seed in UInt64(0)..<30 {
            let cluster = cluster(seed)
            try settle(cluster)
            let victim = try owner(cluster)
            cluster.freeze(victim)
            cluster.run(for: .seconds(10))
            let next = try owner(cluster)
            #expect(next != victim)
            cluster.thaw(victim)
            #expect(cluster[victim].owned.isEmpty)
            cluster.run(for: .seconds(10))
            #expect(try owner(cluster) == next)
            #expect(cluster.violations == [])
        }
    }

    @Test("An outage of etcd ends rights with at_most_one, but moves no name")
    func outage() throws {
        for seed in UInt64(0)..<30 {
            let cluster = cluster(seed)
            try settle(cluster)
            let before = try owner(cluster)
            for host in cluster.hosts { host.isCut = true }
            cluster.run(for: .seconds(20))
            #expect(Self.names.allSatisfy { cluster.answering($0).isEmpty })
            for host in cluster.hosts { host.isCut = false }
            let back = cluster.run(until: { Self.names.allSatisfy { !cluster.answering($0).isEmpty } }, within: .seconds(2))
            #expect(back != nil, "seed \(seed)")
            cluster.run(for: .seconds(10))
            #expect(try owner(cluster) == before, "seed \(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("A host is told once who owns a name that it does not own, and again when another one does")
    func standby() throws {
        for policy in OwnershipPolicy.allCases {
            let cluster = cluster(1, policy)
            try settle(cluster)
            let name = Self.names[0]
            let first = try owner(cluster)
            func told(_ id: String) -> [String] {
                cluster[id].notices.compactMap { if case .standby(name, let owner) = $0 { owner } else { nil } }
            }
            for id in Self.ids { #expect(told(id) == (id == first ? [] : [first])) }
            let heir = try #require(Self.ids.last { $0 != first })
            cluster.tell(cluster[first], .failOver(name, to: heir))
            cluster.run(for: .seconds(4))
            for id in Self.ids {
                #expect(told(id) == (id == first ? [heir] : id == heir ? [first] : [first, heir]), "\(id)")
            }
        }
    }

    @Test("An outage of etcd that is shorter than the right takes nothing from the owner")
    func shortOutage() throws {
        let cluster = cluster()
        try settle(cluster)
        let before = try owner(cluster)
        for host in cluster.hosts {
            host.isCut = true
            host.notices = []
        }
        cluster.run(for: .milliseconds(1500))
        for host in cluster.hosts { host.isCut = false }
        cluster.run(for: .seconds(10))
        #expect(try owner(cluster) == before)
        for host in cluster.hosts { #expect(!host.notices.contains { if case .lost = $0 { true } else { false } }) }
    }

    @Test("Without etcd an owner with at_least_one keeps its name, and after three takeover times the others are asked to look")
    func unattended() throws {
        let cluster = cluster(1, .atLeastOne)
        try settle(cluster)
        let before = try owner(cluster)
        for host in cluster.hosts { host.isCut = true }
        cluster.run(for: .seconds(8))
        #expect(cluster.answering(Self.names[0]) == [before])
        let other = try #require(cluster.hosts.first { $0.id != before })
        #expect(!other.notices.contains(.unattended(Self.names[0])))
        cluster.run(for: .seconds(3))
        #expect(other.notices.contains(.unattended(Self.names[0])))
        #expect(!cluster[before].notices.contains(.unattended(Self.names[0])))
        cluster.tell(other, .assume(Self.names[0]))
        cluster.run(for: .seconds(5))
        #expect(Set(cluster.answering(Self.names[0])) == [before, other.id])
        // The other way to etcd is mended first: it takes the name from the owner that nobody hears of, and then there is one.
        other.isCut = false
        cluster.run(for: .seconds(10))
        for host in cluster.hosts { host.isCut = false }
        cluster.run(for: .seconds(10))
        #expect(cluster.answering(Self.names[0]).count == 1)
    }

    @Test("A planned failover goes to the host that was named, at once, and a host that stops hands over")
    func handover() throws {
        for policy in OwnershipPolicy.allCases {
            for seed in UInt64(0)..<20 {
                let cluster = cluster(seed, policy)
                try settle(cluster)
                let before = cluster[try owner(cluster)]
                let heir = try #require(Self.ids.last { $0 != before.id })
                var least = 2
                cluster.ownershipChanged = { least = min(least, cluster.answering(Self.names[0]).count) }
                cluster.tell(before, .failOver(Self.names[0], to: heir))
                let time = try #require(cluster.run(until: { cluster.answering(Self.names[0]) == [heir] }, within: .seconds(2)))
                #expect(time < .milliseconds(policy == .atMostOne ? 50 : 150))
                // With at_least_one there is no moment without an owner.
                #expect(least == (policy == .atMostOne ? 0 : 1))
                cluster.run(for: .seconds(5))
                #expect(cluster.answering(Self.names[0]) == [heir])

                cluster.tell(cluster[heir], .stop)
                let stopped = cluster.run(until: { cluster[heir].isStopped }, within: .seconds(2))
                #expect(stopped != nil)
                let next = try #require(cluster.run(until: { cluster.answering(Self.names[0]).count == 1 }, within: .seconds(1)))
                #expect(next < .milliseconds(200))
                #expect(cluster.answering(Self.names[0]) != [heir])
                #expect(cluster.violations == [])
            }
        }
    }

    @Test("With at_most_one an heir that is there owns the name after one request and its event, and one that is silent does not get it")
    func question() throws {
        for seed in UInt64(0)..<30 {
            let cluster = cluster(seed)
            try settle(cluster)
            let name = Self.names[0]
            let before = cluster[try owner(cluster)]
            let heir = try #require(Self.ids.last { $0 != before.id })
            cluster.tell(before, .failOver(name, to: heir))
            #expect(before.machine.refusal(of: name, to: heir, now: cluster.now + before.offset)?.code == .notOwner)
            #expect(cluster.run(until: { cluster.answering(name).isEmpty }, within: .seconds(1)) != nil)
            // Each way takes 3 ms at most.
            let gap = try #require(cluster.run(until: { cluster.answering(name) == [heir] }, within: .seconds(1)))
            #expect(gap <= .milliseconds(6), "seed \(seed)")

            // It keeps the name, and the one that is there gets it.
            cluster.run(for: .seconds(1))
            cluster.freeze(before.id)
            cluster.tell(cluster[heir], .failOver(name, to: before.id))
            let kept = try #require(cluster.run(until: { cluster.answering(name).isEmpty }, within: .seconds(2)))
            #expect(kept >= .milliseconds(500) && kept < .milliseconds(510), "seed \(seed)")
            let third = try #require(Self.ids.first { $0 != before.id && $0 != heir })
            let time = try #require(cluster.run(until: { !cluster.answering(name).isEmpty }, within: .seconds(1)))
            #expect(cluster.answering(name) == [third] && time < .milliseconds(120), "seed \(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("A host that was cut off keeps a name with at_least_one, and contradicts nobody before it is known whose the name is")
    func silent() throws {
        for seed in UInt64(0)..<20 {
            let cluster = cluster(seed, .atLeastOne)
            try settle(cluster)
            let before = cluster[try owner(cluster)]
            before.notices = []
            before.isCut = true
            cluster.run(for: .seconds(10))
            #expect(before.notices.contains(.yielding(Self.names[0])))
            #expect(cluster.answering(Self.names[0]).count == 2)
            before.isCut = false
            cluster.run(for: .seconds(10))
            #expect(cluster.answering(Self.names[0]).count == 1)
            let notices = before.notices.filter { [.yielding(Self.names[0]), .owned(Self.names[0], until: nil)].contains($0) }
            #expect(notices == [.yielding(Self.names[0])], "seed \(seed)")

            // Where nobody took it, it is the host's again.
            let after = cluster[try owner(cluster)]
            after.notices = []
            for host in cluster.hosts { host.isCut = true }
            cluster.run(for: .seconds(5))
            for host in cluster.hosts { host.isCut = false }
            cluster.run(for: .seconds(5))
            let own = after.notices.filter { [.yielding(Self.names[0]), .owned(Self.names[0], until: nil)].contains($0) }
            #expect(own == [.yielding(Self.names[0]), .owned(Self.names[0], until: nil)], "seed \(seed)")
        }
    }

    @Test("A name that is given up to nobody in particular goes to the best of the others at once, also where its owner was better")
    func unnamedHeir() throws {
        for seed in UInt64(0)..<20 {
            let cluster = cluster(seed)
            try settle(cluster)
            let before = try owner(cluster)
            if before != "a" { cluster.tell(cluster[before], .failOver(Self.names[0], to: "a")) }
            cluster.run(for: .seconds(2))
            #expect(try owner(cluster) == "a")
            cluster.tell(cluster["a"], .failOver(Self.names[0], to: nil))
            let time = try #require(cluster.run(until: { cluster.answering(Self.names[0]) == ["b"] }, within: .seconds(2)))
            #expect(time < .milliseconds(30), "seed \(seed)")
        }
    }

    @Test("The host with the highest priority takes a name, and takes it back only where that is allowed")
    func priorities() throws {
        for preemption in [Preemption.no, .after(.seconds(2))] {
            let cluster = cluster(3, .atMostOne, preemption: preemption)
            try settle(cluster)
            let name = Self.names[0]
            let before = try owner(cluster)
            let others = Self.ids.filter { $0 != before }
            for (id, priority) in zip(others, [50, 200]) {
                var candidacy = Candidacy(priority: priority, preemption: preemption, policy: .atMostOne)
                candidacy.isHealthy = true
                cluster.tell(cluster[id], .set(name, candidacy))
            }
            cluster.run(for: .seconds(5))
            #expect(cluster.answering(name) == [preemption == .no ? before : others[1]])
            if preemption == .no { cluster.kill(before) } else { cluster.kill(others[1]) }
            cluster.run(for: .seconds(5))
            #expect(cluster.answering(name) == [preemption == .no ? others[1] : before])
            #expect(cluster.violations == [])
        }
    }

    @Test("A host that is not healthy gives its names up, and has them again only where nobody else wants them")
    func health() throws {
        let cluster = cluster()
        try settle(cluster)
        let before = cluster[try owner(cluster)]
        cluster.tell(before, .set(Self.names[0], Candidacy(policy: .atMostOne, isHealthy: false)))
        cluster.run(for: .seconds(1))
        let next = try owner(cluster)
        #expect(next != before.id)
        for host in cluster.hosts { cluster.tell(host, .set(Self.names[0], Candidacy(policy: .atMostOne, isHealthy: false))) }
        cluster.run(for: .seconds(5))
        #expect(cluster.answering(Self.names[0]).isEmpty)
        cluster.tell(before, .set(Self.names[0], Candidacy(policy: .atMostOne)))
        cluster.run(for: .milliseconds(500))
        #expect(cluster.answering(Self.names[0]) == [before.id])
    }

    @Test("A worker that starts again on its host goes on as the owner")
    func restart() throws {
        let cluster = cluster()
        try settle(cluster)
        let before = try owner(cluster)
        cluster.kill(before)
        cluster.run(for: .milliseconds(200))
        cluster.start(before)
        let time = try #require(cluster.run(until: { cluster[before].machine.holdings.count > 0 }, within: .seconds(1)))
        #expect(time < .milliseconds(100))
        cluster.run(for: .seconds(5))
        #expect(try owner(cluster) == before)
        #expect(cluster.violations == [])
    }

    @Test("An etcd that needs 200 ms for each answer takes no name from its owner")
    func slow() throws {
        let cluster = cluster()
        try settle(cluster)
        let before = try owner(cluster)
        for host in cluster.hosts { host.notices = [] }
        cluster.slowness = .milliseconds(100)
        cluster.run(for: .seconds(20))
        #expect(try owner(cluster) == before)
        for host in cluster.hosts { #expect(!host.notices.contains { if case .lost = $0 { true } else { false } }) }
        cluster.kill(before)
        let time = cluster.run(until: { cluster.hosts.contains { $0.id != before && $0.owned.count == 3 } }, within: .seconds(5))
        #expect(time != nil)
        #expect(cluster.violations == [])
    }
}
