import Glibc
import LBaaS

/// Keeps the kernel's table as it should be: knows what the kernel has, and tells it the difference to what it should have.
struct Programmer {
    /// A step of one virtual service.
    private struct Step {
        let key: ServiceKey
        let wanted: WantedService
        /// Whose service it is.
        let owner: LoadBalancerID
        /// Whether the load balancer was there before: then a service that is made anew is one that was lost or stood still.
        let isKnown: Bool
        /// Whether the load balancer stays, and somebody may ask what the service counted.
        let isCounted: Bool
    }

    /// The steps of a group, on their way.
    private struct Work {
        var steps: [Step]
        /// The changes of the group among all that are sent.
        var range = 0..<0
        var targets: [VirtualService?] = []
        var outcome = GroupOutcome()
        var refused: [(change: Change, number: Int32)] = []
    }

    /// As many changes are worked out, and more by one group at most, before they are sent.
    private static let portion = 512

    private let defaults: ServiceDefaults
    private let log: Log
    /// The services that are ours, as the kernel has them.
    private(set) var table: [ServiceKey: VirtualService] = [:]
    /// Whose they are.
    private var owners: [ServiceKey: LoadBalancerID] = [:]
    /// Services of nobody, by the names under which they are told of. Only with `exclusive`.
    private var foreign: [LoadBalancerID: ServiceKey] = [:]
    /// Services without real servers, which stand still until their counters can be read for the last time; each with a number of its own.
    private(set) var still: [ServiceKey: UInt64] = [:]
    private var lastStill: UInt64 = 0
    /// What services counted that are gone, of load balancers that are not.
    private(set) var finals: [LoadBalancerID: [TrafficCounter]] = [:]

    init(defaults: ServiceDefaults, log: Log) {
        self.defaults = defaults
        self.log = log
    }
}

// MARK: - What the kernel has

extension Programmer {
    /// Reads the whole table, and compares it with what is expected.
    mutating func observe(_ expected: [LoadBalancer], isExclusive: Bool, kernel: any Kernel) throws(KernelFailure) -> Observation {
        let services = expected.map { $0.wantedServices(defaults) }
        var wanted: [ServiceKey: LoadBalancerID] = [:]
        var likely: [ServiceKey: [DestinationKey: Destination]] = [:]
        wanted.reserveCapacity(expected.count)
        likely.reserveCapacity(expected.count)
        for (loadBalancer, services) in zip(expected, services) {
            for (key, service) in services {
                wanted[key] = loadBalancer.id
                if let service = service.service { likely[key] = service.destinations }
            }
        }
        var ours: [ListedService] = []
        var strangers: [ServiceKey] = []
        try kernel.forEachService { service in
            if wanted[service.key] != nil || still[service.key] != nil {
                ours.append(service)
            } else if isExclusive {
                strangers.append(service.key)
            }
        }
        var found: [ServiceKey: VirtualService] = [:]
        found.reserveCapacity(ours.count)
        for service in ours {
            let destinations = try Self.destinations(of: service.key, kernel, likely: likely[service.key] ?? [:])
            found[service.key] = VirtualService(settings: service.settings, destinations: destinations)
        }
        table = found
        still = still.filter { found[$0.key] != nil }
        owners.merge(wanted) { _, new in new }
        owners = owners.filter { found[$0.key] != nil }
        foreign = [:]
        return compare(expected, services, strangers: strangers)
    }

    /// Reads the services of a few load balancers, of which each is there as one or another: the first that it is as, or else the first.
    mutating func observe(possible: [LoadBalancer], kernel: any Kernel) throws(KernelFailure) -> Observation {
        let services = possible.map { $0.wantedServices(defaults) }
        try refresh(Set(services.flatMap { $0.map(\.key) }), kernel)
        var places: [LoadBalancerID: Int] = [:]
        var observation = Observation(running: [])
        for (loadBalancer, services) in zip(possible, services) {
            let isAsWanted = isAsWanted(services)
            if let place = places[loadBalancer.id] {
                guard isAsWanted, observation.altered.remove(loadBalancer.id) != nil else { continue }
                observation.running[place] = loadBalancer
            } else {
                places[loadBalancer.id] = observation.running.count
                observation.running.append(loadBalancer)
                if !isAsWanted { observation.altered.insert(loadBalancer.id) }
            }
        }
        return observation
    }

