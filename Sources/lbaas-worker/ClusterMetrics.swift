import HostSystem
import Kubernetes
import LBaaS
import Metrics

/// What is measured of the services of a cluster, under the names that dashboards of kube-proxy know.
final class ClusterMetrics: Sendable {
    private let registry = MetricsRegistry()
    private let syncDuration: Histogram
    private let syncTime: Gauge
    private let programming: Histogram
    private let noLocalEndpoints: MetricFamily<Gauge>
    private let services: Gauge
    private let refused: Gauge

    /// The families.
    static let all = [
        MetricDescription(
            "kubeproxy_sync_proxy_rules_duration_seconds", .histogram,
            help: "Time from when a change of the cluster was read until it is served, in seconds."),
        MetricDescription(
            "kubeproxy_sync_proxy_rules_last_timestamp_seconds", .gauge, help: "When a change of the cluster was served last, in seconds."),
        MetricDescription(
            "kubeproxy_network_programming_duration_seconds", .histogram,
            help: "Time from the change of an endpoint in the cluster until it is served, in seconds."),
        MetricDescription(
            "kubeproxy_sync_proxy_rules_no_local_endpoints_total", .gauge, labels: ["traffic_policy"],
            help: "Virtual services with the policy Local and no endpoint on this node."),
        MetricDescription("lbaas_kubernetes_services", .gauge, help: "Virtual services that the cluster wants."),
        MetricDescription(
            "lbaas_kubernetes_refused_services", .gauge, help: "Services of the cluster of which something cannot be served."),
    ]

    /// As kube-proxy has them, with 10 ms: each is twice the one before.
    private static let syncBounds: [Double] = ([0.01] + (0..<15).map { 0.001 * Double(1 << $0) }).sorted()

    /// kube-proxy's: 0.25 and 0.5 s, each second to a minute in part, then each minute in part.
    private static let programmingBounds: [Double] =
        [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5] + (1...10).map(Double.init) + [15, 20, 30, 45, 60, 120, 180, 240, 300]

    init() {
        syncDuration = registry.histograms(Self.all[0], bounds: Self.syncBounds).with()
        syncTime = registry.gauges(Self.all[1]).with()
        programming = registry.histograms(Self.all[2], bounds: Self.programmingBounds).with()
        noLocalEndpoints = registry.gauges(Self.all[3])
        services = registry.gauges(Self.all[4]).with()
        refused = registry.gauges(Self.all[5]).with()
    }

    /// A change of the cluster is served.
    ///
    /// - Parameters:
    ///   - duration: since the first of it was read.
    ///   - causes: when what it tells of endpoints happened.
    ///   - now: the wall clock.
    func served(in duration: Duration, causes: [Timestamp], now: Timestamp) {
        syncDuration.observe(duration)
        syncTime.set(Double(now.microseconds) / 1_000_000)
        for cause in causes { programming.observe(.microseconds(max(0, now.microseconds - cause.microseconds))) }
    }

    /// What there is now.
    func set(services count: Int, refused refusedCount: Int, withoutLocal counts: (internal: Int, external: Int)) {
        services.set(Double(count))
        refused.set(Double(refusedCount))
        noLocalEndpoints.with("internal").set(Double(counts.internal))
        noLocalEndpoints.with("external").set(Double(counts.external))
    }

    /// All of it, as text.
    var text: [[UInt8]] { registry.write() }
}
