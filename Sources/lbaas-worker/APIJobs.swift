import HostSystem
import JobMessages
import LBaaS
import Requests
import WorkerAPI
import WorkerMetrics

/// Reads and answers the jobs of the API as those of job servers are.
struct APIJobs: JobTranslator {
    let observer: WorkerObserver

    func read(_ text: [UInt8], from client: String) -> any TranslatedJob { APIJob(text, from: client, observer) }
}

/// A job of the API.
///
/// Unchecked because it is made by one thread and answered once, by one other that got it from there.
private final class APIJob: TranslatedJob, @unchecked Sendable {
    private let client: String
    private let observer: WorkerObserver
    private let start = Clock.steady()
    private let messages = JobMessages()
    private let job: ReadJob

    init(_ text: [UInt8], from client: String, _ observer: WorkerObserver) {
        self.client = client
        self.observer = observer
        job = unsafe messages.read(text.span.bytes)
    }

    var request: Request? { job.request }

    func answer(_ outcome: Outcome?) -> JobResult {
        let answer = messages.answer(job, outcome)
        let end = Clock.steady()
        return JobResult(reply: answer.reply, error: answer.error) { [observer, client, start] in
            observer.answered(answer, handle: client, from: start, to: end)
        }
    }
}

extension APIIntake {
    /// The API of this worker.
    convenience init(
        _ configuration: APIConfiguration, of settings: Settings, jobs: JobIntake, observer: WorkerObserver, driver: MeasuredDriver,
        core: CoreService, virtualIPs: VirtualIPService, version: String, log: Log
    ) {
        let function = settings.function ?? hostName()
        let readiness = Readiness(driver: driver, core: core, virtualIPs: virtualIPs)
        let worker = WorkerDescription(
            version: version, driver: settings.driver, function: function, start: Clock.moment().wall,
            jobServers: { jobs.servers.map { WorkerDescription.JobServer(address: $0.address, isConnected: $0.isConnected) } },
            problems: readiness.reasons,
            // What cannot be read is left out: whether the appliance answers is measured.
            traffic: { (try? driver.statistics(of: $0)) ?? [:] }, connections: { (try? driver.connections(of: $0)) ?? [:] })
        self.init(
            configuration, worker: worker, jobs: APIJobs(observer: observer), events: observer.events, metrics: observer.metrics, log: log)
        observer.metrics.begin(
            WorkerMetrics.Sources(
                identity: (version, settings.driver, function), jobServers: { jobs.servers }, virtualIPs: { virtualIPs.metrics },
                streamClients: { observer.events.clients }, connections: { [weak self] in self?.connections ?? 0 }))
    }
}
