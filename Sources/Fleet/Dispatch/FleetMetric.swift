package import Metrics

/// What a server measures of its fleet; `docs/fleet.md` has the same table.
package enum FleetMetric {
    static let jobs = MetricDescription(
        "lbaas_fleet_jobs_total", .counter, labels: ["action", "result"],
        help: "Jobs that workers were sent: `passed`, `failed`, or `unanswered`.")
    static let jobDuration = MetricDescription(
        "lbaas_fleet_job_duration_seconds", .histogram, labels: ["action"],
        help: "Time from the submission of a job to its answer in seconds.")
    /// Whether each job server is reached.
    package static let jobServerConnected = MetricDescription(
        "lbaas_job_server_connected", .gauge, labels: ["server"], help: "Whether the job server is reached: 1, or 0.")
    /// How many workers this server drives.
    package static let drivenWorkers = MetricDescription("lbaas_fleet_driven_workers", .gauge, help: "Workers that this server drives.")
    /// How many workers there are.
    package static let workers = MetricDescription(
        "lbaas_fleet_workers", .gauge, labels: ["state"], help: "Workers of the fleet that answer (`present`), and others (`away`).")

    /// All of them, in the order of the page.
    package static let all = [jobs, jobDuration, workers, drivenWorkers, jobServerConnected]
}
