import Metrics

/// What is known of the virtual IPs of a host.
package struct VirtualIPMetrics: Sendable {
    /// A virtual IP.
    package struct Address: Sendable {
        /// The address, as text.
        package var address: String
        /// The interface that has it.
        package var interface: String
        /// The name of its state.
        package var state: String
        /// Whether the interface has it.
        package var isBound: Bool
        /// Whether this host owns it.
        package var isOwned: Bool
        /// How many times it was announced.
        package var announcements: Int
        /// How many frames of others claim it.
        package var rivalFrames: Int

        /// A virtual IP.
        package init(
            address: String, interface: String, state: String, isBound: Bool, isOwned: Bool, announcements: Int, rivalFrames: Int
        ) {
            self.address = address
            self.interface = interface
            self.state = state
            self.isBound = isBound
            self.isOwned = isOwned
            self.announcements = announcements
            self.rivalFrames = rivalFrames
        }
    }

    /// Whether it can be judged who owns them.
    package var isConnected: Bool
    /// The names of all states.
    package var states: [String]
    /// The virtual IPs.
    package var addresses: [Address]

    /// What is known of them.
    package init(isConnected: Bool, states: [String], addresses: [Address]) {
        (self.isConnected, self.states, self.addresses) = (isConnected, states, addresses)
    }
}

func writeSources(_ sources: WorkerMetrics.Sources, to text: inout MetricsText) {
    let identity = sources.identity
    text.family(WorkerMetric.buildInfo)
    text.sample(1, ["version": identity.version, "driver": identity.driver, "function": identity.function])
    text.family(WorkerMetric.apiConnections)
    text.sample(sources.connections())
    text.family(WorkerMetric.streamClients)
    text.sample(sources.streamClients())
    let servers = sources.jobServers()
    if !servers.isEmpty {
        text.family(WorkerMetric.jobServerConnected)
        for server in servers { text.sample(server.isConnected ? 1 : 0, ["server": server.address]) }
    }
    if let virtualIPs = sources.virtualIPs() { write(virtualIPs, to: &text) }
}

private func write(_ virtualIPs: VirtualIPMetrics, to text: inout MetricsText) {
    text.family(WorkerMetric.clusterConnected)
    text.sample(virtualIPs.isConnected ? 1 : 0)
    let all = virtualIPs.addresses
    if all.isEmpty { return }
    text.family(WorkerMetric.virtualIPState)
    for one in all {
        for state in virtualIPs.states {
            text.sample(one.state == state ? 1 : 0, ["address": one.address, "interface": one.interface, "state": state])
        }
    }
    text.family(WorkerMetric.virtualIPBound)
    for one in all { text.sample(one.isBound ? 1 : 0, ["address": one.address, "interface": one.interface]) }
    text.family(WorkerMetric.virtualIPOwner)
    for one in all { text.sample(one.isOwned ? 1 : 0, ["address": one.address]) }
    text.family(WorkerMetric.virtualIPRivals)
    for one in all { text.sample(one.rivalFrames, ["address": one.address]) }
    text.family(WorkerMetric.virtualIPAnnouncements)
    for one in all { text.sample(one.announcements, ["address": one.address]) }
}
