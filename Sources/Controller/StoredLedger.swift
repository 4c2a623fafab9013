import LBaaS
import StateStore

// How the ledger is kept in the store.

extension StoredTraffic {
    init(_ account: TrafficLedger.Account, of id: LoadBalancerID) {
        self.init(
            id: id.text, unreported: account.unreported, total: account.total, totalIn: account.totalIn,
            totalConnections: account.totalConnections,
            readings: account.readings.map { Reading(run: $0.run, bytes: $0.bytesOut, bytesIn: $0.bytesIn, connections: $0.connections) },
            reportedAt: account.reportedAt.microseconds)
    }
}

extension StoredState {
    /// What METRICS has reported.
    var ledger: TrafficLedger {
        TrafficLedger(
            Dictionary(
                traffic.map { stored in
                    let account = TrafficLedger.Account(
                        unreported: stored.unreported, total: stored.total, totalIn: stored.totalIn,
                        totalConnections: stored.totalConnections,
                        readings: stored.readings.map {
                            TrafficCounter(bytesOut: $0.bytes, bytesIn: $0.bytesIn, connections: $0.connections, run: $0.run)
                        },
                        reportedAt: Timestamp(microseconds: stored.reportedAt))
                    return (LoadBalancerID(stored.id), account)
                }, uniquingKeysWith: { first, _ in first }))
    }
}
