import LBaaS
import Synchronization

/// How many connections nodes have, as the appliance told within the last second.
final class ConnectionCounts: Sendable {
    fileprivate struct Entry: Sendable {
        let time: Timestamp
        let counts: [NodeID: UInt64]
    }

    /// How long what the appliance told is passed on.
    static let validity: Int64 = 1_000_000
    /// Of how many load balancers it is kept.
    private static let capacity = 1024

    private let entries = Mutex<[LoadBalancerID: Entry]>([:])

    /// Whether it is known of all of these.
    func has(_ ids: [LoadBalancerID], at now: Timestamp) -> Bool {
        entries.withLock { entries in ids.allSatisfy { entries[$0]?.isValid(at: now) ?? false } }
    }

    /// When the appliance was asked about a load balancer; nil where it was not.
    func time(of id: LoadBalancerID) -> Timestamp? { entries.withLock { $0[id]?.time } }

    /// What was told last of a load balancer.
    subscript(id: LoadBalancerID) -> [NodeID: UInt64] { entries.withLock { $0[id]?.counts ?? [:] } }

    /// Asks about those of which it is not known. One that the appliance does not tell of has no counts.
    func ask(_ driver: any LoadBalancerDriver, about loadBalancers: [LoadBalancer], at now: Timestamp) {
        let unknown = entries.withLock { entries in loadBalancers.filter { !(entries[$0.id]?.isValid(at: now) ?? false) } }
        if unknown.isEmpty { return }
        let told = (try? driver.connections(of: unknown.map(\.id))) ?? [:]
        entries.withLock { entries in
            if entries.count + unknown.count > Self.capacity { entries = entries.filter { $0.value.isValid(at: now) } }
            if entries.count + unknown.count > Self.capacity { entries = [:] }
            for loadBalancer in unknown { entries[loadBalancer.id] = Entry(time: now, counts: told[loadBalancer.id] ?? [:]) }
        }
    }
}

extension ConnectionCounts.Entry {
    fileprivate func isValid(at now: Timestamp) -> Bool {
        (0..<ConnectionCounts.validity).contains(now.microseconds - time.microseconds)
    }
}
