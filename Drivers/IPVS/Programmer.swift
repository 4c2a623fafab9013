import Glibc
import LBaaS

/// Keeps the kernel's table as it should be: knows what the kernel has, and tells it the difference to what it should have.
struct Programmer {
    let defaults: ServiceDefaults
    let log: Log
    /// The services that are ours, as the kernel has them.
    var table = ServiceTable()
    /// Services of nobody, by the names under which they are told of: with `exclusive` any, and what a failed change left behind.
    var foreign: [LoadBalancerID: ServiceKey] = [:]
    /// The services of failed changes. One that is neither as it was nor as it was to be goes with the next change of its owner.
    var leftBehind: [LoadBalancerID: Set<ServiceKey>] = [:]
    /// Services without real servers, which stand still until their counters can be read for the last time; each with a number of its own.
    var still: [ServiceKey: UInt64] = [:]
    var lastStill: UInt64 = 0
    /// What services counted that are gone, of load balancers that are not.
    var finals: [LoadBalancerID: [TrafficCounter]] = [:]
    /// Whether the table was read before. Then it is read to the last detail: the first time a start waits for it.
    private var isObserved = false

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
        var likely: [ServiceKey: Destinations] = [:]
        wanted.reserveCapacity(expected.count)
        likely.reserveCapacity(expected.count)
        for (loadBalancer, services) in zip(expected, services) {
            for (key, service) in services {
                wanted[key] = loadBalancer.id
                if let service = service.service { likely[key] = service.destinations }
            }
        }
        let unwanted = Set(leftBehind.values.flatMap(\.self)).union(foreign.values)
        var listed: [ListedService] = []
        var strangers: [ServiceKey] = []
        try kernel.forEachService { service in
            let isOurs = wanted[service.key] != nil || still[service.key] != nil
            guard isOurs || isExclusive || unwanted.contains(service.key) else { return }
            listed.append(service)
            if !isOurs { strangers.append(service.key) }
        }
        var found = ServiceTable()
        found.reserve(listed.count)
        for service in listed {
            let key = service.key
            let likely = likely[key] ?? [:]
            let isConfirmed = !isObserved && !likely.isEmpty && kernel.confirm(likely, of: key)
            let destinations = isConfirmed ? likely : try Self.destinations(of: key, kernel, likely: likely)
            found.set(
                key, VirtualService(settings: service.settings, destinations: destinations), of: wanted[key] ?? table.owner(of: key))
        }
        isObserved = true
        table = found
        still = still.filter { found[$0.key] != nil }
        foreign = [:]
        leftBehind = [:]
        return compare(expected, services, strangers: strangers)
    }

    /// Reads the services of a few load balancers, of which each is there as one or another: the first that it is as, or else the first.
    mutating func observe(possible: [LoadBalancer], kernel: any Kernel) throws(KernelFailure) -> Observation {
        let services = possible.map { $0.wantedServices(defaults) }
        try refresh(Set(services.flatMap { $0.map(\.key) }), kernel)
        var places: [LoadBalancerID: Int] = [:]
        var observation = Observation(running: [])
        for (loadBalancer, services) in zip(possible, services) {
            let isAsWanted = isAsWanted(services, loadBalancer.id)
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
            if !isAsWanted(services, loadBalancer.id) { altered.insert(loadBalancer.id) }
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

    private func isAsWanted(_ services: [(key: ServiceKey, wanted: WantedService)], _ owner: LoadBalancerID) -> Bool {
        services.allSatisfy { key, wanted in
            still[key] != nil && wanted.service == nil || table[key] == wanted.target(from: table[key])
        } && leftBehind(by: owner).allSatisfy { key in services.contains { $0.key == key } }
    }

    /// The services that failed changes of a load balancer may have left.
    func leftBehind(by owner: LoadBalancerID) -> some Sequence<ServiceKey> {
        (leftBehind[owner] ?? []).lazy.filter { [table] in table.owner(of: $0) == owner }
    }

    /// Reads some services anew.
    mutating func refresh(_ keys: some Sequence<ServiceKey>, _ kernel: any Kernel) throws(KernelFailure) {
        for key in keys {
            let service = try Self.service(key, kernel)
            if service == nil { still[key] = nil }
            table.set(key, service)
        }
    }

    private static func service(_ key: ServiceKey, _ kernel: any Kernel) throws(KernelFailure) -> VirtualService? {
        guard let listed = try kernel.service(key) else { return nil }
        return VirtualService(settings: listed.settings, destinations: try destinations(of: key, kernel))
    }

    /// - Parameter likely: what they most likely are: then that is what is returned, and nothing is built anew.
    private static func destinations(
        of key: ServiceKey, _ kernel: any Kernel, likely: Destinations = [:]
    ) throws(KernelFailure) -> Destinations {
        var listed: [(DestinationKey, Destination)] = []
        try kernel.forEachDestination(of: key, withStatistics: false) { listed.append(($0.key, $0.destination)) }
        // The kernel lists the newest first, and they were made in their order.
        if listed.reversed().elementsEqual(likely, by: ==) { return likely }
        let found = Destinations(Dictionary(listed) { _, last in last })
        return found == likely ? likely : found
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
