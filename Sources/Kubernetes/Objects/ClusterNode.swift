package import LBaaS

/// A Node, as far as a proxy needs it.
package struct ClusterNode: Hashable, Sendable {
    /// Its name.
    package var name: String
    /// The label `topology.kubernetes.io/zone`; nil where it has none.
    package var zone: String?
    /// Its addresses of type InternalIP.
    package var internalAddresses: [IPAddress] = []
    /// The addresses of its pods.
    package var podRanges: [AddressRange] = []
    /// Whether load balancers should send it nothing new because it goes: it is being deleted, or the cluster autoscaler has it marked for that.
    package var isLeaving = false

    /// A node of which nothing else is known.
    package init(name: String) { self.name = name }
}

/// A ServiceCIDR: ranges that cluster addresses are taken from.
package struct ServiceRange: Hashable, Sendable {
    /// Its name.
    package var name: String
    /// The ranges.
    package var ranges: [AddressRange] = []

    /// Ranges of this name.
    package init(name: String) { self.name = name }
}
