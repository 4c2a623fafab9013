import LBaaS

/// The services that are ours, as the kernel has them, and whose they are.
struct ServiceTable {
    private struct Entry: Hashable, Sendable {
        let service: VirtualService
        let owner: LoadBalancerID?
    }

    /// Behind references: most places of a dictionary are empty, and so they take little memory.
    private var entries: [ServiceKey: Indirect<Entry>] = [:]

    /// A service; nil where the kernel has none of ours at this key.
    subscript(key: ServiceKey) -> VirtualService? { entries[key]?.wrappedValue?.service }

    /// Whose a service is; nil where that is not known any more, or where there is none.
    func owner(of key: ServiceKey) -> LoadBalancerID? { entries[key]?.wrappedValue?.owner }

    /// Makes room for so many services more.
    mutating func reserve(_ count: Int) { entries.reserveCapacity(entries.count + count) }

    /// Notes what the kernel has at a key, and whose it is.
    mutating func set(_ key: ServiceKey, _ service: VirtualService?, of owner: LoadBalancerID?) {
        entries[key] = service.map { Indirect(wrappedValue: Entry(service: $0, owner: owner)) }
    }

    /// Notes what the kernel has at a key, and that it is whose it was.
    mutating func set(_ key: ServiceKey, _ service: VirtualService?) { set(key, service, of: owner(of: key)) }

    /// Notes whose the service at a key is, where there is one.
    mutating func give(_ key: ServiceKey, to owner: LoadBalancerID?) {
        if let service = self[key] { set(key, service, of: owner) }
    }
}
