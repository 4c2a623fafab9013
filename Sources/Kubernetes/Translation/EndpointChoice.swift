import LBaaS

/// An endpoint at one of its ports.
struct PortEndpoint: Hashable, Sendable {
    let address: IPAddress
    let port: UInt16
    var isReady: Bool
    var isServing: Bool
    var isTerminating: Bool
    var isLocal: Bool
    var zones: [String]
    var nodes: [String]

    /// Whether it still answers, though it ends.
    var isEnding: Bool { isServing && isTerminating }

    /// Takes in what another slice says of the same endpoint. The order in which they come does not matter.
    mutating func merge(_ other: PortEndpoint) {
        isReady = isReady || other.isReady
        isServing = isServing || other.isServing
        isTerminating = isTerminating && other.isTerminating
        isLocal = isLocal || other.isLocal
        zones += other.zones
        nodes += other.nodes
    }
}

/// Which endpoints of a port answer, as Kubernetes has it: the ready ones; where there is none, those that end and still answer.
struct EndpointChoice {
    /// All endpoints that slices name, in order of address and port.
    let all: [PortEndpoint]
    /// Those for the policy Cluster: where hints are complete, those that are meant for this node, or for its zone.
    let cluster: [RealServer]
    /// Those for the policy Local.
    let local: [RealServer]
    /// Whether any endpoint answers anywhere.
    let hasAny: Bool

    /// - Parameter address: an address of the family that the endpoints are of.
    init(_ port: ClusterService.Port, of slices: [EndpointSlice], among address: IPAddress, in surroundings: Surroundings) {
        all = Self.collect(port, of: slices, among: address, nodeName: surroundings.options.nodeName)
        // Datagrams have no connection to finish.
        let drains = port.transport != .udp
        cluster = Self.choose(among: all, drains: drains, isPreferred: Self.preference(among: all, in: surroundings))
        local = Self.choose(among: all.filter(\.isLocal), drains: drains) { _ in true }
        hasAny = all.contains { $0.isReady || $0.isEnding }
    }

    /// The endpoints for a policy.
    func servers(_ policy: ClusterService.TrafficPolicy) -> [RealServer] { policy == .local ? local : cluster }

    /// Whether there are endpoints, and a policy allows none of them.
    func isBlackhole(_ policy: ClusterService.TrafficPolicy) -> Bool { policy == .local && hasAny && local.isEmpty }

    private static func collect(
        _ port: ClusterService.Port, of slices: [EndpointSlice], among address: IPAddress, nodeName: String
    ) -> [PortEndpoint] {
        var found: [Endpoint: PortEndpoint] = [:]
        for slice in slices {
            for slicePort in slice.ports where slicePort.name == port.name && slicePort.transport == port.transport {
                for endpoint in slice.endpoints where endpoint.address.hasFamily(of: address) {
                    let new = PortEndpoint(
                        address: endpoint.address, port: slicePort.port, isReady: endpoint.isReady, isServing: endpoint.isServing,
                        isTerminating: endpoint.isTerminating, isLocal: endpoint.nodeName == nodeName, zones: endpoint.zones,
                        nodes: endpoint.nodes)
                    let place = Endpoint(host: .address(endpoint.address), port: slicePort.port)
                    if found[place]?.merge(new) == nil { found[place] = new }
                }
            }
        }
        return found.values.sorted { $0.address == $1.address ? $0.port < $1.port : $0.address.precedes($1.address) }
    }

    /// The endpoints that hints name for this host. They count where every ready endpoint has some and one is named: a partial answer would
    /// overload those that have none. Endpoints that are not ready have no vote.
    private static func preference(among endpoints: [PortEndpoint], in surroundings: Surroundings) -> (PortEndpoint) -> Bool {
        func isUsable(_ hints: (PortEndpoint) -> [String], for name: String) -> Bool {
            var isNamed = false
            for endpoint in endpoints where endpoint.isReady {
                let names = hints(endpoint)
                if names.isEmpty { return false }
                isNamed = isNamed || names.contains(name)
            }
            return isNamed
        }
        let node = surroundings.options.nodeName
        if isUsable(\.nodes, for: node) { return { $0.nodes.contains(node) } }
        if let zone = surroundings.zone, isUsable(\.zones, for: zone) { return { $0.zones.contains(zone) } }
        return { _ in true }
    }

    private static func choose(
        among endpoints: [PortEndpoint], drains: Bool, isPreferred: (PortEndpoint) -> Bool
    ) -> [RealServer] {
        let ready = endpoints.contains { $0.isReady && isPreferred($0) }
        var chosen: [RealServer] = []
        // Mostly all of them: an array that grows keeps room that nothing comes into.
        chosen.reserveCapacity(endpoints.count)
        for endpoint in endpoints {
            let isChosen = ready ? endpoint.isReady && isPreferred(endpoint) : endpoint.isEnding
            if !isChosen && !(drains && ready && endpoint.isEnding && !endpoint.isReady) { continue }
            chosen.append(RealServer(address: endpoint.address, port: endpoint.port, isDraining: !isChosen))
        }
        return chosen
    }
}
