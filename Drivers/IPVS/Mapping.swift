package import LBaaS

// What a load balancer is to the kernel: this table, and nothing else in this driver knows the protocol's words.

extension Algorithm {
    /// The kernel's scheduler. All weigh, where a scheduler can.
    package var scheduler: Scheduler {
        switch self {
        case .roundRobin: .weightedRoundRobin
        case .leastConnections: .weightedLeastConnections
        case .sourceIP: .sourceHashing
        case .maglev: .maglevHashing
        case .shortestExpectedDelay: .shortestExpectedDelay
        case .neverQueue: .neverQueue
        }
    }
}

extension Tunnel.Kind {
    /// The kernel's number of it.
    fileprivate var number: UInt8 {
        switch self {
        case .ipip: 0
        case .gue: 1
        case .gre: 2
        }
    }
}

extension LBaaS.Forwarding? {
    /// How packets reach real servers, as the kernel numbers it. NAT is the default.
    package var method: Destination.Forwarding {
        switch self {
        case nil, .nat?: .nat
        case .direct?: .direct
        case .tunnel(let tunnel)?:
            .tunnel(
                type: tunnel.kind.number, port: tunnel.kind == .gue ? tunnel.port ?? 0 : 0,
                flags: tunnel.checksum && tunnel.kind != .ipip ? 1 : 0)
        }
    }
}

/// What the driver's configuration section adds to every service.
package struct ServiceDefaults: Hashable, Sendable {
    /// UDP services schedule each packet for itself. Not with NAT: the kernel forgets the packet at once, and translates no answer back.
    package var onePacket = false
    /// Flags of the schedulers `sh` and `mh`. Without `fallback` they refuse the clients of a real server that drains.
    package var hashFlags: ServiceFlags = .fallback
    /// From so many connections on a real server gets nothing new; 0 for any number.
    package var upperThreshold: UInt32 = 0
    /// Below so many it gets some again.
    package var lowerThreshold: UInt32 = 0
    /// How many bits of a client's address count for persistence: IPv4.
    package var persistencePrefixV4: UInt32 = 32
    /// Likewise IPv6.
    package var persistencePrefixV6: UInt32 = 128

    package init() {}
}

extension LoadBalancer {
    /// What the kernel should have of this load balancer, service by service. Nothing but what leaves where it is suspended,
    /// as is what is left of one that was deleted.
    package func wantedServices(_ defaults: ServiceDefaults) -> [(key: ServiceKey, wanted: WantedService)] {
        var services: [(key: ServiceKey, wanted: WantedService)] = []
        if let key = ServiceKey(listener) {
            let service = isSuspended ? nil : VirtualService(settings: settings(defaults), destinations: destinations(defaults))
            services.append((key, WantedService(service, leaving: drainingNodes)))
        }
        for place in leaving {
            guard let key = ServiceKey(place.listener), let destination = DestinationKey(place.endpoint) else { continue }
            if let index = services.firstIndex(where: { $0.key == key }) {
                services[index].wanted.leaving.insert(destination)
            } else {
                services.append((key, WantedService(nil, leaving: [destination])))
            }
        }
        return services
    }

    private func settings(_ defaults: ServiceDefaults) -> ServiceSettings {
        var settings = ServiceSettings(scheduler: algorithm.scheduler, netmask: address?.family == .v6 ? 128 : .max)
        if algorithm == .sourceIP || algorithm == .maglev {
            settings.flags.formUnion(hashesPort ? defaults.hashFlags.union(.hashPort) : defaults.hashFlags)
        }
        if case .sourceIP(let timeout)? = sessionPersistence {
            settings.flags.insert(.persistent)
            settings.timeout = timeout
            settings.netmask =
                address?.family == .v6 ? defaults.persistencePrefixV6 : ~UInt32(0) << (32 - defaults.persistencePrefixV4)
        } else if serviceProtocol == .udp, defaults.onePacket, forwarding.method != .nat {
            settings.flags.insert(.onePacket)
        }
        return settings
    }

    private func destinations(_ defaults: ServiceDefaults) -> Destinations {
        let model = Destination(
            forwarding: forwarding.method, weight: 0, upperThreshold: defaults.upperThreshold, lowerThreshold: defaults.lowerThreshold)
        return Destinations(nodes, model: model, hasOneWriter: serviceProtocol == .galera)
    }

    private var drainingNodes: Set<DestinationKey> {
        Set(nodes.lazy.filter { $0.condition == .draining }.compactMap { DestinationKey($0.endpoint) })
    }
}

extension [Node] {
    /// The places of the backups that serve, because no other node is in service: all of them, or where there may be only one writer, as
    /// with GALERA, the first.
    func servingBackups(hasOneWriter: Bool) -> Range<Int> {
        func canServe(_ node: Node) -> Bool { node.condition == .enabled && node.weight > 0 }
        if contains(where: { canServe($0) && !$0.isBackup }) { return 0..<0 }
        guard hasOneWriter else { return indices }
        return firstIndex(where: canServe).map { $0..<$0 + 1 } ?? 0..<0
    }
}
