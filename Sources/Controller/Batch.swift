import Dispatch
import Requests

/// Jobs that are committed together, and who waits for them.
///
/// Unchecked because two locks that the compiler does not see guard what changes: jobs are added and taken under the pipeline's lock;
/// the outcomes are written before `done` is left, by the one thread that commits the batch, and read after it was waited for.
final class Batch: @unchecked Sendable {
    private let threads: Threads
    private(set) var jobs: [Job] = []
    private var outcomes: [Outcome] = []
    /// Left when the outcomes are there. One call wakes all who wait; there is none as long as only the committing thread has jobs.
    private var done: DispatchGroup?
    /// Who is told the outcomes without having waited for them.
    private var completions: [(places: Range<Int>, completion: @Sendable ([Outcome]) -> Void)] = []

    init(_ threads: Threads) { self.threads = threads }

    /// Adds the jobs of a thread that will wait, under the pipeline's lock; returns their places.
    func add(_ jobs: [Job]) -> Range<Int> {
        let first = self.jobs.count
        self.jobs += jobs
        if first > 0, done == nil {
            done = DispatchGroup()
            done?.enter()
        }
        return first..<self.jobs.count
    }

    /// Adds jobs for which nobody waits, under the pipeline's lock.
    func add(_ jobs: [Job], completion: @escaping @Sendable ([Outcome]) -> Void) {
        let first = self.jobs.count
        self.jobs += jobs
        completions.append((first..<self.jobs.count, completion))
    }

    /// Waits for the outcomes of jobs that another thread commits.
    func outcomes(of places: Range<Int>) -> [Outcome] {
        if let pause = threads.pause {
            while done?.wait(timeout: .now()) == .timedOut { pause() }
        } else {
            done?.wait()
        }
        return Array(outcomes[places])
    }

    /// Lets all who wait go.
    func finish(_ outcomes: [Outcome]) {
        self.outcomes = outcomes
        done?.leave()
        for (places, completion) in completions { completion(Array(outcomes[places])) }
    }
}
