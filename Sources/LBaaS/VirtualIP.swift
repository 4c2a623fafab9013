/// An address that one host of several has.
public struct VirtualIP: Hashable, Sendable {
    /// What is promised where not all can be had.
    public enum Policy: Hashable, Sendable {
        /// Some host always has the address, and for a time perhaps two.
        case atLeastOne
        /// No two hosts ever answer for the address, and for a time perhaps none.
        case atMostOne(fence: Fence)
    }

    /// What keeps this host from answering for an address that may be another's by now, if its worker does not.
    public enum Fence: String, Hashable, Sendable, CaseIterable {
        /// The kernel's packet filter, which shuts when the right ends.
        case kernel
        /// Nothing but the lifetime of the address: up to two seconds more.
        case none
    }

    /// A TCP connection that must be possible for this host to have the address.
    public struct Check: Hashable, Sendable {
        /// What is connected to.
        public var host: IPAddress
        /// Its port, 1 to 65535.
        public var port: UInt16
        /// The time between the beginnings of two checks, 0.1 s to a day.
        public var interval: Duration = .seconds(1)
        /// After how long a check has failed, 0.1 s or more, and at most `interval`.
        public var timeout: Duration = .seconds(1)
        /// After so many checks in a row that failed the address fails, 1 to 100.
        public var fall: UInt32 = 3
        /// After so many checks in a row that passed it recovers, 1 to 100.
        public var rise: UInt32 = 1

        /// A check with the defaults.
        public init(host: IPAddress, port: UInt16) { (self.host, self.port) = (host, port) }
    }

    /// The address. IPv4 or IPv6; it is bound with a prefix of its whole length.
    public var address: IPAddress
    /// The name of the interface that has it, such as `eth0`. It may come later.
    public var interface: String
    /// What is promised.
    public var policy: Policy
    /// 1 to 254: of the healthy hosts the one with the highest owns it.
    public var priority = 100
    /// Whether a host with a higher priority takes it back.
    public var preemption = Preemption.no
    /// Whether it is FAILING while load balancers listen on it and none of them is up.
    public var followsServices = false
    /// What must work for the host to have it, at most `mostChecks`.
    public var checks: [Check] = []

    /// The most checks that an address has.
    public static let mostChecks = 9

    /// A virtual IP with the defaults.
    ///
    /// - Throws: where the address cannot be one, or the interface has no name.
    public init(address: IPAddress, interface: String, policy: Policy = .atLeastOne) throws(InvalidVirtualIP) {
        if let reason = address.reasonAgainstVirtualIP {
            throw InvalidVirtualIP(field: "address", message: "\(address) cannot be a virtual IP: it is \(reason)")
        }
        // As the kernel has it (`dev_valid_name`).
        let name = interface.utf8
        let isName =
            (1...15).contains(name.count) && interface != "." && interface != ".."
            && name.allSatisfy { $0 > 0x20 && $0 != 0x2F && $0 != 0x3A && $0 != 0x7F }
        guard isName else {
            throw InvalidVirtualIP(
                field: "interface",
                message: "'\(interface)' is not a name of an interface: 1 to 15 letters without spaces, slashes and colons")
        }
        self.address = address
        self.interface = interface
        self.policy = policy
    }
}

/// Whether a host with a higher priority takes a virtual IP back.
public enum Preemption: Hashable, Sendable {
    /// It waits until the owner loses the address or gives it up.
    case no
    /// It asks the owner for it after it has been healthy for so long.
    case after(Duration)
}

/// Why something cannot be a virtual IP.
public struct InvalidVirtualIP: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field at fault, such as `address`.
    public let field: String
    /// What is wrong.
    public let message: String

    /// The message.
    public var description: String { message }

    /// Something wrong with a field.
    public init(field: String, message: String) {
        self.field = field
        self.message = message
    }
}

extension IPAddress {
    /// Why it cannot be the address of one host among several; nil where it can.
    fileprivate var reasonAgainstVirtualIP: String? {
        switch self {
        case .v4(let bits):
            switch bits >> 24 {
            case 0: return "an unspecified address"
            case 127: return "a loopback address"
            case 224...239: return "a multicast address"
            default: return bits == .max ? "the broadcast address" : nil
            }
        case .v6(let high, let low):
            if high == 0, low == 0 { return "an unspecified address" }
            if high == 0, low == 1 { return "a loopback address" }
            return high >> 56 == 0xFF ? "a multicast address" : nil
        }
    }
}

/// What a virtual IP is on this host. The names are LINK's.
public enum VirtualIPState: String, Hashable, Sendable, CaseIterable {
    /// Nobody said anything yet.
    case booting = "BOOTING"
    /// This host has the address: it is bound and announced.
    case activated = "ACTIVATED"
    /// This host could have the address, and has not.
    case standby = "STANDBY"
    /// This host must not have the address, for what is behind it does not work.
    case failing = "FAILING"
}

/// How a virtual IP is.
public struct VirtualIPFact: Hashable, Sendable {
    /// What it is on this host.
    public var state: VirtualIPState
    /// Whether the interface has it.
    public var isBound: Bool
    /// The host that owns it, by its id; nil for none, or where it is not known.
    public var owner: String?
    /// Why it is not as it should be, or why it changed last; nil where there is nothing to say.
    public var reason: String?
    /// Since when it has its state.
    public var since: Timestamp

    /// How a virtual IP is.
    public init(state: VirtualIPState, isBound: Bool, owner: String?, reason: String?, since: Timestamp) {
        self.state = state
        self.isBound = isBound
        self.owner = owner
        self.reason = reason
        self.since = since
    }
}

/// What happened to a virtual IP.
public struct VirtualIPStatusEvent: Hashable, Sendable {
    /// What it was.
    public enum Kind: Hashable, Sendable {
        /// It is so from now on.
        case changed(VirtualIPFact)
        /// Another host claims it while it is bound here. At most once a second for each address.
        case rival(hardwareAddress: String)
    }

    /// Which one.
    public let address: IPAddress
    /// The interface that it is for.
    public let interface: String
    /// What happened.
    public let kind: Kind
    /// When.
    public let time: Timestamp

    /// An event.
    public init(_ kind: Kind, of virtualIP: VirtualIP, at time: Timestamp) {
        self.kind = kind
        address = virtualIP.address
        interface = virtualIP.interface
        self.time = time
    }
}
