import LBaaS
import Requests

/// What is to be durable.
enum Commitment: Sendable {
    /// Change what is wanted, not begun later than `deadline`. Behind a reference: it is handed on many times.
    indirect case change(WantedChange, ChangeOptions = ChangeOptions(), by: Origin = .jobs, deadline: Timestamp? = nil)
    /// Take it that these real servers, which drain, have finished.
    case finished([Listener: [Drain]])
    /// Take what checks found.
    case health(HealthFindings)
    /// Take it that time has passed for what waits for it.
    case advance([LoadBalancerID])
    /// Take what happened to virtual IPs.
    case virtualIPs([VirtualIPStatusEvent])
    /// Note in the journal what changes nothing.
    case remark(JournalEntry)
    /// Report the traffic, each byte once.
    case metrics(Selection)
}

/// What is to be done, in the order in which it came.
enum Job: Sendable {
    /// Tell what a change would do.
    indirect case plan(WantedChange, ChangeOptions = ChangeOptions(), by: Origin = .jobs)
    /// Ask the appliance what it runs, and put it right: of these load balancers, or, where none are named, everything. The log is told once
    /// from the first part of a resync to the last.
    case resync(of: [LoadBalancerID]? = nil, isFirst: Bool = true)
    /// Note the traffic of these so far, durably; of all where none are named.
    case noteTraffic(of: [LoadBalancerID]? = nil)
    /// Note traffic that was read.
    case note(TrafficReadings)
    /// Do it, durably.
    case commit(Commitment)
}

/// Counters of the appliance that were read before a transaction, without holding it up.
struct TrafficReadings: Sendable {
    /// The counters; a load balancer that the appliance does not run is left out.
    var counters: [LoadBalancerID: [TrafficCounter]] = [:]
    /// How many counter changes the ledger had seen when they were read.
    var sequence: UInt64 = 0
    /// Why they could not be read; nil where they were.
    var failure: String?
}
