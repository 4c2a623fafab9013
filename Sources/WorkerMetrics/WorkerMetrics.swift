import HostSystem
package import Metrics
package import Requests
import Synchronization

/// What a worker measures, and its text for Prometheus.
///
/// What happens is counted by atomic additions, by whoever it happens to. How load balancers and nodes are is not kept here: it is written
/// from a report when somebody asks.
package final class WorkerMetrics: Sendable {
    /// What is known of the worker besides what is counted. None of it may block.
    package struct Sources: Sendable {
        /// Its version, driver and function.
        package var identity: (version: String, driver: String, function: String)
        /// The job servers, and whether there is a connection to each.
        package var jobServers: @Sendable () -> [(address: String, isConnected: Bool)]
        /// The virtual IPs; nil where there are none.
        package var virtualIPs: @Sendable () -> VirtualIPMetrics?
        /// How many clients the event stream has.
        package var streamClients: @Sendable () -> Int
        /// How many connections the API has.
        package var connections: @Sendable () -> Int

        /// What is known of the worker.
        package init(
            identity: (version: String, driver: String, function: String),
            jobServers: @escaping @Sendable () -> [(address: String, isConnected: Bool)],
            virtualIPs: @escaping @Sendable () -> VirtualIPMetrics?, streamClients: @escaping @Sendable () -> Int,
            connections: @escaping @Sendable () -> Int
        ) {
            self.identity = identity
            self.jobServers = jobServers
            self.virtualIPs = virtualIPs
            self.streamClients = streamClients
            self.connections = connections
        }
    }

    private struct JobInstruments: Sendable {
        let passed: Counter
        let failed: Counter
        let duration: Histogram
    }

    private static let actions = [
        "UPDATE", "CREATE", "SUSPEND", "ENABLE", "DELETE", "DISCOVER", "ARCHIVE", "METRICS", "STATS", "DIAGNOSTICS", "-",
    ]
    private static let checkTypes = ["connect", "http", "tls", "udp", "icmp", "exec"]

    private let registry = MetricsRegistry()
    private let jobs: [String: JobInstruments]
    private let otherJobs: JobInstruments
    private let commitDuration: Histogram
    private let commitJobs: Histogram
    private let checks: [String: JobInstruments]
    private let driverOperations: MetricFamily<Counter>
    private let driverDuration: MetricFamily<Histogram>
    private let driftRepaired: Counter
    private let driftFailed: Counter
    private let transitions: MetricFamily<Counter>
    /// What is counted of requests of the API.
    package let requests: RequestMetrics
    /// Whether there are series of each node.
    package let hasNodes: Bool
    private let state = Mutex(State())

    private struct State {
        var sources: Sources?
        /// What is written now.
        var scrape: Scrape?
        var isApplianceUp = true
    }

    /// Nothing is measured yet.
    ///
    /// - Parameter hasNodes: whether there are series of each node.
    package init(hasNodes: Bool) {
        self.hasNodes = hasNodes
        let registry = registry
        let (counts, durations) = (registry.counters(WorkerMetric.jobs), registry.histograms(WorkerMetric.jobDuration))
        func job(_ action: String) -> JobInstruments {
            JobInstruments(
                passed: counts.with(action, "PASS"), failed: counts.with(action, "FAIL"), duration: durations.with(action))
        }
        jobs = Dictionary(uniqueKeysWithValues: Self.actions.map { ($0, job($0)) })
        otherJobs = job("-")
        commitDuration = registry.histograms(WorkerMetric.commitDuration).with()
        commitJobs = registry.histograms(WorkerMetric.commitJobs, .plain, bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]).with()
        let (checkCounts, checkDurations) = (registry.counters(WorkerMetric.checks), registry.histograms(WorkerMetric.checkDuration))
        checks = Dictionary(
            uniqueKeysWithValues: Self.checkTypes.map { type in
                let (passed, failed) = (checkCounts.with(type, "passed"), checkCounts.with(type, "failed"))
                return (type, JobInstruments(passed: passed, failed: failed, duration: checkDurations.with(type)))
            })
        driverOperations = registry.counters(WorkerMetric.driverOperations)
        driverDuration = registry.histograms(WorkerMetric.driverDuration)
        driftRepaired = registry.counters(WorkerMetric.driftRepaired).with()
        driftFailed = registry.counters(WorkerMetric.driftFailed).with()
        transitions = registry.counters(WorkerMetric.virtualIPTransitions)
        requests = RequestMetrics(registry)
        registry.collectProcess()
        registry.collect { [unowned self] text in
            let (sources, scrape, isUp) = state.withLock { ($0.sources, $0.scrape, $0.isApplianceUp) }
            text.family(WorkerMetric.applianceUp)
            text.sample(isUp ? 1 : 0)
            if let sources { writeSources(sources, to: &text) }
            scrape?.write(to: &text, hasNodes: hasNodes)
        }
    }

    /// Tells what is known besides what is counted. To be called once, before the first text.
    package func begin(_ sources: Sources) { state.withLock { $0.sources = sources } }

    // MARK: What happens

    /// A job was answered.
    ///
    /// - Parameters:
    ///   - action: in capitals; `-` where it was not understood.
    ///   - microseconds: from its arrival to its answer.
    package func answered(_ action: String, isPass: Bool, microseconds: Int64) {
        let job = jobs[action] ?? otherJobs
        (isPass ? job.passed : job.failed).add()
        job.duration.observe(UInt64(max(0, microseconds)) * 1000)
    }

    /// A commit has ended.
    package func committed(_ count: Int, in duration: Duration) {
        commitDuration.observe(duration)
        commitJobs.observe(UInt64(count))
    }

    /// A check has ended.
    ///
    /// - Parameter type: `connect`, `http`, `tls`, `udp`, `icmp` or `exec`.
    package func checked(_ type: String, isPass: Bool, in duration: Duration) {
        guard let check = checks[type] else { return }
        (isPass ? check.passed : check.failed).add()
        check.duration.observe(duration)
    }

    /// A call of the driver has ended.
    ///
    /// - Parameters:
    ///   - passed, failed: how many of what it was given did so.
    ///   - isAnswered: whether the appliance has answered; nil where that cannot be told from it.
    package func drove(_ operation: String, passed: Int, failed: Int, isAnswered: Bool?, in duration: Duration) {
        if passed > 0 { driverOperations.with(operation, "ok").add(UInt64(passed)) }
        if failed > 0 { driverOperations.with(operation, "failed").add(UInt64(failed)) }
        driverDuration.with(operation).observe(duration)
        if let isAnswered { state.withLock { $0.isApplianceUp = isAnswered } }
    }

    /// The appliance was put right, or could not be.
    package func repaired(_ repair: ApplianceRepair) {
        let failed = Set(repair.failed).intersection(repair.loadBalancers).count
        driftRepaired.add(UInt64(repair.loadBalancers.count - failed))
        driftFailed.add(UInt64(failed))
    }

    /// A virtual IP has got into a state.
    package func turned(virtualIP address: String, into state: String) { transitions.with(address, state).add() }

    // MARK: The text

    /// All of it, as text in parts. It takes as long as there are many load balancers.
    package func text(_ scrape: Scrape) -> [[UInt8]] {
        state.withLock { $0.scrape = scrape }
        defer { state.withLock { $0.scrape = nil } }
        return registry.write()
    }
}
