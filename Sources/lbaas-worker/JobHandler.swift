import HostSystem
import JobMessages
import JobQueue
import LBaaS
import Requests

/// Answers the jobs of one connection.
final class JobHandler {
    private let core: any RequestHandler
    private let observer: WorkerObserver
    private let messages = JobMessages()

    init(_ core: any RequestHandler, observer: WorkerObserver) {
        self.core = core
        self.observer = observer
    }

    /// Answers jobs that came together: what they change is one commit.
    func answer(_ jobs: JobGroup) -> JobQueue.Answers {
        let start = Clock.steady()
        let handles = jobs.indices.map { jobs.handle(of: $0) }
        let read = jobs.indices.map { self.read(jobs, $0) }
        var requests: [Request] = []
        var origins: [Origin] = []
        for (job, handle) in zip(read, handles) {
            guard let request = job.request else { continue }
            requests.append(request)
            origins.append(Origin(.jobs, name: handle))
        }
        var outcomes = core.perform(requests, from: origins).makeIterator()
        var answered: [AnsweredJob] = []
        let responses: [JobQueue.Response] = jobs.indices.map { job in
            let outcome = read[job].isUnderstood ? outcomes.next() ?? nil : nil
            if read[job].isUnderstood, outcome == nil { return .later(answerLater(jobs, job, from: start)) }
            let answer = messages.answer(read[job], outcome)
            answered.append(AnsweredJob(handle: handles[job], answer: answer))
            return .reply(answer.reply)
        }
        let end = Clock.steady()
        return JobQueue.Answers(responses: responses) { [observer] in
            for job in answered { observer.answered(job.answer, handle: job.handle, from: start, to: end) }
        }
    }

    private func read(_ jobs: JobGroup, _ job: Int) -> ReadJob {
        if jobs.isTooLong(job) { return messages.refuse(length: jobs.length(of: job)) }
        return jobs.withWorkload(of: job) { messages.read($0) }
    }

    /// What answers a job by itself, on whatever thread.
    private func answerLater(_ jobs: JobGroup, _ job: Int, from start: Timestamp) -> @Sendable () -> JobQueue.Answer {
        let (core, observer, workload, handle) = (core, observer, jobs.workload(of: job), jobs.handle(of: job))
        return {
            let answer = JobMessages().answer(unsafe workload.span.bytes) { core.perform($0, from: Origin(.jobs, name: handle)) }
            let end = Clock.steady()
            return JobQueue.Answer(reply: answer.reply) { observer.answered(answer, handle: handle, from: start, to: end) }
        }
    }
}

/// A job that was answered, for its line in the log.
private struct AnsweredJob {
    let handle: String
    let answer: JobAnswer
}

extension Log {
    /// Writes the line of a job. Its client need not wait for that.
    ///
    /// - Parameters:
    ///   - answer: what the job was.
    ///   - handle: the job server's name of the job, or who sent it by the API.
    ///   - start: when it came.
    ///   - end: when it was answered.
    func write(_ answer: JobAnswer, handle: String, from start: Timestamp, to end: Timestamp) {
        write(
            answer.error == nil ? .info : .warning, "job",
            Self.fields(of: answer, handle: handle, microseconds: end.microseconds - start.microseconds))
    }

    private static func fields(of answer: JobAnswer, handle: String, microseconds: Int64) -> [Log.Field] {
        var fields: [Log.Field] = [
            ("handle", handle), ("action", answer.action), ("outcome", answer.error == nil ? "PASS" : "FAIL"),
            ("ms", Self.milliseconds(microseconds)),
        ]
        if !answer.loadBalancers.isEmpty { fields.append(("load_balancers", answer.loadBalancers.shown)) }
        if !answer.virtualIPs.isEmpty { fields.append(("virtual_ips", answer.virtualIPs.shown)) }
        if answer.isDryRun { fields.append(("dry_run", "yes")) }
        if let error = answer.error { fields.append(("error", error)) }
        return fields
    }
}
