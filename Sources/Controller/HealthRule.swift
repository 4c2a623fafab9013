import LBaaS

/// Of which load balancers it matters how their nodes are.
struct HealthRule {
    /// Who finds out.
    let checking: NodeChecking
    /// Whether anybody is told which services are up.
    let isAnnounced: Bool

    /// Whether it matters for this one.
    func applies(to loadBalancer: LoadBalancer) -> Bool {
        switch checking {
        case .nobody: false
        case .driver: isAnnounced || loadBalancer.quorum != nil
        case .worker: loadBalancer.monitor != nil || loadBalancer.quorum != nil || loadBalancer.sorryServer != nil
        }
    }
}
