import FleetModel
import FleetStore
import GearmanClient
import HostSystem
import JSON
import JobQueue
import LBaaS
import Synchronization

/// Drives one worker, on a thread of its own: sends the newest wanted state whenever the worker does not have it, writes what it has settled,
/// and asks from time to time how its nodes are.
///
/// One job is under way at a time. What changes meanwhile goes with the next one, together.
final class WorkerDriver: Sendable {
    /// The function of the worker.
    let worker: String
    let context: DispatchContext
    let thread = Outbox(Wishes())

    /// What others have told it.
    struct Wishes: Sendable {
        /// Whether the worker may not have what it had.
        var isInDoubt = false
    }

    /// The longest that a worker may take for a change, as clients of libra have it.
    static let changeLimit: Duration = .seconds(120)
    /// The longest that it may take to report.
    static let reportLimit: Duration = .seconds(30)
    /// The longest time until the store is tried again.
    private static let storePause: Duration = .seconds(1)
    /// How long all job servers may be away until the worker counts as away.
    private static let outageLimit: Duration = .seconds(10)

    init(_ worker: String, _ context: DispatchContext) { (self.worker, self.context) = (worker, context) }

    /// Starts the thread.
    ///
    /// - Returns: false where the system has no thread to spare.
    func start() -> Bool {
        thread.start { [self] in
            var round = Round(context.intervals)
            while !thread.isStopping {
                let isInDoubt = thread.with { wishes in
                    defer { wishes = Wishes() }
                    return wishes.isInDoubt
                }
                if isInDoubt { round.forget() }
                let rest = step(&round)
                _ = thread.wait(until: Deadline(in: rest))
            }
        }
    }

    /// Says that something has changed.
    func wake() { thread.tell { _ in } }

    /// Says that the worker may not have what it had.
    func doubt() { thread.tell { $0.isInDoubt = true } }

    /// Ends the thread behind the job that is under way; that one is waited for no longer.
    func stop() { _ = thread.stop(within: .zero) }

    /// Waits for the end of the thread.
    func join(within limit: Duration) { _ = thread.stop(within: limit) }
}

extension WorkerDriver {
    /// What the thread knows of the worker.
    struct Round {
        var client = GearmanClient()
        var tokenizer = JSONTokenizer()
        /// The revision up to which the worker has everything; nil where that is not known.
        var synced: Int?
        /// What it has refused.
        var refused: [String: SettledRecord.Refusal] = [:]
        /// Whether it has virtual IPs of the fleet; nil where that is not known.
        var hasVirtualIPs: Bool?
        /// The load balancers that it has.
        var names: Set<String> = []
        /// Those that it told of the last time.
        var told: Set<String> = []
        /// What it said of itself.
        var version, driver: String?
        /// When to try again after a failure.
        var retry = Deadline(in: .zero)
        var backoff: Backoff
        /// The revision of the state that the worker could not take; nil where it could.
        var failed: Int?
        /// When to ask for nodes, and after how many more times for traffic. Workers are not asked all at the same time.
        var report = Deadline(in: .zero)
        var reportsUntilTraffic = 0
        /// When to offer again what was refused.
        var offer = Deadline(in: .zero)
        /// Since when it is at no job server; nil where it is at one.
        var absence: Duration?
        /// What was logged last, so that it is not logged again and again.
        var complaint: String?

        init(_ intervals: Dispatcher.Intervals) { backoff = Backoff(first: intervals.retry, maximum: intervals.longestRetry) }

        /// Takes it that the worker may not have what it had.
        mutating func forget() {
            (synced, refused, told, hasVirtualIPs) = (nil, [:], [], nil)
            retry = Deadline(in: .zero)
            backoff.reset()
            failed = nil
        }
    }

    /// Does what is due.
    ///
    /// - Returns: how long there is nothing to do, unless something changes.
    private func step(_ round: inout Round) -> Duration {
        guard context.lease.isValid else { return .seconds(1) }
        guard let server = context.presence.server(of: worker) else { return beAway(&round) }
        if round.absence != nil {
            round.absence = nil
            round.forget()
        }
        // What has changed since may be what was wrong.
        if !round.retry.isOver, !(round.failed.map(isOutdated) ?? false) { return round.retry.rest }
        if !round.refused.isEmpty, round.offer.isOver { round.forget() }
        do throws(DriverFailure) {
            if needsTransfer(round) {
                try transfer(&round, server)
                return .zero
            }
            if try leave(round) { return .seconds(3600) }
            try settleDeletions(round)
            if round.report.isOver { try report(&round, server) }
            round.backoff.reset()
            round.failed = nil
            return min(round.report.rest, round.refused.isEmpty ? .seconds(3600) : round.offer.rest)
        } catch {
            return fail(error, &round)
        }
    }

    /// Why a step was not done.
    enum DriverFailure: Error {
        /// The worker cannot do what it was asked for; with the revision of the state that it was to take, where it was that.
        case worker(String, tried: Int? = nil)
        /// There is no answer of the worker.
        case silent(GearmanFailure)
        /// The store does not serve.
        case store(FleetStoreError)
    }

    private func fail(_ failure: DriverFailure, _ round: inout Round) -> Duration {
        var pause = Duration.seconds(round.backoff.next(share: .random(in: 0...1)))
        if case .store = failure { pause = min(pause, Self.storePause) }
        round.retry = Deadline(in: pause)
        round.failed = nil
        switch failure {
        // Another server was faster.
        case .store(let error) where error.code == .conflict: break
        case .store(let error): complain("the store does not take what a worker has settled", error.message, &round)
        case .silent(let failure):
            // Whether it did what it was asked for is not known.
            if failure.code != .cancelled {
                round.synced = nil
                complain("a worker does not answer", failure.message, &round)
                note(HostRecord(away: Clock.now(), version: round.version, lastError: failure.message))
            }
        case .worker(let sentence, let tried):
            round.synced = nil
            round.failed = tried
            complain("a worker cannot take the state of the fleet", sentence, &round)
            note(HostRecord(version: round.version, lastError: sentence, failedRevision: tried))
        }
        return pause
    }

    private func complain(_ message: String, _ reason: String, _ round: inout Round) {
        if round.complaint == reason { return }
        round.complaint = reason
        context.log.write(.warning, message, [("worker", worker), ("reason", reason)])
    }

    /// Takes it that the worker is at no job server.
    private func beAway(_ round: inout Round) -> Duration {
        let now = Clock.bootTime()
        let since = round.absence ?? now
        round.absence = since
        let outage = context.presence.jobServers.filter { $0.failure != nil }
        let isOutage = outage.count == context.presence.jobServers.count
        if isOutage, now - since < Self.outageLimit { return Self.outageLimit - (now - since) }
        let known = context.cache.read { $0.hosts[worker]?.record }
        if let known, known.away == nil {
            let reason = isOutage ? "no job server is reached: \(outage.first?.failure ?? "")" : "it is connected to no job server"
            note(HostRecord(away: Clock.now(), version: known.version, lastError: reason))
            context.log.write(.warning, "a worker is away", [("worker", worker), ("reason", reason)])
        }
        return .seconds(3600)
    }
}
