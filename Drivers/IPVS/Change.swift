/// One thing that the kernel is told, to change its table.
package enum Change: Hashable, Sendable {
    case addService(ServiceKey, ServiceSettings)
    case setService(ServiceKey, ServiceSettings)
    case deleteService(ServiceKey)
    case addDestination(ServiceKey, DestinationKey, Destination)
    case setDestination(ServiceKey, DestinationKey, Destination)
    case deleteDestination(ServiceKey, DestinationKey)
    /// Reads a service and its counters. No change, but what is read between changes is as it is then.
    case readService(ServiceKey)
}

/// A virtual service as it should be.
package struct WantedService: Hashable, Sendable {
    /// Its settings and real servers; nil where the kernel need not have it.
    package var service: VirtualService?
    /// Real servers that get nothing new and finish what they have. They are not made anew, and the service stays for them.
    package var leaving: Set<DestinationKey>

    package init(_ service: VirtualService?, leaving: Set<DestinationKey> = []) {
        self.service = service
        self.leaving = leaving
    }

    /// What the kernel should have, given what it has: the wanted, and of what leaves that which is still there, and for which there is room.
    package func target(from current: VirtualService?) -> VirtualService? {
        guard let current, !leaving.isEmpty else { return service }
        var destinations = service?.destinations.table ?? [:]
        let wantedCount = destinations.count
        for (key, destination) in current.destinations where leaving.contains(key) && destinations[key] == nil {
            if let most = service?.settings.scheduler.mostDestinations, destinations.count >= most { break }
            var destination = destination
            destination.weight = 0
            destinations[key] = destination
        }
        if destinations.count == wantedCount { return service }
        return VirtualService(settings: service?.settings ?? current.settings, destinations: Destinations(destinations))
    }

    /// How many real servers leave before they have finished, because there is no room for them.
    package func crowdedOut(from current: VirtualService?) -> Int {
        guard let current, let service, let most = service.settings.scheduler.mostDestinations, !leaving.isEmpty else { return 0 }
        let wanted = service.destinations.table
        return max(0, wanted.count + current.destinations.count { leaving.contains($0.0) && wanted[$0.0] == nil } - most)
    }
}

/// The least number of changes from one table to another.
package struct Difference {
    /// Where so many real servers come to a new service at once, it is scheduled by a scheduler that does not mind, until they are all there.
    package static let manyDestinations = 256

    package private(set) var changes: [Change] = []
    /// What to beware of, in words.
    package private(set) var warnings: [String] = []

    package init() {}

    /// Forgets the changes, and keeps the memory for others.
    package mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        warnings.removeAll()
    }

    /// Has it told what to beware of.
    package mutating func warn(_ warning: String) { warnings.append(warning) }

    /// Has a service read before its changes.
    package mutating func read(_ key: ServiceKey) { changes.append(.readService(key)) }

    /// Appends the changes of one service.
    package mutating func append(_ key: ServiceKey, from current: VirtualService?, to target: VirtualService?) {
        switch (current, target) {
        case (nil, nil): break
        case (let current?, let target?): change(key, current, target)
        case (nil, let target?): create(key, target)
        case (_?, nil): changes.append(.deleteService(key))  // Its real servers go with it.
        }
    }

    private mutating func create(_ key: ServiceKey, _ target: VirtualService) {
        var settings = target.settings
        let isLater = settings.scheduler.isSlow && target.destinations.count > Self.manyDestinations
        if isLater { settings.scheduler = .weightedLeastConnections }
        changes.append(.addService(key, settings))
        for (destination, value) in target.destinations { changes.append(.addDestination(key, destination, value)) }
        if isLater { changes.append(.setService(key, target.settings)) }
    }

    /// What comes is there before what goes is gone, so that the service never stands without real servers in between.
    private mutating func change(_ key: ServiceKey, _ current: VirtualService, _ target: VirtualService) {
        let isSet = current.settings == target.settings
        // A slow scheduler comes when the real servers are as they are to be. MAGLEV is refused where there are too many, though some go.
        let isLater = target.settings.scheduler.isSlow && current.settings.scheduler != target.settings.scheduler
        if !isSet, !isLater { changes.append(.setService(key, target.settings)) }
        defer { if !isSet, isLater { changes.append(.setService(key, target.settings)) } }
        var others = current.destinations.table
        var isRerouted = false
        for (destination, value) in target.destinations {
            guard let old = others.removeValue(forKey: destination) else {
                changes.append(.addDestination(key, destination, value))
                continue
            }
            if old == value { continue }
            changes.append(.setDestination(key, destination, value))
            if (old.forwarding == .direct) != (value.forwarding == .direct) { isRerouted = true }
        }
        if isRerouted { warn(key.warningOfRerouting) }
        for destination in others.keys { changes.append(.deleteDestination(key, destination)) }
    }
}

extension Scheduler {
    /// How many real servers it can choose from; nil for any number. Beyond them the kernel takes more without a word and leaves the table as
    /// it was, those among them that only leave.
    var mostDestinations: Int? { self == .maglevHashing ? 4093 : nil }

    /// Whether it works its whole table out anew for each real server that comes.
    fileprivate var isSlow: Bool {
        switch self {
        case .weightedRoundRobin, .maglevHashing, .sourceHashing, .destinationHashing: true
        default: false
        }
    }
}
