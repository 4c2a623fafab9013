import LBaaS

/// What becomes of real servers that leave, where the driver leaves it to the worker.
struct DrainRule {
    /// When those that begin to drain now go at the latest.
    let deadline: Timestamp
    /// Whether the job wants them gone at once.
    let isForced: Bool

    /// The real servers of a load balancer that begin to drain on a listener of which the load balancer becomes `heir`, or which it
    /// gives up.
    ///
    /// Where there are no connections there is nothing to finish: UDP leaves at once, and so does what got no traffic.
    func beginning(with old: LoadBalancer, to heir: LoadBalancer?, on listener: Listener) -> [Drain] {
        guard old.listener == listener, !old.isSuspended, keeps(heir), listener.transport != .udp else { return [] }
        // Mostly the real servers stay as they are; then no table is needed.
        if let heir, heir.nodes.count == old.nodes.count, zip(heir.nodes, old.nodes).allSatisfy({ $0.isSameRealServer(as: $1) }) {
            return []
        }
        let staying = Set(heir.map { $0.nodes.filter { $0.condition == .enabled }.map(\.endpoint) } ?? [])
        return old.nodes.filter { $0.condition == .enabled && !staying.contains($0.endpoint) }
            .map { Drain(endpoint: $0.endpoint, deadline: deadline) }
    }

    /// Whether anything goes on draining on a listener of which the load balancer becomes `heir`: SUSPEND ends it.
    func keeps(_ heir: LoadBalancer?) -> Bool { !isForced && !(heir?.isSuspended ?? false) }
}

extension Node {
    fileprivate func isSameRealServer(as other: Node) -> Bool { endpoint == other.endpoint && condition == other.condition }
}
