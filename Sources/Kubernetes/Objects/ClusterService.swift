package import LBaaS

/// A Service, as far as a proxy needs it.
package struct ClusterService: Hashable, Sendable {
    /// How it is published.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case clusterIP = "ClusterIP"
        case nodePort = "NodePort"
        case loadBalancer = "LoadBalancer"
        case externalName = "ExternalName"
    }

    /// Which endpoints may answer.
    package enum TrafficPolicy: String, Hashable, Sendable, CaseIterable {
        /// All of the cluster.
        case cluster = "Cluster"
        /// Those of this node.
        case local = "Local"
    }

    /// A port that it is reached at.
    package struct Port: Hashable, Sendable {
        /// The name by which slices refer to it; empty for the only port of a service.
        package var name: String
        /// Its protocol.
        package var transport: Transport
        /// The port on cluster, load-balancer and external addresses.
        package var port: UInt16
        /// The port on addresses of nodes; nil for none.
        package var nodePort: UInt16?
    }

    /// Its namespace and name.
    package var key: ObjectKey
    /// When it was created, as Kubernetes writes times, which sort as text; empty where that is not known.
    package var created = ""
    /// The label `service.kubernetes.io/service-proxy-name`: which proxy serves it; empty for the one of the node.
    package var proxyName = ""
    /// How it is published.
    package var kind = Kind.clusterIP
    /// Its cluster addresses, one a family at most; none where it is headless.
    package var clusterAddresses: [IPAddress] = []
    /// Whether it has no cluster address on purpose.
    package var isHeadless = false
    /// Its ports, each name once.
    package var ports: [Port] = []
    /// `externalIPs`.
    package var externalAddresses: [IPAddress] = []
    /// Addresses of the load balancer that packets arrive with (`ipMode` VIP).
    package var balancerAddresses: [IPAddress] = []
    /// `loadBalancerSourceRanges`: from where load-balancer addresses may be reached; nil for from everywhere.
    package var sourceRanges: [AddressRange]?
    /// For clients that use a cluster address.
    package var internalPolicy = TrafficPolicy.cluster
    /// For clients that use another address.
    package var externalPolicy = TrafficPolicy.cluster
    /// For how many seconds a client stays with its endpoint; nil where it does not.
    package var affinity: UInt32?
    /// Where load balancers ask whether this node has endpoints; nil for none.
    package var healthCheckPort: UInt16?
    /// The name of a scheduler, from an annotation.
    package var scheduler: String?
    /// Flags of the scheduler, from an annotation.
    package var schedulerFlags: String?
    /// What of it cannot be used: sentences that begin with the field.
    package var faults: [String] = []

    /// A service that nothing reaches.
    package init(key: ObjectKey) { self.key = key }
}
