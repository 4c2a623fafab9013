import LBaaS

/// Who wants which listener. Several services can want the same one, where an operator gave two of them the same external address; one has it,
/// and it is always the same one, in whatever order they came.
struct ListenerClaims {
    private var claims: [Listener: [Claim]] = [:]

    private struct Claim {
        let service: VirtualService
        let created: String

        /// A cluster address goes before all others, so that nobody can take it by an external one; then the older service has it.
        func precedes(_ other: Claim) -> Bool {
            (service.role.rawValue, created, service.owner) < (other.service.role.rawValue, other.created, other.service.owner)
        }
    }

    /// Every listener that is claimed, with who has it.
    var all: [Listener: VirtualService] { claims.compactMapValues { $0.first?.service } }

    /// Who has a listener that is claimed, one after another.
    var every: some Sequence<VirtualService> { claims.values.lazy.compactMap { $0.first?.service } }

    /// How many listeners are claimed.
    var count: Int { claims.count }

    /// Makes room for so many listeners.
    mutating func reserve(_ count: Int) { claims.reserveCapacity(count) }

    /// Who has a listener; nil where nobody wants it.
    subscript(listener: Listener) -> VirtualService? { claims[listener]?.first?.service }

    /// The services that want a listener.
    func owners(of listener: Listener) -> [ObjectKey] { claims[listener]?.map(\.service.owner) ?? [] }

    mutating func add(_ service: VirtualService, created: String) {
        let claim = Claim(service: service, created: created)
        var all = claims.removeValue(forKey: service.listener) ?? []
        all.insert(claim, at: all.firstIndex { claim.precedes($0) } ?? all.endIndex)
        claims[service.listener] = all
    }

    mutating func remove(_ service: VirtualService) {
        guard var all = claims.removeValue(forKey: service.listener) else { return }
        all.removeAll { $0.service.owner == service.owner }
        if !all.isEmpty { claims[service.listener] = all }
    }
}
