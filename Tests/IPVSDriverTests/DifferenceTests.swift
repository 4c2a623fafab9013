import IPVSDriver
import LBaaS
import TestSupport
import Testing

private typealias Table = [ServiceKey: VirtualService]

@Suite("The difference between two tables")
struct DifferenceTests {
    private func changes(from current: Table, to target: Table) -> [Change] {
        var difference = Difference()
        for key in Set(current.keys).union(target.keys) { difference.append(key, from: current[key], to: target[key]) }
        return difference.changes
    }

    /// Schedulers that work their whole table out anew for each real server.
    private let slow: [Scheduler] = [.weightedRoundRobin, .maglevHashing, .sourceHashing, .destinationHashing]

    /// The least number of changes, counted without making them.
    private func leastCount(from current: Table, to target: Table) -> Int {
        Set(current.keys).union(target.keys).reduce(0) { count, key in
            guard let new = target[key] else { return count + 1 }
            guard let old = current[key] else {
                let isLate = new.destinations.count > 256 && slow.contains(new.settings.scheduler)
                return count + 1 + new.destinations.count + (isLate ? 1 : 0)
            }
            let places = Set(old.destinations.keys).union(new.destinations.keys)
            return count + (old.settings == new.settings ? 0 : 1) + places.count { old.destinations[$0] != new.destinations[$0] }
        }
    }

    @Test(
        "carried out, makes the one the other, with the least number of changes, and then there is none", arguments: 0..<8 as Range<UInt64>)
    func leads(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let kernel = FakeTable()
        var current: Table = [:]
        for step in 0..<150 {
            let target = Table.random(using: &generator)
            let changes = changes(from: current, to: target)
            #expect(try FakeKernel(kernel).carryOut(changes) { _, _ in } == [], "seed \(seed), step \(step)")
            #expect(kernel.services == target, "seed \(seed), step \(step)")
            #expect(changes.count == leastCount(from: current, to: target), "seed \(seed), step \(step)")
            #expect(self.changes(from: target, to: target).isEmpty)
            #expect(isInOrder(changes), "seed \(seed), step \(step): \(changes)")
            current = target
        }
    }

    /// Whether each service comes before its real servers, and what comes to it before what goes.
    private func isInOrder(_ changes: [Change]) -> Bool {
        var begun: Set<ServiceKey> = []
        var shrinking: Set<ServiceKey> = []
        for change in changes {
            switch change {
            case .addService(let key, _): if !begun.insert(key).inserted { return false }
            case .setService(let key, let settings):
                // The slow ones may be last.
                if shrinking.contains(key), !slow.contains(settings.scheduler) { return false }
                begun.insert(key)
            case .addDestination(let key, _, _), .setDestination(let key, _, _):
                if shrinking.contains(key) { return false }
                begun.insert(key)
            case .deleteDestination(let key, _), .deleteService(let key): shrinking.insert(key)
            case .readService: return false
            }
        }
        return true
    }

    private func service(_ scheduler: Scheduler, _ count: Int) -> VirtualService {
        let places = (0..<count).map { DestinationKey(.v4(0x0A03_0000 + UInt32($0)), 80) }
        let destinations = places.map { ($0, Destination(forwarding: .nat, weight: 1)) }
        return VirtualService(
            settings: ServiceSettings(scheduler: scheduler, netmask: .max),
            destinations: Destinations(Dictionary(uniqueKeysWithValues: destinations)))
    }

    @Test("schedules a large service by its slow scheduler when all its real servers are there", arguments: [256, 257])
    func large(count: Int) {
        let key = ServiceKey.some[0]
        for scheduler in slow + [.roundRobin, .weightedLeastConnections, .neverQueue] {
            let target = service(scheduler, count)
            let changes = changes(from: [:], to: [key: target])
            let isLate = count > 256 && slow.contains(scheduler)
            let first = isLate ? ServiceSettings(scheduler: .weightedLeastConnections, netmask: .max) : target.settings
            #expect(changes.first == .addService(key, first))
            #expect(changes.count == 1 + count + (isLate ? 1 : 0))
            if isLate { #expect(changes.last == .setService(key, target.settings)) }
        }
    }

    @Test("gives a service MAGLEV when there are no longer too many real servers for it")
    func shrinking() throws {
        let (kernel, key) = (FakeTable(), ServiceKey.some[0])
        let (many, fewer) = (service(.weightedLeastConnections, 4100), service(.maglevHashing, 4093))
        #expect(try FakeKernel(kernel).carryOut(changes(from: [:], to: [key: many])) { _, _ in } == [])
        #expect(try FakeKernel(kernel).carryOut(changes(from: [key: many], to: [key: fewer])) { _, _ in } == [])
        #expect(kernel.services == [key: fewer])
    }

    @Test("keeps of what leaves MAGLEV no more than there are places, and of others all", arguments: [4093, 4090])
    func crowded(count: Int) {
        let current = service(.maglevHashing, 4093)
        let leaving = Set((4080..<4093).map { DestinationKey(.v4(0x0A03_0000 + UInt32($0)), 80) })
        var wanted = service(.maglevHashing, 4080)
        for number in 4093..<(count + 13) { wanted.destinations[DestinationKey(.v4(0x0A03_0000 + UInt32(number)), 80)] = nat(1) }
        let target = WantedService(wanted, leaving: leaving).target(from: current)
        #expect(target?.destinations.count == 4093)
        #expect(WantedService(wanted, leaving: leaving).crowdedOut(from: current) == wanted.destinations.count + 13 - 4093)
        #expect(target?.destinations.count { leaving.contains($0.0) } == 4093 - wanted.destinations.count)
        // What is gone is gone.
        #expect(WantedService(wanted, leaving: leaving).target(from: target) == target)
        #expect(WantedService(wanted, leaving: leaving).crowdedOut(from: target) == 0)
        wanted.settings.scheduler = .weightedLeastConnections
        #expect(WantedService(wanted, leaving: leaving).target(from: current)?.destinations.count == wanted.destinations.count + 13)
        #expect(WantedService(wanted, leaving: leaving).crowdedOut(from: current) == 0)
        #expect(WantedService(nil, leaving: leaving).target(from: current)?.destinations.count == 13)
    }

    @Test("removes a service with all its real servers in one")
    func removal() {
        let key = ServiceKey.some[0]
        #expect(changes(from: [key: service(.roundRobin, 300)], to: [:]) == [.deleteService(key)])
    }

    @Test("takes from what leaves only what is there, without weight, in the service that is wanted or the one that is there")
    func leaving() {
        let (all, one) = (service(.roundRobin, 3), service(.weightedLeastConnections, 1))
        let places = (0..<4).map { DestinationKey(.v4(0x0A03_0000 + UInt32($0)), 80) }
        let drained = Destination(forwarding: .nat, weight: 0)
        var expected = one
        expected.destinations[places[1]] = drained
        #expect(WantedService(one, leaving: [places[0], places[1], places[3]]).target(from: all) == expected)
        #expect(WantedService(one, leaving: [places[1]]).target(from: nil) == one)
        #expect(
            WantedService(nil, leaving: [places[1], places[3]]).target(from: all)
                == VirtualService(settings: all.settings, destinations: [places[1]: drained]))
        #expect(WantedService(nil, leaving: [places[3]]).target(from: all) == nil)
        #expect(WantedService(nil).target(from: all) == nil)
        #expect(WantedService(nil, leaving: [places[1]]).target(from: nil) == nil)
    }
}
