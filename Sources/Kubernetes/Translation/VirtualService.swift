package import LBaaS

/// A place that real servers of a virtual service are at.
package struct RealServer: Hashable, Sendable {
    /// Its address.
    package var address: IPAddress
    /// Its port, 1 to 65535.
    package var port: UInt16
    /// Whether it finishes what it has and gets nothing new: it is about to end, and others are ready.
    package var isDraining = false

    /// A real server.
    package init(address: IPAddress, port: UInt16, isDraining: Bool = false) {
        (self.address, self.port, self.isDraining) = (address, port, isDraining)
    }
}

/// One address and port that a service of the cluster is reached at, with everything that this host does for it.
package struct VirtualService: Hashable, Sendable {
    /// What the address is. Where several services claim an address and port, the first of these has it.
    package enum Role: Int, Hashable, Sendable {
        case cluster, nodePort, balancer, external
    }

    /// Which of its clients are masqueraded, that is, seen by endpoints as this host.
    package enum Masquerade: Hashable, Sendable {
        case all
        /// Those that are no pods.
        case outsiders
        case nobody
    }

    /// The service.
    package var owner: ObjectKey
    /// What the address is.
    package var role: Role
    /// The address, which is never nil, the port and the protocol.
    package var listener: Listener
    /// How a real server is chosen.
    package var scheduling: Scheduling
    /// For how many seconds a client stays with its real server; nil where it does not.
    package var persistence: UInt32?
    /// The real servers, in order, each once.
    package var servers: [RealServer] = []
    /// The real servers for clients that are pods, or this host; nil where they are the same as for others.
    package var insideServers: [RealServer]?
    /// Which clients are masqueraded.
    package var masquerade = Masquerade.nobody
    /// Whether clients from outside are dropped: there are endpoints, and none that they may use.
    package var isBlackhole = false
    /// Where clients must come from; nil for from anywhere.
    package var sourceRanges: [AddressRange]?
    /// Whether this host takes packets for the address only because of this service.
    package var needsAddress = false

    /// What tells it from all other load balancers: `k8s:NAMESPACE/NAME/PORT-PROTOCOL/ADDRESS`.
    package var id: LoadBalancerID {
        let address = listener.address.map(\.description) ?? "*"
        return LoadBalancerID("k8s:\(owner)/\(listener.port)-\(listener.transport.rawValue)/\(address)")
    }

    /// What the host's edge needs for it.
    package var edge: Set<EdgeElement> {
        guard let address = listener.address else { return [] }
        var elements: Set<EdgeElement> = role == .nodePort ? [] : [.service(listener)]
        if needsAddress { elements.insert(.address(AddressRange(address))) }
        switch masquerade {
        case .all: elements.insert(.masquerade(listener))
        case .outsiders: elements.insert(.masqueradeOutsiders(listener))
        case .nobody: break
        }
        if isBlackhole { elements.insert(.blackhole(listener)) }
        if let sourceRanges {
            elements.insert(.firewall(listener))
            elements.formUnion(sourceRanges.map { .allow(listener, from: $0) })
        }
        return elements
    }
}

/// Where load balancers ask whether this node has endpoints of a service.
package struct HealthPort: Hashable, Sendable {
    /// The service.
    package var service: ObjectKey
    /// The port, on the addresses of this node.
    package var port: UInt16
    /// How many endpoints of the service on this node are ready.
    package var localEndpoints: Int

    /// A health port.
    package init(service: ObjectKey, port: UInt16, localEndpoints: Int) {
        (self.service, self.port, self.localEndpoints) = (service, port, localEndpoints)
    }
}

/// What one service comes to on this host.
struct TranslatedService: Hashable, Sendable {
    /// Each listener once.
    var virtualServices: [VirtualService] = []
    /// Its endpoints on this host.
    var hairpins: Set<IPAddress> = []
    var healthPort: HealthPort?
    /// What of it cannot be carried out, as sentences.
    var faults: [String] = []
}