    private mutating func compare(
        _ expected: [LoadBalancer], _ services: [[(key: ServiceKey, wanted: WantedService)]], strangers: [ServiceKey]
    ) -> Observation {
        var running: [LoadBalancer] = []
        running.reserveCapacity(expected.count + strangers.count)
        var altered: Set<LoadBalancerID> = []
        for (loadBalancer, services) in zip(expected, services) {
            running.append(loadBalancer)
            if !isAsWanted(services) { altered.insert(loadBalancer.id) }
        }
        let names = Set(expected.map(\.id))
        for key in strangers {
            // A name that no load balancer has, whatever its client thought of.
            var name = LoadBalancerID(key.description)
            while names.contains(name) || foreign[name] != nil { name = LoadBalancerID(name.text + "'") }
            foreign[name] = key
            running.append(LoadBalancer(id: name, foreign: key))
        }
        return Observation(running: running, altered: altered)
    }

    private func isAsWanted(_ services: [(key: ServiceKey, wanted: WantedService)]) -> Bool {
        services.allSatisfy { key, wanted in
            still[key] != nil && wanted.service == nil || table[key] == wanted.target(from: table[key])
        }
    }

    /// Reads some services anew.
    private mutating func refresh(_ keys: some Sequence<ServiceKey>, _ kernel: any Kernel) throws(KernelFailure) {
        for key in keys {
            let service = try Self.service(key, kernel)
            if service == nil { still[key] = nil }
            table[key] = service
        }
    }

    private static func service(_ key: ServiceKey, _ kernel: any Kernel) throws(KernelFailure) -> VirtualService? {
        guard let listed = try kernel.service(key) else { return nil }
        return VirtualService(settings: listed.settings, destinations: try destinations(of: key, kernel))
    }

    /// - Parameter likely: what they most likely are: then that is what is returned, and nothing is built anew.
    private static func destinations(
        of key: ServiceKey, _ kernel: any Kernel, likely: [DestinationKey: Destination] = [:]
    ) throws(KernelFailure) -> [DestinationKey: Destination] {
        var listed: [(DestinationKey, Destination)] = []
        try kernel.forEachDestination(of: key, withStatistics: false) { listed.append(($0.key, $0.destination)) }
        if listed.count == likely.count, listed.allSatisfy({ likely[$0] == $1 }) { return likely }
        return Dictionary(listed) { _, last in last }
    }
}

// MARK: - What it should have

extension Programmer {
    /// What `apply` would tell the kernel.
    func plan(_ groups: [PatchGroup]) -> [Change] {
        var difference = Difference()
        for group in groups { _ = append(steps(of: group), to: &difference) }
        return difference.changes
    }

    /// Tells the kernel the difference, many groups in one batch.
    mutating func apply(_ groups: [PatchGroup], kernel: any Kernel) -> [GroupOutcome] {
        var works = groups.map { Work(steps: steps(of: $0)) }
        carryOut(&works, Array(works.indices), kernel)
        // Where the kernel had something else than we knew, look, and try once more.
        let surprised = works.indices.filter { index in
            works[index].outcome.failure != nil && !works[index].refused.isEmpty
                && works[index].refused.allSatisfy { $0.change.isSurprise($0.number) }
        }
        if !surprised.isEmpty {
            for index in surprised {
                log.write(
                    .warning, "the kernel's table is not as it was left; it is looked at again",
                    [("steps", works[index].steps[0].key.description)])
                refresh(works[index])
            }
            carryOut(&works, surprised, kernel)
        }
        for work in works where work.outcome.failure != nil { refresh(work) }
        return works.map(\.outcome)

        func refresh(_ work: Work) { _ = try? self.refresh(work.steps.map(\.key), kernel) }
    }

