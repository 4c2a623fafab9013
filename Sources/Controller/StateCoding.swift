import JobMessages
import LBaaS
import StateStore

// How the values of this room are kept in the store.

extension WantedState.Entry {
    var row: StoredLoadBalancerRow {
        StoredLoadBalancerRow(
            id: loadBalancer.id.text, text: StoredLoadBalancer.text(of: loadBalancer), isSuspended: loadBalancer.isSuspended,
            createdAt: createdAt.microseconds)
    }
}

extension StoredTraffic {
    init(_ account: TrafficLedger.Account, of id: LoadBalancerID) {
        self.init(
            id: id.text, bytes: account.counter.bytesOut, run: account.counter.run, reportedAt: account.reportedAt.microseconds)
    }
}

extension StoredState {
    /// The wanted state.
    ///
    /// - Throws: where a text is not a load balancer any more.
    func wantedState() throws(StartFailure) -> WantedState {
        guard let reader = StoredLoadBalancerReader() else { throw StartFailure(.memory, "out of memory") }
        var entries: [WantedState.Entry] = []
        entries.reserveCapacity(loadBalancers.count)
        for row in loadBalancers {
            entries.append(try row.entry(reader))
        }
        return WantedState(
            entries: entries, deleted: DeletedIdentities(deleted.map { LoadBalancerID($0) }), isEmptyByDelete: isEmptyByDelete)
    }

    /// What METRICS has reported.
    var ledger: TrafficLedger {
        TrafficLedger(
            Dictionary(
                traffic.map { stored in
                    let counter = TrafficCounter(bytesOut: stored.bytes, run: stored.run)
                    let reportedAt = Timestamp(microseconds: stored.reportedAt)
                    return (LoadBalancerID(stored.id), TrafficLedger.Account(counter: counter, reportedAt: reportedAt))
                }, uniquingKeysWith: { first, _ in first }))
    }
}

extension StoredLoadBalancerRow {
    fileprivate func entry(_ reader: StoredLoadBalancerReader) throws(StartFailure) -> WantedState.Entry {
        do throws(StoredLoadBalancerReader.Damage) {
            var loadBalancer = try reader.loadBalancer(from: text)
            guard loadBalancer.id.text == id else {
                throw StoredLoadBalancerReader.Damage(reason: "its text is that of \(quoted(loadBalancer.id.text))")
            }
            loadBalancer.isSuspended = isSuspended
            return WantedState.Entry(loadBalancer: loadBalancer, createdAt: Timestamp(microseconds: createdAt))
        } catch {
            throw StartFailure(
                .state, "the state of load balancer \(quoted(id)) cannot be read: \(error.reason); restore the state from a backup")
        }
    }
}

/// Why the worker cannot begin.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The state cannot be opened or trusted.
        case state
        /// The appliance cannot be asked what it runs.
        case appliance
        /// There is no memory.
        case memory
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
