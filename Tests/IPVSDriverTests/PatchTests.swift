import IPVSDriver
import LBaaS
import TestSupport
import Testing

private typealias Table = [ServiceKey: VirtualService]

@Suite("Patch groups")
struct PatchTests {
    /// What the kernel should have, given what it had: what is wanted, and of what leaves that which was there.
    private func target(of balancers: [LoadBalancer], from former: Table) -> Table {
        let wanted = balancers.flatMap { $0.wantedServices(ServiceDefaults()) }
        var table: Table = [:]
        for (key, wanted) in wanted { if let service = wanted.service { table[key] = service } }
        for (key, wanted) in wanted {
            for place in wanted.leaving where table[key]?.destinations[place] == nil {
                guard var old = former[key]?.destinations[place] else { continue }
                old.weight = 0
                if table[key] == nil, let settings = former[key]?.settings { table[key] = VirtualService(settings: settings) }
                table[key]?.destinations[place] = old
            }
        }
        return table
    }

    private func patches(from old: [LoadBalancer], to new: [LoadBalancer]) -> [LoadBalancerPatch] {
        let (before, after) = (byID(old), byID(new))
        return Set(before.keys).union(after.keys).sorted().compactMap { LoadBalancerPatch(from: before[$0], to: after[$0]) }
    }

    private func byID(_ balancers: [LoadBalancer]) -> [LoadBalancerID: LoadBalancer] {
        Dictionary(uniqueKeysWithValues: balancers.map { ($0.id, $0) })
    }

    @Test("between random sets of load balancers make the table what is wanted, and again nothing", arguments: 0..<12 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = try Bench()
        try bench.start([])
        var balancers: [LoadBalancer] = []
        for step in 0..<100 {
            let next = RandomBalancers.next(using: &generator)
            let groups = PatchGroup.groups(of: patches(from: balancers, to: next).shuffled(using: &generator))
            let wanted = target(of: next, from: bench.kernel.services)
            #expect(bench.driver.apply(groups).allSatisfy { $0.failure == nil }, "seed \(seed), step \(step)")
            let isRestored = Bool.random(using: &generator)
            if !isRestored { bench.settle() }
            _ = bench.kernel.takeBatches()
            // The same again, where it waits and where it does not.
            let again = PatchGroup.groups(of: next.compactMap { LoadBalancerPatch(restoring: $0, to: $0) })
            #expect(bench.driver.apply(again).allSatisfy { $0.failure == nil })
            let observation = try bench.driver.observe(expecting: next)
            #expect(observation.altered.isEmpty, "seed \(seed), step \(step)")
            #expect(observation.running == next)
            #expect(bench.kernel.takeChanges() == [], "seed \(seed), step \(step)")
            bench.settle()
            #expect(bench.kernel.services == wanted, "seed \(seed), step \(step)")
            balancers = next
        }
        #expect(bench.lines.take().allSatisfy { $0.contains("switch") })
    }

    @Test("lead to the same end in any order, and one by one", arguments: 0..<8 as Range<UInt64>)
    func order(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for step in 0..<30 {
            let (old, new) = (RandomBalancers.next(using: &generator), RandomBalancers.next(using: &generator))
            let groups = PatchGroup.groups(of: patches(from: old, to: new))
            let ends = try [groups, groups.shuffled(using: &generator), groups.reversed()].enumerated().map { index, groups in
                let bench = try Bench()
                try bench.start([])
                _ = bench.driver.apply(PatchGroup.groups(of: patches(from: [], to: old)))
                for batch in index == 0 ? [groups] : groups.map({ [$0] }) {
                    #expect(bench.driver.apply(batch).allSatisfy { $0.failure == nil })
                }
                bench.settle()
                return bench.kernel.services
            }
            #expect(ends[0] == ends[1], "seed \(seed), step \(step)")
            #expect(ends[0] == ends[2], "seed \(seed), step \(step)")
        }
    }
}
