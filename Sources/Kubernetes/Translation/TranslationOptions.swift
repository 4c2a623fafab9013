package import LBaaS

/// What an operator decides about the services of a cluster.
package struct TranslationOptions: Hashable, Sendable {
    /// The addresses of this host that node ports are served on.
    package enum NodePortAddresses: Hashable, Sendable {
        /// All that others can reach.
        case all
        /// Those of the Node object.
        case primary
        /// Those in these ranges.
        case ranges([AddressRange])
    }

    /// The name of this host's Node.
    package var nodeName: String
    /// The proxy that this is, by the label `service.kubernetes.io/service-proxy-name`; empty for the one of services without it.
    package var proxyName = ""
    /// The addresses of all pods of the cluster; empty to go by the pods of this node.
    package var clusterRanges: [AddressRange] = []
    /// Ranges that cluster addresses are taken from, besides those that the cluster tells.
    package var serviceRanges: [AddressRange] = []
    /// Where node ports are served.
    package var nodePortAddresses = NodePortAddresses.all
    /// Whether clients of cluster addresses are masqueraded always, and not only those that are no pods.
    package var masqueradesAll = false
    /// Whether each address is needed for itself, also one of the service ranges.
    package var needsEachAddress = false
    /// How endpoints are chosen where a service does not say.
    package var scheduling = Scheduling(algorithm: .roundRobin)

    /// The defaults of kube-proxy in mode ipvs.
    package init(nodeName: String) { self.nodeName = nodeName }
}

/// What this host is, besides its Node.
package struct HostFacts: Hashable, Sendable {
    /// The addresses of its interfaces.
    package var addresses: Set<IPAddress> = []
    /// The addresses of its routers. No service may take them.
    package var routers: Set<IPAddress> = []

    /// A host with these addresses.
    package init(addresses: Set<IPAddress> = [], routers: Set<IPAddress> = []) { (self.addresses, self.routers) = (addresses, routers) }
}

/// How an endpoint is chosen.
package struct Scheduling: Hashable, Sendable {
    /// The algorithm.
    package var algorithm: Algorithm
    /// Whether a hash is taken of a client's port, too.
    package var hashesPort = false

    /// An algorithm.
    package init(algorithm: Algorithm, hashesPort: Bool = false) { (self.algorithm, self.hashesPort) = (algorithm, hashesPort) }

    /// A scheduler by the kernel's name of it, or an algorithm by its name in jobs; nil for one that is not served. As with kube-proxy,
    /// `mh` takes a client's port into account.
    package init?(_ name: String) {
        let algorithms: [String: Algorithm] = [
            "rr": .roundRobin, "wrr": .roundRobin, "lc": .leastConnections, "wlc": .leastConnections, "sh": .sourceIP, "mh": .maglev,
            "sed": .shortestExpectedDelay, "nq": .neverQueue,
        ]
        guard let algorithm = algorithms[name] ?? Algorithm(rawValue: name) else { return nil }
        self.init(algorithm: algorithm, hashesPort: name == "mh")
    }
}
