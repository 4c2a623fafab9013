package import LBaaS

/// What tells one virtual service of the kernel from another.
package enum ServiceKey: Hashable, Sendable {
    /// What comes to an address and a port. The protocol is an IP protocol number: 6 is TCP, 17 UDP, 132 SCTP.
    case address(IPAddress, port: UInt16, protocol: UInt16)
    /// What the packet filter marked, in one address family.
    case firewallMark(UInt32, AddressFamily)

    /// The virtual service of a listener; nil where that is every address.
    package init?(_ listener: Listener) {
        guard let address = listener.address else { return nil }
        if let mark = listener.mark {
            self = .firewallMark(mark, address.family)
            return
        }
        self = .address(address, port: listener.port, protocol: listener.transport.number)
    }

    /// Hashes as few words as there are: every service and real server is looked up with each comparison.
    package func hash(into hasher: inout Hasher) {
        switch self {
        case .address(let address, let port, let number): address.hash(into: &hasher, with: UInt32(port) << 16 | UInt32(number))
        case .firewallMark(let mark, let family): hasher.combine(UInt64(mark) << 32 | UInt64(family.rawValue))
        }
    }

    /// The family of the clients' addresses.
    package var family: AddressFamily {
        switch self {
        case .address(let address, _, _): address.family
        case .firewallMark(_, let family): family
        }
    }
}

/// An address family. The raw value is the kernel's number of it.
package enum AddressFamily: UInt16, Hashable, Sendable {
    case v4 = 2
    case v6 = 10
}

/// One virtual service with its real servers.
package struct VirtualService: Hashable, Sendable {
    /// How it chooses.
    package var settings: ServiceSettings
    /// Its real servers.
    package var destinations: Destinations

    package init(settings: ServiceSettings, destinations: Destinations = [:]) {
        self.settings = settings
        self.destinations = destinations
    }
}

/// How a virtual service chooses a real server.
package struct ServiceSettings: Hashable, Sendable {
    /// The scheduler.
    package var scheduler: Scheduler
    /// The flags but `hashed`, which is the kernel's own.
    package var flags: ServiceFlags
    /// For how long a client stays with its real server, in seconds; 0 where it does not.
    package var timeout: UInt32
    /// How much of a client's address counts: a mask for IPv4, a prefix length for IPv6.
    package var netmask: UInt32
    /// What tells clients apart where it is not their address, such as `sip`; nil for their address.
    package var persistenceEngine: String?

    package init(
        scheduler: Scheduler, flags: ServiceFlags = [], timeout: UInt32 = 0, netmask: UInt32, persistenceEngine: String? = nil
    ) {
        self.scheduler = scheduler
        self.flags = flags
        self.timeout = timeout
        self.netmask = netmask
        self.persistenceEngine = persistenceEngine
    }
}

/// A scheduler, by the kernel's name of it.
package struct Scheduler: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    package init(_ name: String) { self.name = name }

    package static let roundRobin = Scheduler("rr")
    package static let weightedRoundRobin = Scheduler("wrr")
    package static let leastConnections = Scheduler("lc")
    package static let weightedLeastConnections = Scheduler("wlc")
    package static let localityLeastConnections = Scheduler("lblc")
    package static let localityLeastConnectionsWithReplication = Scheduler("lblcr")
    package static let destinationHashing = Scheduler("dh")
    package static let sourceHashing = Scheduler("sh")
    package static let shortestExpectedDelay = Scheduler("sed")
    package static let neverQueue = Scheduler("nq")
    package static let weightedFailover = Scheduler("fo")
    package static let weightedOverflow = Scheduler("ovf")
    package static let maglevHashing = Scheduler("mh")

    package var description: String { name }
}

/// The flags of a virtual service, as `linux/ip_vs.h` numbers them.
package struct ServiceFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A client stays with its real server.
    package static let persistent = Self(rawValue: 0x1)
    /// Set by the kernel in all that it lists.
    package static let hashed = Self(rawValue: 0x2)
    /// Each packet is scheduled for itself.
    package static let onePacket = Self(rawValue: 0x4)
    /// Of the schedulers `sh` and `mh`: where the hash finds a real server without weight the next one is taken.
    package static let fallback = Self(rawValue: 0x8)
    /// Of the schedulers `sh` and `mh`: the client's port counts too.
    package static let hashPort = Self(rawValue: 0x10)
}

/// What tells one real server of a virtual service from another.
package struct DestinationKey: Hashable, Sendable {
    package let address: IPAddress
    package let port: UInt16

    package init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Hashes as few words as there are.
    package func hash(into hasher: inout Hasher) { address.hash(into: &hasher, with: UInt32(port)) }

    /// The real server of an endpoint; nil where that is a host name.
    package init?(_ endpoint: Endpoint) {
        guard case .address(let address) = endpoint.host else { return nil }
        self.init(address, endpoint.port)
    }
}

/// A real server of a virtual service.
package struct Destination: Hashable, Sendable {
    /// How packets reach it.
    package var forwarding: Forwarding
    /// Its share, 0 to 2,147,483,647; with 0 it gets nothing new.
    package var weight: UInt32
    /// From so many connections on it gets nothing new; 0 for any number.
    package var upperThreshold: UInt32
    /// Below so many connections it gets some again; 0 for three quarters of the upper one.
    package var lowerThreshold: UInt32

    package init(forwarding: Forwarding, weight: UInt32, upperThreshold: UInt32 = 0, lowerThreshold: UInt32 = 0) {
        self.forwarding = forwarding
        self.weight = weight
        self.upperThreshold = upperThreshold
        self.lowerThreshold = lowerThreshold
    }

    /// How packets reach a real server, as the kernel numbers it.
    package struct Forwarding: Hashable, Sendable {
        /// 0 NAT, 1 local, 2 tunnel, 3 direct, 4 bypass.
        package var method: UInt32
        /// 0 IPIP, 1 GUE, 2 GRE; counts for tunnels alone.
        package var tunnelType: UInt8 = 0
        /// The UDP port of GUE.
        package var tunnelPort: UInt16 = 0
        /// 1 for a checksum in the outer packet of GUE and GRE, 2 for GUE's remote checksum offload.
        package var tunnelFlags: UInt16 = 0

        package static let nat = Self(method: 0)
        package static let local = Self(method: 1)
        package static let direct = Self(method: 3)

        package static func tunnel(type: UInt8, port: UInt16 = 0, flags: UInt16 = 0) -> Self {
            Self(method: 2, tunnelType: type, tunnelPort: port, tunnelFlags: flags)
        }

        package var isTunnel: Bool { method == 2 }
    }
}

extension IPAddress {
    /// Hashes the address with some bits more: an IPv4 address with them is one word.
    fileprivate func hash(into hasher: inout Hasher, with bits: UInt32) {
        switch self {
        case .v4(let address): hasher.combine(UInt64(address) << 32 | UInt64(bits))
        case .v6(let high, let low):
            hasher.combine(high)
            hasher.combine(low)
            hasher.combine(UInt64(bits))
        }
    }

    /// The family.
    package var family: AddressFamily {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }
}

extension Transport {
    /// The IP protocol number.
    package var number: UInt16 {
        switch self {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        }
    }

    /// The transport of an IP protocol number; nil for any other.
    init?(number: UInt16) {
        switch number {
        case 6: self = .tcp
        case 17: self = .udp
        case 132: self = .sctp
        default: return nil
        }
    }
}
