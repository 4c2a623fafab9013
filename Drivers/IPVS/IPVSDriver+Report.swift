public import LBaaS

extension IPVSDriver {
    /// What the kernel's table has of these load balancers now. Connections are the established ones.
    public func report(on expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancerID: ApplianceReport] {
        let defaults = settings.services
        return try reading { _, kernel throws(KernelFailure) in
            var reports: [LoadBalancerID: ApplianceReport] = [:]
            for loadBalancer in expected { reports[loadBalancer.id] = try report(on: loadBalancer, defaults, kernel) }
            return reports
        }
    }

    /// The active connections of each node that the kernel has.
    public func connections(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeID: UInt64]] {
        let asked = loadBalancers(ids)
        return try reading { _, kernel throws(KernelFailure) in
            var connections: [LoadBalancerID: [NodeID: UInt64]] = [:]
            for loadBalancer in asked {
                guard let key = ServiceKey(loadBalancer.listener) else { continue }
                var active: [DestinationKey: UInt32] = [:]
                try kernel.forEachDestination(of: key, withStatistics: false) { active[$0.key] = $0.activeConnections }
                var counts: [NodeID: UInt64] = [:]
                for node in loadBalancer.nodes {
                    if let count = DestinationKey(node.endpoint).flatMap({ active[$0] }) { counts[node.id] = UInt64(count) }
                }
                connections[loadBalancer.id] = counts
            }
            return connections
        }
    }

    /// Nil where the kernel has nothing of it.
    private func report(
        on loadBalancer: LoadBalancer, _ defaults: ServiceDefaults, _ kernel: any Kernel
    ) throws(KernelFailure) -> ApplianceReport? {
        let ids = Dictionary(loadBalancer.nodes.map { ($0.endpoint, $0.id) }) { first, _ in first }
        var (words, nodes, difference): ([String], [ApplianceReport.Node], Difference) = ([], [], Difference())
        for (key, wanted) in loadBalancer.wantedServices(defaults) {
            var current: VirtualService?
            if let service = try kernel.service(key) {
                var destinations: [(DestinationKey, Destination)] = []
                try kernel.forEachDestination(of: key, withStatistics: false) { listed in
                    destinations.append((listed.key, listed.destination))
                    nodes.append(ApplianceReport.Node(listed, of: ids))
                }
                current = VirtualService(
                    settings: service.settings, destinations: Destinations(Dictionary(destinations) { first, _ in first }))
                words.append("virtual service \(key): \(service.settings)")
            }
            // A service without real servers stands still until its counters are read for the last time.
            if wanted.service == nil, current?.destinations.isEmpty ?? true { continue }
            difference.append(key, from: current, to: wanted.target(from: current))
        }
        if words.isEmpty { return nil }
        return ApplianceReport(
            words: "the kernel has " + words.joined(separator: "; "), nodes: nodes, deviations: difference.changes.map(\.description))
    }
}

extension ApplianceReport.Node {
    fileprivate init(_ listed: ListedDestination, of ids: [Endpoint: NodeID]) {
        let endpoint = Endpoint(host: .address(listed.key.address), port: listed.key.port)
        let inactive = listed.inactiveConnections
        self.init(
            id: ids[endpoint], endpoint: endpoint, weight: listed.destination.weight, connections: UInt64(listed.activeConnections),
            words: "\(listed.destination.forwarding)" + (inactive > 0 ? ", \(inactive) inactive connections" : ""))
    }
}
