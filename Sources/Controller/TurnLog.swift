import LBaaS

extension Log {
    /// Tells the operator which nodes turned, and whether the service did.
    func writeTurns(of id: LoadBalancerID, from old: ServiceHealth?, to new: ServiceHealth) {
        guard let old else { return }
        for (node, fact) in new.nodes {
            guard let before = old.nodes[node] else { continue }
            let named: [Field] = [("load_balancer", id.text), ("node", node.text), ("address", fact.endpoint.description)]
            if before.health.isUp != fact.health.isUp {
                write(.info, fact.health.isUp ? "node up" : "node down", named + [("reason", fact.health.reason ?? "its checks pass")])
            }
            if !before.isHeld, fact.isHeld {
                write(.error, "so much went down at once that it stays in service: look whether the checks are at fault", named)
            } else if before.isHeld, !fact.isHeld {
                write(.warning, "its checks are believed again", named + [("up", fact.health.isUp ? "yes" : "no")])
            }
        }
        if old.hasQuorum != new.hasQuorum {
            write(
                .warning, new.hasQuorum ? "service up: it has its quorum" : "service down: it lost its quorum", [("load_balancer", id.text)]
            )
        }
    }
}
