/// Who listens where, so that no two load balancers are given one place.
///
/// Listening on every address takes each single one with it. The cost of a claim does not grow with the table.
public struct ListenerTable: Sendable {
    private struct Door: Hashable {
        let port: UInt16
        let transport: Transport
        let mark: UInt32?

        init(_ listener: Listener) { (port, transport, mark) = (listener.port, listener.transport, listener.mark) }
    }

    /// Who has one port of one transport.
    private struct Owners {
        /// Every address of both families.
        var every: LoadBalancerID?
        /// `0.0.0.0` and the single addresses of IPv4.
        var v4 = Family()
        /// `::` and the single addresses of IPv6.
        var v6 = Family()
    }

    private struct Family {
        var every: LoadBalancerID?
        var single: [IPAddress: LoadBalancerID] = [:]

        var anyone: LoadBalancerID? { every ?? single.first?.value }
    }

    private var doors: [Door: Owners] = [:]

    /// A table in which nobody listens.
    public init() {}

    /// Takes a listener.
    ///
    /// - Returns: nil where it was free, otherwise who has it or a part of it; then nothing is taken.
    public mutating func claim(_ listener: Listener, for id: LoadBalancerID) -> LoadBalancerID? {
        let door = Door(listener)
        guard let address = listener.address else {
            if let owner = doors[door].flatMap({ $0.every ?? $0.v4.anyone ?? $0.v6.anyone }) { return owner }
            doors[door, default: Owners()].every = id
            return nil
        }
        if let owner = doors[door]?.every { return owner }
        let family = Self.family(of: address)
        if address.isUnspecified {
            if let owner = doors[door]?[keyPath: family].anyone { return owner }
            doors[door, default: Owners()][keyPath: family].every = id
        } else {
            if let owners = doors[door]?[keyPath: family], let owner = owners.every ?? owners.single[address] { return owner }
            doors[door, default: Owners()][keyPath: family].single[address] = id
        }
        return nil
    }

    /// Who takes the connections to an address of one host.
    ///
    /// - Parameters:
    ///   - listener: the address, with port and transport.
    ///   - isOfHost: whether the address is one of this host's, so that whoever listens on every address takes them too.
    package func owner(of listener: Listener, isOfHost: Bool) -> LoadBalancerID? {
        guard let address = listener.address, let owners = doors[Door(listener)] else {
            return nil
        }
        let family = owners[keyPath: Self.family(of: address)]
        return family.single[address] ?? (isOfHost ? family.every ?? owners.every : nil)
    }

    /// Gives a listener up that was claimed.
    public mutating func release(_ listener: Listener) {
        let door = Door(listener)
        guard let address = listener.address else {
            doors[door]?.every = nil
            return
        }
        if address.isUnspecified {
            doors[door]?[keyPath: Self.family(of: address)].every = nil
        } else {
            doors[door]?[keyPath: Self.family(of: address)].single[address] = nil
        }
    }

    private static func family(of address: IPAddress) -> WritableKeyPath<Owners, Family> {
        switch address {
        case .v4: \.v4
        case .v6: \.v6
        }
    }
}
