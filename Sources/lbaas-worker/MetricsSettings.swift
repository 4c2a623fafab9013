import DaemonSupport

/// The section `[metrics]`.
struct MetricsSettings: Sendable, Equatable {
    /// Whether there are series of each node.
    var hasNodes = true

    /// The settings of the section.
    static let table: [Setting<Settings>] = [
        Setting("metrics", "per_node", "true|false", "whether /metrics has series of each node", \.metrics.hasNodes, .truth)
    ]
}
