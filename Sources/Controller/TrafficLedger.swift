import LBaaS
import Requests

/// What METRICS has reported, so that each byte is reported once.
struct TrafficLedger {
    /// The account of one load balancer.
    struct Account: Hashable, Sendable {
        /// Bytes that were counted and not yet reported.
        var unreported: UInt64 = 0
        /// The counters, as they were read last: each run once. What they counted so far is reported or in `unreported`.
        var readings: [TrafficCounter] = []
        var reportedAt: Timestamp

        /// Takes what the counters counted since they were read last.
        fileprivate mutating func read(_ counters: [TrafficCounter]) {
            for counter in counters { unreported &+= counter.bytes(since: readings.first { $0.run == counter.run }) }
            readings = counters
        }

        /// Takes what a counter counted that has ended. One that was read with more since it was lost says nothing new.
        fileprivate mutating func end(_ counter: TrafficCounter) {
            if let last = readings.firstIndex(where: { $0.run == counter.run }) {
                unreported &+= counter.bytesOut - min(counter.bytesOut, readings[last].bytesOut)
                readings.remove(at: last)
            } else {
                unreported &+= counter.bytesOut
            }
        }

        /// Takes it that a counter begins with what it shows.
        fileprivate mutating func begin(_ counter: TrafficCounter) {
            readings.removeAll { $0.run == counter.run }
            readings.append(counter)
        }
    }

    /// One life of a load balancer, from its creation to its deletion.
    struct Life {
        let createdAt: Timestamp
        /// Whether it begins now: then a counter that has ended is of an earlier one.
        var isNew = false
    }

    private var accounts: [LoadBalancerID: Account]
    private var unsaved: Set<LoadBalancerID> = []

    init(_ accounts: [LoadBalancerID: Account] = [:]) { self.accounts = accounts }

    /// The accounts that the store does not have as they are here.
    var unsavedAccounts: [LoadBalancerID: Account] { unsaved.isEmpty ? [:] : accounts.filter { unsaved.contains($0.key) } }

    /// Reports the traffic of load balancers since their last report.
    ///
    /// - Parameter counters: what the appliance counts now; a load balancer it does not run is left out, and its readings stay.
    /// - Returns: the report, and the accounts to keep once it is durable.
    func report(
        on entries: [WantedState.Entry], counters: [LoadBalancerID: [TrafficCounter]], earlier: [LoadBalancerID: Account], now: Timestamp
    ) -> (report: TrafficReport, accounts: [LoadBalancerID: Account]) {
        var kept: [LoadBalancerID: Account] = [:]
        var start = now
        let lines = entries.map { entry in
            let id = entry.loadBalancer.id
            var account = earlier[id] ?? accounts[id] ?? Account(reportedAt: entry.createdAt)
            start = min(start, account.reportedAt)
            if let counters = counters[id] { account.read(counters) }
            let bytes = account.unreported
            account.unreported = 0
            account.reportedAt = now
            kept[id] = account
            return TrafficReport.Entry(id: id, serviceProtocol: entry.loadBalancer.serviceProtocol, bytesOut: bytes)
        }
        return (TrafficReport(start: start, end: now, entries: lines), kept)
    }

    /// The accounts of which counters have ended or begun, with what these counted.
    ///
    /// - Parameters:
    ///   - outcomes: what counters ended and began with, one after the other.
    ///   - life: of a load balancer; nil for one that is gone, of which nobody can ask any more.
    func changing(
        _ outcomes: [GroupOutcome], earlier: [LoadBalancerID: Account], life: (LoadBalancerID) -> Life?
    ) -> [LoadBalancerID: Account] {
        var changed: [LoadBalancerID: Account] = [:]
        func change(_ id: LoadBalancerID, _ body: (inout Account, Life) -> Void) {
            guard let life = life(id) else { return }
            var account = changed[id] ?? earlier[id] ?? accounts[id] ?? Account(reportedAt: life.createdAt)
            body(&account, life)
            changed[id] = account
        }
        for outcome in outcomes {
            for (id, counters) in outcome.ended {
                change(id) { account, life in
                    if life.isNew { return }
                    for counter in counters { account.end(counter) }
                }
            }
            for (id, counters) in outcome.began {
                change(id) { account, _ in
                    for counter in counters { account.begin(counter) }
                }
            }
        }
        return changed
    }

    /// Takes what the counters show, for the next report: a counter that is lost until then takes less with it.
    mutating func read(_ counters: [LoadBalancerID: [TrafficCounter]], createdAt: (LoadBalancerID) -> Timestamp?) {
        for (id, counters) in counters {
            guard let createdAt = createdAt(id) else { continue }
            var account = accounts[id] ?? Account(reportedAt: createdAt)
            if account.readings == counters { continue }
            account.read(counters)
            keepUnsaved([id: account])
        }
    }

    /// Keeps accounts that the store has.
    mutating func keep(_ accounts: [LoadBalancerID: Account]) {
        self.accounts.merge(accounts) { _, new in new }
        unsaved.subtract(accounts.keys)
    }

    /// Keeps accounts that the store does not have yet.
    mutating func keepUnsaved(_ accounts: [LoadBalancerID: Account]) {
        keep(accounts)
        unsaved.formUnion(accounts.keys)
    }

    /// Takes it that the store has everything.
    mutating func saved() { unsaved = [] }

    /// Forgets the account of a load balancer that was deleted.
    mutating func close(_ id: LoadBalancerID) {
        accounts[id] = nil
        unsaved.remove(id)
    }
}

extension TrafficCounter {
    /// The bytes since an earlier reading; all of them where the counter began anew since.
    fileprivate func bytes(since last: TrafficCounter?) -> UInt64 {
        guard let last, last.bytesOut <= bytesOut else { return bytesOut }
        return bytesOut - last.bytesOut
    }
}
