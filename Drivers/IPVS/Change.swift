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

    /// What the kernel should have, given what it has: the wanted, and of what leaves that which is still there.
    package func target(from current: VirtualService?) -> VirtualService? {
        guard let current, !leaving.isEmpty else { return service }
        let there = current.destinations.table
        var destinations = service?.destinations.table ?? [:]
        var isChanged = false
        for key in leaving where destinations[key] == nil {
            guard var destination = there[key] else { continue }
            destination.weight = 0
            destinations[key] = destination
            isChanged = true
        }
        return isChanged
            ? VirtualService(settings: service?.settings ?? current.settings, destinations: Destinations(destinations)) : service
    }
}

/// The least number of changes from one table to another.
package struct Difference {
    /// Where so many real servers come to a new service at once, it is scheduled by a scheduler that does not mind, until they are all there.
    package static let manyDestinations = 256

    package private(set) var changes: [Change] = []
    /// The services with real servers that stay and to which packets go on as they come from now on, or no longer do.
    package private(set) var rerouted: [ServiceKey] = []

    package init() {}

    /// Forgets the changes, and keeps the memory for others.
    package mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        rerouted.removeAll()
    }

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
        for (destination, value) in target.destinations {
            guard let old = others.removeValue(forKey: destination) else {
                changes.append(.addDestination(key, destination, value))
                continue
            }
            if old == value { continue }
            changes.append(.setDestination(key, destination, value))
            if (old.forwarding == .direct) != (value.forwarding == .direct), rerouted.last != key { rerouted.append(key) }
        }
        for destination in others.keys { changes.append(.deleteDestination(key, destination)) }
    }
}

extension Scheduler {
    /// Whether it works its whole table out anew for each real server that comes.
    fileprivate var isSlow: Bool {
        switch self {
        case .weightedRoundRobin, .maglevHashing, .sourceHashing, .destinationHashing: true
        default: false
        }
    }
}
