public import LBaaS

/// What a request wants of virtual IPs.
public enum VirtualIPChange: Sendable {
    /// These that requests make, and no others.
    case replace([VirtualIP])
    /// These, in place of any of their addresses, and all others as they are.
    case put([VirtualIP])
    /// This one, which is not there yet.
    case add(VirtualIP)
    /// What is there, changed so.
    case edit(IPAddress, VirtualIPPatch)
    /// These not any more.
    ///
    /// - Parameter mustExist: whether one that was removed before is refused.
    case remove([IPAddress], mustExist: Bool)
    /// The right of this host to one given up to another host, or to the best of the others where none is named.
    case failOver(IPAddress, to: String?)
    /// What other hosts of the cluster have changed, where it is newer than what is known.
    case adopt([IPAddress: VirtualIPTable.Requested])

    /// The addresses that it names, in its order.
    public var addresses: [IPAddress] {
        switch self {
        case .replace(let list), .put(let list): list.map(\.address)
        case .add(let virtualIP): [virtualIP.address]
        case .edit(let address, _), .failOver(let address, _): [address]
        case .remove(let addresses, _): addresses
        case .adopt(let entries): entries.keys.map { ($0.description, $0) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// What it is called in the journal.
    var name: String {
        switch self {
        case .replace: "UPDATE"
        case .put, .add: "CREATE"
        case .edit: "CHANGE"
        case .remove: "DELETE"
        case .failOver: "FAILOVER"
        case .adopt: "ADOPT"
        }
    }
}

/// A virtual IP that is in force, and how it is.
public struct VirtualIPReport: Hashable, Sendable {
    /// The virtual IP.
    public let virtualIP: VirtualIP
    /// The section of the configuration file that has it; nil where a request has made it.
    public let section: String?
    /// How it is; nil where that is not known yet.
    public let fact: VirtualIPFact?

    /// A virtual IP.
    public init(virtualIP: VirtualIP, section: String?, fact: VirtualIPFact?) {
        self.virtualIP = virtualIP
        self.section = section
        self.fact = fact
    }
}
