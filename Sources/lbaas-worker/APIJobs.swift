import HostSystem
import JobMessages
import LBaaS
import Requests
import WorkerAPI

/// Reads and answers the jobs of the API as those of job servers are.
struct APIJobs: JobTranslator {
    private let log: Log

    init(log: Log) { self.log = log }

    func read(_ text: [UInt8], from client: String) -> any TranslatedJob { APIJob(text, from: client, log: log) }
}

/// A job of the API.
///
/// Unchecked because it is made by one thread and answered once, by one other that got it from there.
private final class APIJob: TranslatedJob, @unchecked Sendable {
    private let client: String
    private let log: Log
    private let start = Clock.steady()
    private let messages = JobMessages()
    private let job: ReadJob

    init(_ text: [UInt8], from client: String, log: Log) {
        self.client = client
        self.log = log
        job = unsafe messages.read(text.span.bytes)
    }

    var request: Request? { job.request }

    func answer(_ outcome: Outcome?) -> JobResult {
        let answer = messages.answer(job, outcome)
        let end = Clock.steady()
        return JobResult(reply: answer.reply, error: answer.error) { [log, client, start] in
            log.write(answer, handle: client, from: start, to: end)
        }
    }
}

extension APIIntake {
    /// The API of this worker.
    convenience init(
        _ configuration: APIConfiguration, of settings: Settings, jobs: JobIntake, events: WorkerEvents, version: String, log: Log
    ) {
        let worker = WorkerDescription(
            version: version, driver: settings.driver, function: settings.function ?? hostName(), start: Clock.moment().wall
        ) {
            jobs.servers.map { WorkerDescription.JobServer(address: $0.address, isConnected: $0.isConnected) }
        }
        self.init(configuration, worker: worker, jobs: APIJobs(log: log), events: events, log: log)
    }
}
