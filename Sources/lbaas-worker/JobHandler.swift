import Controller
import HostSystem
import JobMessages
import JobQueue
import LBaaS

/// Answers the jobs of one connection.
final class JobHandler {
    private let runner: JobRunner
    private let messages = JobMessages()

    init(_ runner: JobRunner) { self.runner = runner }

    /// Answers jobs that came together: what they change is one commit.
    func answer(_ jobs: JobGroup) -> JobQueue.Answers {
        let start = Clock.now()
        let read = jobs.indices.map { job in jobs.withWorkload(of: job) { messages.read($0) } }
        let requests = read.map(\.request)
        var outcomes = runner.perform(requests.compactMap(\.self)).makeIterator()
        var answers: [(handle: String, answer: JobAnswer)] = []
        let responses: [JobQueue.Response] = jobs.indices.map { job in
            let outcome = requests[job] == nil ? nil : outcomes.next() ?? nil
            if requests[job] != nil, outcome == nil { return .later(answerLater(jobs, job, from: start)) }
            let answer = messages.answer(read[job], outcome)
            answers.append((jobs.handle(of: job), answer))
            return .reply(answer.reply)
        }
        let end = Clock.now()
        return JobQueue.Answers(responses: responses) { [runner] in
            for (handle, answer) in answers { runner.log(answer, handle: handle, from: start, to: end) }
        }
    }

    /// What answers a job by itself, on whatever thread.
    private func answerLater(_ jobs: JobGroup, _ job: Int, from start: Timestamp) -> @Sendable () -> JobQueue.Answer {
        let (runner, workload, handle) = (runner, jobs.workload(of: job), jobs.handle(of: job))
        return {
            let answer = runner.answer(unsafe workload.span.bytes, messages: JobMessages())
            let end = Clock.now()
            return JobQueue.Answer(reply: answer.reply) { runner.log(answer, handle: handle, from: start, to: end) }
        }
    }
}
