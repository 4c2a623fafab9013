import FleetModel
import FleetStore
import GearmanClient
import LBaaS
import Metrics

/// What the drivers of all workers have in common.
struct DispatchContext: Sendable {
    let store: any FleetStore
    let cache: FleetCache
    let presence: WorkerPresence
    let lease: ServerLease
    let intervals: Dispatcher.Intervals
    let metrics: DispatchMetrics
    let log: Log
}

/// What is measured of the jobs of a fleet.
struct DispatchMetrics: Sendable {
    private let jobs: MetricFamily<Counter>
    private let durations: MetricFamily<Histogram>

    init(_ registry: MetricsRegistry) {
        jobs = registry.counters(FleetMetric.jobs)
        durations = registry.histograms(FleetMetric.jobDuration)
    }

    func ended(_ action: String, _ result: String, in duration: Duration) {
        jobs.with(action, result).add()
        durations.with(action).observe(duration)
    }
}
