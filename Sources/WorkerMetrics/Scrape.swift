import HostSystem
package import LBaaS
import Metrics
package import Requests

/// How the load balancers are at one moment.
package struct Scrape: Sendable {
    /// The revision of the state.
    package let revision: UInt64
    /// The load balancers; nil where the appliance could not be asked.
    package let items: [StateReport.Item]?
    /// What the appliance has counted, of each load balancer that it runs.
    package let traffic: [LoadBalancerID: [TrafficCounter]]
    /// How many connections nodes have, as the appliance counts them.
    package let connections: [LoadBalancerID: [NodeID: UInt64]]

    /// How the load balancers are.
    package init(
        revision: UInt64, items: [StateReport.Item]?, traffic: [LoadBalancerID: [TrafficCounter]],
        connections: [LoadBalancerID: [NodeID: UInt64]]
    ) {
        self.revision = revision
        self.items = items
        self.traffic = traffic
        self.connections = connections
    }
}

extension Scrape {
    /// Writes its families. Each family is one pass, with labels that are written once.
    func write(to text: inout MetricsText, hasNodes: Bool) {
        text.family(WorkerMetric.revision)
        text.sample(Int(clamping: revision))
        guard let items else { return }
        let states = items.map(\.status)
        text.family(WorkerMetric.loadBalancers)
        for state in LoadBalancerState.allCases {
            text.sample(states.reduce(0) { $0 + ($1 == state ? 1 : 0) }, ["state": state.rawValue])
        }
        var counts: [NodeStatus.State: Int] = [:]
        for item in items { for node in item.nodes { counts[node.state, default: 0] += 1 } }
        text.family(WorkerMetric.nodes)
        for state in NodeStatus.State.allCases { text.sample(counts[state] ?? 0, ["state": state.rawValue]) }
        writeLoadBalancers(items, states, to: &text)
        if hasNodes { writeNodes(items, to: &text) }
    }

    private func writeLoadBalancers(_ items: [StateReport.Item], _ states: [LoadBalancerState], to text: inout MetricsText) {
        var labels = PreparedLabels()
        var work = LongWork()
        for item in items {
            work.step()
            labels.append(["load_balancer": item.entry.loadBalancer.id.text])
        }
        text.family(WorkerMetric.loadBalancerState)
        for (place, state) in states.enumerated() {
            work.step()
            text.sample(state == .up ? 1 : 0, labels, place, more: ",state=\"UP\"")
            text.sample(state == .down ? 1 : 0, labels, place, more: ",state=\"DOWN\"")
            text.sample(state == .suspended ? 1 : 0, labels, place, more: ",state=\"SUSPENDED\"")
            text.sample(state == .outOfService ? 1 : 0, labels, place, more: ",state=\"OUT_OF_SERVICE\"")
        }
        text.family(WorkerMetric.loadBalancerNodes)
        for (place, item) in items.enumerated() { text.sample(UInt64(item.nodes.count), labels, place) }
        text.family(WorkerMetric.loadBalancerNodesUp)
        for (place, item) in items.enumerated() {
            text.sample(UInt64(item.nodes.count { $0.isUp && $0.state == .up }), labels, place)
        }
        if traffic.isEmpty { return }
        for (family, count) in [(WorkerMetric.sentBytes, \TrafficCounter.bytesOut), (WorkerMetric.receivedBytes, \.bytesIn)] {
            text.family(family)
            for (place, item) in items.enumerated() {
                guard let counters = traffic[item.entry.loadBalancer.id] else { continue }
                text.sample(counters.reduce(0) { $0 &+ $1[keyPath: count] }, labels, place)
            }
        }
    }

    private func writeNodes(_ items: [StateReport.Item], to text: inout MetricsText) {
        var labels = PreparedLabels()
        var work = LongWork()
        for item in items {
            work.step()
            let id = item.entry.loadBalancer.id.text
            for node in item.nodes { labels.append(["load_balancer": id, "node": node.id.text]) }
        }
        if labels.count == 0 { return }
        text.family(WorkerMetric.nodeUp)
        Self.forEachNode(of: items) { node, place in text.sample(node.isUp && node.state == .up ? 1 : 0, labels, place) }
        text.family(WorkerMetric.nodeState)
        Self.forEachNode(of: items) { node, place in text.sample(1, labels, place, more: node.state.label) }
        text.family(WorkerMetric.nodeWeight)
        let weights = items.flatMap(\.weights)
        if weights.count == labels.count { for (place, weight) in weights.enumerated() { text.sample(UInt64(weight), labels, place) } }
        if connections.isEmpty { return }
        text.family(WorkerMetric.nodeConnections)
        var place = 0
        for item in items {
            let counts = connections[item.entry.loadBalancer.id]
            for node in item.nodes {
                if let count = counts?[node.id] { text.sample(count, labels, place) }
                place += 1
            }
        }
    }

    private static func forEachNode(of items: [StateReport.Item], _ body: (NodeStatus, Int) -> Void) {
        var place = 0
        var work = LongWork()
        for item in items {
            work.step()
            for node in item.nodes {
                body(node, place)
                place += 1
            }
        }
    }
}

extension NodeStatus.State {
    /// It as a further label.
    fileprivate var label: StaticString {
        switch self {
        case .up: ",state=\"UP\""
        case .down: ",state=\"DOWN\""
        case .draining: ",state=\"DRAINING\""
        case .disabled: ",state=\"DISABLED\""
        case .suspended: ",state=\"SUSPENDED\""
        }
    }
}