    /// Carries the steps of some works out. What they change is worked out and sent portion by portion, because new memory costs more than
    /// one send for all saves.
    private mutating func carryOut(_ works: inout [Work], _ indices: [Int], _ kernel: any Kernel) {
        table.reserveCapacity(table.count + indices.count)
        owners.reserveCapacity(owners.count + indices.count)
        var difference = Difference()
        var portion: [Int] = []
        var interruption: KernelInterruption?
        for index in indices {
            works[index].refused = []
            works[index].outcome.failure = interruption.map { DriverError($0.message) }
            if interruption != nil { continue }
            let first = difference.changes.count
            works[index].targets = append(works[index].steps, to: &difference)
            works[index].range = first..<difference.changes.count
            portion.append(index)
            if difference.changes.count >= Self.portion || index == indices.last {
                interruption = send(difference.changes, of: portion, in: &works, kernel)
                difference.removeAll()
                portion.removeAll(keepingCapacity: true)
            }
        }
    }

    /// Has the kernel carry out the changes of some works, and notes for each what became of them; returns what kept it from going on.
    private mutating func send(
        _ changes: [Change], of indices: [Int], in works: inout [Work], _ kernel: any Kernel
    ) -> KernelInterruption? {
        var refused: [RefusedChange] = []
        var unknown = changes.count..<changes.count
        var interruption: KernelInterruption?
        if !changes.isEmpty {
            do throws(KernelInterruption) {
                refused = try kernel.carryOut(changes) { _, _ in }
            } catch {
                (refused, unknown, interruption) = (error.refused, error.unknown, error)
            }
        }
        var next = refused[...]
        for index in indices {
            while let first = next.first, first.index < works[index].range.upperBound {
                works[index].refused.append((changes[first.index], first.number))
                next = next.dropFirst()
            }
            if let interruption, works[index].range.overlaps(unknown) {
                works[index].outcome.failure = DriverError(interruption.message)
            } else if let refusal = works[index].refused.first {
                works[index].outcome.failure = DriverError(refusal.change.sentence(refusal.number))
            } else {
                keep(&works[index])
            }
        }
        if log.wants(.debug) {
            for change in changes { log.write(.debug, change.description) }
        }
        return interruption
    }

    /// Notes that all of a group was carried out.
    private mutating func keep(_ work: inout Work) {
        for (step, target) in zip(work.steps, work.targets) {
            let isNew = table[step.key] == nil && target != nil
            if isNew, step.isKnown { work.outcome.ended[step.owner, default: []].append(takeFinal(of: step.owner, run: step.key.run)) }
            if let target, target.destinations.isEmpty, step.wanted.service == nil {
                if still[step.key] == nil {
                    lastStill += 1
                    still[step.key] = lastStill
                }
            } else {
                still[step.key] = nil
            }
            table[step.key] = target
            owners[step.key] = target == nil ? nil : step.owner
            if !step.isCounted { finals[step.owner] = nil }
        }
    }

    /// What a counter counted that ends: the last reading of a service that is gone, or nothing more than is known already.
    private mutating func takeFinal(of owner: LoadBalancerID, run: UInt64) -> TrafficCounter {
        guard let place = finals[owner]?.firstIndex(where: { $0.run == run }), let final = finals[owner]?.remove(at: place) else {
            return TrafficCounter(bytesOut: 0, run: run)
        }
        return final
    }

    /// Appends the changes of some steps; returns what their services are to be.
    private func append(_ steps: [Step], to difference: inout Difference) -> [VirtualService?] {
        steps.map { step in
            let current = table[step.key]
            var target = step.wanted.target(from: current)
            // What was counted in the last two seconds cannot be read yet. It is not lost as long as the service is there.
            if target == nil, step.isCounted, let current { target = VirtualService(settings: current.settings) }
            difference.append(step.key, from: current, to: target)
            return target
        }
    }

