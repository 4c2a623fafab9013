public import LBaaS
public import Requests

/// Has the virtual IPs of this host: what the core decides on them it carries out.
///
/// Who has the right to an address is decided by others; a right that ends is given up at once, and told to the core afterwards
/// (`CommitPipeline.report`).
public protocol VirtualIPKeeper: Sendable {
    /// The id of this host.
    var hostID: String { get }

    /// The virtual IPs of the configuration file.
    var configured: [VirtualIPTable.Configured] { get }

    /// Takes the virtual IPs at the start, before the appliance is brought to the state. Called once, before anything else.
    ///
    /// - Throws: where the host cannot have them.
    func begin(_ table: VirtualIPTable) throws(StartFailure)

    /// Why this host cannot have a virtual IP that a request wants; nil where it can. It must not take long.
    func refusal(of virtualIP: VirtualIP) -> (code: Refusal.Code, field: String, reason: String)?

    /// Why this host cannot give up its right to an address to another host, or to the best of the others where none is named; nil where it
    /// can.
    func refusal(ofFailingOver address: IPAddress, to host: String?) -> Refusal?

    /// Takes what was committed, in the order of the commits. It must not block.
    func take(_ changes: VirtualIPChanges)
}

/// What a commit changes of virtual IPs.
public struct VirtualIPChanges: Sendable {
    /// What requests have made of addresses.
    public var requested: [IPAddress: VirtualIPTable.Requested] = [:]
    /// The addresses that are to be given up to another host; to the best of the others where none is named.
    public var failovers: [(address: IPAddress, host: String?)] = []

    /// Whether nothing changes.
    var isEmpty: Bool { requested.isEmpty && failovers.isEmpty }
}
