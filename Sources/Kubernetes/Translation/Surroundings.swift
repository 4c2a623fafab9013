import LBaaS

/// What the translation of all services depends on, worked out once for all of them.
struct Surroundings: Hashable, Sendable {
    let options: TranslationOptions
    /// The zone of this host; nil where it is in none.
    let zone: String?
    /// The addresses of this host.
    let ownAddresses: Set<IPAddress>
    /// Where node ports are served, in order.
    let nodePortAddresses: [IPAddress]
    /// Where pods are: of the cluster, or of this node.
    let podRanges: [AddressRange]
    /// Where cluster addresses are taken from.
    let serviceRanges: [AddressRange]
    private let otherNodes: [IPAddress: String]
    private let routers: Set<IPAddress>

    init(options: TranslationOptions, host: HostFacts, nodes: some Sequence<ClusterNode>, serviceRanges: some Sequence<ServiceRange>) {
        self.options = options
        let own = nodes.first { $0.name == options.nodeName }
        zone = own?.zone
        ownAddresses = host.addresses.union(own?.internalAddresses ?? [])
        podRanges = options.clusterRanges.isEmpty ? own?.podRanges ?? [] : options.clusterRanges
        self.serviceRanges = Set(options.serviceRanges + serviceRanges.flatMap(\.ranges)).sorted { $0.description < $1.description }
        routers = host.routers
        var others: [IPAddress: String] = [:]
        for node in nodes where node.name != options.nodeName {
            for address in node.internalAddresses { others[address] = min(node.name, others[address] ?? node.name) }
        }
        otherNodes = others
        let reachable = ownAddresses.filter { $0.reasonAgainstService == nil }
        let chosen =
            switch options.nodePortAddresses {
            case .all: reachable
            case .primary: Set(own?.internalAddresses ?? [])
            case .ranges(let ranges): reachable.filter { address in ranges.contains { $0.contains(address) } }
            }
        nodePortAddresses = chosen.sorted { $0.precedes($1) }
    }

    /// What is the same for every service.
    var edge: Set<EdgeElement> {
        Set(serviceRanges.map { .address($0) }).union(podRanges.map { .podRange($0) })
    }

    /// Whether pods of a family can be told from other clients.
    func knowsPods(like address: IPAddress) -> Bool { podRanges.contains { $0.first.hasFamily(of: address) } }

    /// Why this host must not take packets for an address, as a sentence; nil where it may.
    ///
    /// A host that takes the address of its router, or of another node, is cut off from it.
    func refusal(of address: IPAddress) -> String? {
        if ownAddresses.contains(address) { return nil }
        if let reason = address.reasonAgainstService { return "\(address) cannot be served: it is \(reason)" }
        if let node = otherNodes[address] { return "\(address) is not served: it is an address of node \(node), which would be cut off" }
        if routers.contains(address) { return "\(address) is not served: it is this host's router, which would be cut off" }
        return nil
    }
}
