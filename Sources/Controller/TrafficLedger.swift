import LBaaS
import Requests

/// What METRICS has reported, so that each byte is reported once.
struct TrafficLedger {
    /// The account of one load balancer.
    struct Account: Hashable, Sendable {
        /// Bytes that were counted and not yet reported.
        var unreported: UInt64 = 0
        /// What was ever counted, reported or not: bytes to clients and from them, and their connections.
        var total: UInt64 = 0, totalIn: UInt64 = 0, totalConnections: UInt64 = 0
        /// The counters, as they were read last: each run once. What they counted so far is reported or in `unreported`.
        var readings: [TrafficCounter] = []
        var reportedAt: Timestamp

        /// Takes what the counters counted since they were read last.
        fileprivate mutating func read(_ counters: [TrafficCounter]) {
            for counter in counters {
                // All of it where the counter began anew since.
                let last = readings.first { $0.run == counter.run && $0.bytesOut <= counter.bytesOut }
                count(counter, since: last)
            }
            readings = counters
        }

        private mutating func count(_ counter: TrafficCounter, since last: TrafficCounter?) {
            func grown(_ value: UInt64, since last: UInt64?) -> UInt64 { value - min(value, last ?? 0) }
            let bytesOut = grown(counter.bytesOut, since: last?.bytesOut)
            unreported &+= bytesOut
            total &+= bytesOut
            totalIn &+= grown(counter.bytesIn, since: last?.bytesIn)
            totalConnections &+= grown(counter.connections, since: last?.connections)
        }

        /// Takes what a counter counted that has ended. One that was read with more since it was lost says nothing new.
        fileprivate mutating func end(_ counter: TrafficCounter) {
            let last = readings.firstIndex { $0.run == counter.run }
            count(counter, since: last.map { readings[$0] })
            if let last { readings.remove(at: last) }
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
    /// How many times counters ended or began: a reading from before a change of its load balancer is out of date.
    private(set) var sequence: UInt64 = 0
    /// The sequence at the last change of each load balancer's counters.
    private var changedAt: [LoadBalancerID: UInt64] = [:]
    /// The sequence when an account was closed last: a reading from before can be of a load balancer that was deleted since.
    private var closedAt: UInt64 = 0

    init(_ accounts: [LoadBalancerID: Account] = [:]) { self.accounts = accounts }

    /// The accounts that the store does not have as they are here.
    var unsavedAccounts: [LoadBalancerID: Account] { unsaved.isEmpty ? [:] : accounts.filter { unsaved.contains($0.key) } }

    /// Reports the traffic of load balancers since their last report.
    ///
    /// - Parameter traffic: what the appliance counts; of a load balancer that it does not run the readings stay, and so do those of one
    ///   whose counters changed since it was asked.
    /// - Returns: the report, and the accounts to keep once it is durable.
    func report(
        on entries: [WantedState.Entry], traffic: TrafficReadings, earlier: [LoadBalancerID: Account], now: Timestamp
    ) -> (report: TrafficReport, accounts: [LoadBalancerID: Account]) {
        var kept: [LoadBalancerID: Account] = [:]
        var start = now
        let lines = entries.map { entry in
            let id = entry.loadBalancer.id
            var account = earlier[id] ?? accounts[id] ?? Account(reportedAt: entry.createdAt)
            start = min(start, account.reportedAt)
            if let counters = traffic.counters[id], isCurrent(traffic, of: id) { account.read(counters) }
            let bytes = account.unreported
            account.unreported = 0
            account.reportedAt = now
            kept[id] = account
            return TrafficReport.Entry(
                id: id, serviceProtocol: entry.loadBalancer.serviceProtocol, bytesOut: bytes, totalOut: account.total,
                totalIn: account.totalIn, totalConnections: account.totalConnections)
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

    private func isCurrent(_ traffic: TrafficReadings, of id: LoadBalancerID) -> Bool {
        traffic.sequence == sequence || changedAt[id] ?? (accounts[id] == nil ? closedAt : 0) <= traffic.sequence
    }

    /// Takes what the counters show, for the next report: a counter that is lost until then takes less with it.
    mutating func read(_ traffic: TrafficReadings, createdAt: (LoadBalancerID) -> Timestamp?) {
        for (id, counters) in traffic.counters where isCurrent(traffic, of: id) {
            guard let createdAt = createdAt(id) else { continue }
            var account = accounts[id] ?? Account(reportedAt: createdAt)
            if account.readings == counters { continue }
            account.read(counters)
            keepUnsaved([id: account])
        }
    }

    /// The account of a load balancer; nil where there is none yet.
    func account(of id: LoadBalancerID) -> Account? { accounts[id] }

    /// Notes that counters of these ended or began.
    mutating func countersChanged(of ids: some Sequence<LoadBalancerID>) {
        sequence += 1
        for id in ids { changedAt[id] = sequence }
    }

    /// Takes accounts as they were: what was kept of them is not durable. What was read before is out of date.
    mutating func restore(_ accounts: [LoadBalancerID: Account?]) {
        countersChanged(of: accounts.keys)
        for (id, account) in accounts {
            self.accounts[id] = account
            if account == nil { unsaved.remove(id) } else { unsaved.insert(id) }
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
        changedAt[id] = nil
        unsaved.remove(id)
        sequence += 1
        closedAt = sequence
    }
}
