import JobMessages
import LBaaS
import StateStore

/// What METRICS has reported, so that each byte is reported once.
struct TrafficLedger {
    /// The last report of one load balancer.
    struct Account: Hashable, Sendable {
        var counter: TrafficCounter
        var reportedAt: Timestamp
    }

    private var accounts: [LoadBalancerID: Account]

    init(_ accounts: [LoadBalancerID: Account] = [:]) { self.accounts = accounts }

    /// Reports the traffic of load balancers since their last report.
    ///
    /// - Parameter counters: what the appliance counts now; a load balancer it does not run is left out, and its account stays.
    /// - Returns: the report, and the accounts to keep once it is durable.
    func report(
        on entries: [WantedState.Entry], counters: [LoadBalancerID: TrafficCounter], earlier: [LoadBalancerID: Account], now: Timestamp
    ) -> (report: TrafficReport, accounts: [LoadBalancerID: Account]) {
        var kept: [LoadBalancerID: Account] = [:]
        var start = now
        let lines = entries.map { entry in
            let id = entry.loadBalancer.id
            let last = earlier[id] ?? accounts[id]
            start = min(start, last?.reportedAt ?? entry.createdAt)
            let counter = counters[id] ?? last?.counter ?? TrafficCounter(bytesOut: 0, run: 0)
            kept[id] = Account(counter: counter, reportedAt: now)
            return TrafficReport.Entry(
                id: id, serviceProtocol: entry.loadBalancer.serviceProtocol, bytesOut: counter.bytes(since: last?.counter))
        }
        return (TrafficReport(start: start, end: now, entries: lines), kept)
    }

    /// Keeps accounts.
    mutating func keep(_ accounts: [LoadBalancerID: Account]) { self.accounts.merge(accounts) { _, new in new } }

    /// Forgets the account of a load balancer that was deleted.
    mutating func close(_ id: LoadBalancerID) { accounts[id] = nil }
}

extension TrafficCounter {
    /// The bytes since an earlier reading; all of them where the counter began anew since.
    fileprivate func bytes(since last: TrafficCounter?) -> UInt64 {
        guard let last, last.run == run, last.bytesOut <= bytesOut else { return bytesOut }
        return bytesOut - last.bytesOut
    }
}
