import LBaaS

extension Running {
    /// What others did to the servers since haproxy was known to run so, in sentences that say what becomes of it. Nothing where it has loaded
    /// another configuration since.
    func deviations(in found: Running) -> [String] {
        guard fingerprint == found.fingerprint else { return [] }
        return proxies.values.sorted { $0.loadBalancer.id < $1.loadBalancer.id }.flatMap { proxy in
            found.proxies[proxy.loadBalancer.id].map { proxy.loadBalancer.deviations(in: $0.loadBalancer) } ?? []
        }
    }
}

extension LoadBalancer {
    fileprivate func deviations(in found: LoadBalancer) -> [String] {
        let running = Dictionary(found.nodes.map { ($0.id, $0) }) { first, _ in first }
        let known = Set(nodes.map(\.id))
        let changed = nodes.flatMap { node in
            node.deviations(in: running[node.id]).map { "server \(quoted(node.id.text)) of backend \(quoted(id.text)) \($0)" }
        }
        let added = found.nodes.filter { !known.contains($0.id) }.map {
            "server \(quoted($0.id.text)) of backend \(quoted(id.text)) was added by hand; it is taken out"
        }
        return changed + added
    }
}

extension Node {
    fileprivate func deviations(in found: Node?) -> [String] {
        guard let found else { return ["was removed by hand; it is added again"] }
        var words: [String] = []
        if found.condition != condition {
            words.append("was \(found.condition.participle) by hand; it is \(condition.participle) again")
        }
        if found.weight != weight { words.append("was given weight \(found.weight) by hand; it gets \(weight) again") }
        if found.endpoint != endpoint { words.append("was moved to \(found.endpoint) by hand; it is moved back to \(endpoint)") }
        return words
    }
}

extension Node.Condition {
    fileprivate var participle: String {
        switch self {
        case .enabled: "enabled"
        case .disabled: "disabled"
        case .draining: "drained"
        }
    }
}
