/// One entry of the routes and packet sets at the edge of this host. What several services need is there once.
package enum EdgeElement: Hashable, Sendable {
    /// The host takes packets for these addresses: a local route, and the guard for ports without a service.
    case address(AddressRange)
    /// A port with a service: the guard lets it pass.
    case service(Listener)
    /// All clients of this are masqueraded.
    case masquerade(Listener)
    /// Clients of this that are no pods are masqueraded.
    case masqueradeOutsiders(Listener)
    /// An endpoint of this host: where it connects to itself it is masqueraded.
    case hairpin(IPAddress)
    /// Clients of this that come from outside are dropped.
    case blackhole(Listener)
    /// Clients of this are dropped, but for those that are allowed.
    case firewall(Listener)
    /// Clients of this from these addresses are allowed.
    case allow(Listener, from: AddressRange)
    /// Addresses of pods.
    case podRange(AddressRange)
    /// Clients of this that are pods, or this host, get this mark.
    case inside(Listener, mark: UInt32)
}