    /// The steps of a group, each service once.
    private func steps(of group: PatchGroup) -> [Step] {
        var steps: [Step] = []
        var places: [ServiceKey: Int] = [:]
        func add(_ step: Step) {
            guard let place = places[step.key] else {
                places[step.key] = steps.count
                steps.append(step)
                return
            }
            // What one load balancer gives up another takes.
            let known = steps[place]
            let taker = known.wanted.service == nil ? step : known
            steps[place] = Step(
                key: step.key, wanted: WantedService(taker.wanted.service, leaving: known.wanted.leaving.union(step.wanted.leaving)),
                owner: taker.owner, isKnown: taker.isKnown, isCounted: taker.isCounted)
        }
        for patch in group.patches {
            let (old, new) = (patch.loadBalancer.old, patch.loadBalancer.new)
            for (key, wanted) in new?.wantedServices(defaults) ?? [] {
                add(Step(key: key, wanted: wanted, owner: patch.id, isKnown: old != nil, isCounted: true))
            }
            for key in old.map({ keys(of: $0) }) ?? [] where places[key] == nil {
                add(Step(key: key, wanted: WantedService(nil), owner: patch.id, isKnown: true, isCounted: new != nil))
            }
        }
        return steps
    }

    private func keys(of loadBalancer: LoadBalancer) -> [ServiceKey] {
        if let key = foreign[loadBalancer.id] { return [key] }
        return ([loadBalancer.listener] + loadBalancer.leaving.map(\.listener)).compactMap { ServiceKey($0) }
    }
}

// MARK: - What stands still

extension Programmer {
    /// Reads services that stand still for the last time, and removes them.
    ///
    /// - Parameter due: those that have stood still long enough, by their numbers.
    mutating func removeStill(_ due: [ServiceKey: UInt64], kernel: any Kernel) {
        let keys = due.filter { still[$0.key] == $0.value }.map(\.key)
        if keys.isEmpty { return }
        var readings: [ServiceKey: UInt64] = [:]
        do throws(KernelInterruption) {
            _ = try kernel.carryOut(keys.flatMap { [.readService($0), .deleteService($0)] }) { _, service in
                readings[service.key] = service.statistics.bytesOut
            }
        } catch {
            log.write(.warning, "services that stand still could not be removed; the next comparison does", [("error", error.message)])
            for key in keys { still[key] = nil }
            return
        }
        for key in keys {
            if let bytes = readings[key], let owner = owners[key] {
                finals[owner, default: []].append(TrafficCounter(bytesOut: bytes, run: key.run))
            }
            still[key] = nil
            table[key] = nil
            owners[key] = nil
        }
    }
}

extension Kernel {
    /// A virtual service without its real servers; nil where there is none.
    func service(_ key: ServiceKey) throws(KernelFailure) -> ListedService? {
        var service: ListedService?
        do throws(KernelInterruption) {
            let refused = try carryOut([.readService(key)]) { _, listed in service = listed }
            guard let refusal = refused.first, refusal.number != ESRCH else { return service }
            throw KernelInterruption(message: Change.readService(key).sentence(refusal.number), refused: refused, unknown: 0..<0)
        } catch {
            throw KernelFailure(.other, error.message)
        }
    }
}

extension LoadBalancer {
    /// A service that nobody wants, to be told of and removed.
    fileprivate init(id: LoadBalancerID, foreign key: ServiceKey) {
        switch key {
        case .address(let address, let port, let number):
            let transport = Transport(number: number) ?? .tcp
            self.init(id: id, serviceProtocol: transport == .tcp ? .tcp : transport == .udp ? .udp : .sctp, address: address, port: port)
        case .firewallMark: self.init(id: id, serviceProtocol: .tcp, port: 1)
        }
    }
}
