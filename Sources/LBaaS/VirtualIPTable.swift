/// Tells newer changes of a virtual IP from older ones, also those of other hosts.
public struct VirtualIPVersion: Hashable, Sendable, Comparable {
    /// The time of the change in microseconds since 1970 began, or one more than what it has changed where that is more.
    public var number: Int64
    /// The host that made it, which decides between changes of one number.
    public var host: String

    /// A version.
    public init(number: Int64, host: String) { (self.number, self.host) = (number, host) }

    /// Older versions come before newer ones.
    public static func < (one: Self, other: Self) -> Bool { (one.number, one.host) < (other.number, other.host) }
}

/// The virtual IPs that are wanted: those of the configuration file, and those that requests have made.
///
/// An address that is in both is as the configuration file has it. What requests have made is kept meanwhile.
public struct VirtualIPTable: Sendable {
    /// A virtual IP of the configuration file.
    public struct Configured: Hashable, Sendable {
        /// The virtual IP.
        public let virtualIP: VirtualIP
        /// The name of its section.
        public let section: String

        /// A virtual IP of this section.
        public init(_ virtualIP: VirtualIP, section: String) { (self.virtualIP, self.section) = (virtualIP, section) }
    }

    /// What requests have made of an address.
    public struct Requested: Hashable, Sendable {
        /// The virtual IP; nil where it was removed, which is kept so that other hosts hear of it.
        public var virtualIP: VirtualIP?
        /// When and where that was.
        public var version: VirtualIPVersion

        /// What requests have made.
        public init(_ virtualIP: VirtualIP?, version: VirtualIPVersion) { (self.virtualIP, self.version) = (virtualIP, version) }
    }

    /// Those of the configuration file. They do not change while the process lives.
    public let configured: [IPAddress: Configured]
    /// Those of requests.
    public var requested: [IPAddress: Requested]

    /// A table.
    public init(configured: [Configured] = [], requested: [IPAddress: Requested] = [:]) {
        self.configured = Dictionary(configured.map { ($0.virtualIP.address, $0) }) { first, _ in first }
        self.requested = requested
    }

    /// The virtual IP in force at an address; nil for none.
    public subscript(address: IPAddress) -> VirtualIP? { configured[address]?.virtualIP ?? requested[address]?.virtualIP }

    /// All that are in force, in the order of their addresses' text.
    public var all: [VirtualIP] {
        let others = requested.values.compactMap(\.virtualIP).filter { configured[$0.address] == nil }
        return (configured.values.map(\.virtualIP) + others).map { ($0.address.description, $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
