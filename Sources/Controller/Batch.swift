import Dispatch
import LBaaS
import Requests

/// Jobs that are committed together, and the threads that wait for them.
///
/// Unchecked because two locks that the compiler does not see guard what changes: jobs are added and taken under the pipeline's lock;
/// the outcomes are written before `done` is left, by the one thread that commits the batch, and read after it was waited for.
final class Batch: @unchecked Sendable {
    private(set) var jobs: [Job] = []
    private var outcomes: [Outcome] = []
    /// Left when the outcomes are there. One call wakes all who wait; there is none as long as only the committing thread has jobs.
    private var done: DispatchGroup?

    /// What is to be done.
    enum Job: Sendable {
        /// Tell what a change would do.
        case plan(WantedChange, isForced: Bool = false)
        /// Ask the appliance what it runs, and put it right.
        case resync
        /// Note the traffic of these so far, durably; of all where none are named.
        case noteTraffic(of: [LoadBalancerID]? = nil)
        /// Do it, durably.
        case commit(Commitment)
    }

    /// What is to be durable.
    enum Commitment: Sendable {
        /// Change the state. Forced, what leaves does so at once, whatever connections it has.
        case change(WantedChange, isForced: Bool = false)
        /// Take it that these real servers, which drain, have finished.
        case finished([Listener: [Drain]])
        /// Want these services of the configuration file, and no others of it.
        case configure([LoadBalancer])
        /// Take what checks report.
        case health(HealthReports)
        /// Take it that time has passed for what waits for it.
        case advance([LoadBalancerID])
        /// Report the traffic, each byte once.
        case metrics(Selection)
    }

    /// Adds the jobs of a thread, under the pipeline's lock; returns their places.
    func add(_ jobs: [Job]) -> Range<Int> {
        let first = self.jobs.count
        self.jobs += jobs
        if first > 0, done == nil {
            done = DispatchGroup()
            done?.enter()
        }
        return first..<self.jobs.count
    }

    /// Waits for the outcomes of jobs that another thread commits.
    func outcomes(of places: Range<Int>) -> [Outcome] {
        done?.wait()
        return Array(outcomes[places])
    }

    /// Lets all who wait go.
    func finish(_ outcomes: [Outcome]) {
        self.outcomes = outcomes
        done?.leave()
    }
}
