import HTTPServer
import HostSystem
import LBaaS
import Requests
import Synchronization

/// What was told of load balancers, ready to be sent again as long as nothing was committed since, and what the appliance told is not too old.
final class KeptReports: Sendable {
    /// The response that tells of one load balancer.
    struct Entry: Sendable {
        let response: KeptResponse
        let revision: UInt64
        /// Whether the revision tells everything that the response does.
        let isOfRevision: Bool
        /// The time since the system started up to which it holds.
        let end: Duration

        init(_ report: StateReport, as response: KeptResponse) {
            (self.response, revision, isOfRevision) = (response, report.revision, report.isOfRevision)
            end = Clock.bootTime() + report.validity
        }

        /// Answers a request that reads.
        func answer(_ request: HTTPRequest, _ reply: HTTPReply) {
            if isOfRevision, request.hasAlready(revision) { reply.send(.notModified(revision)) } else { reply.send(response) }
        }
    }

    private struct State {
        /// The version of the state that all entries are of.
        var version: UInt64 = 0
        var entries: [LoadBalancerID: Entry] = [:]
        /// The bytes of their responses, with those that others have taken the place of.
        var size = 0
    }

    /// The most bytes of responses that are kept.
    private static let capacity = 1 << 20
    private let state = Mutex(State())

    /// What is kept of a load balancer; nil where nothing is that holds still.
    func report(on id: LoadBalancerID, at version: UInt64) -> Entry? {
        guard let entry = state.withLock({ $0.version == version ? $0.entries[id] : nil }) else { return nil }
        return Clock.bootTime() < entry.end ? entry : nil
    }

    /// Keeps what was told of a load balancer.
    ///
    /// - Parameter version: that of the state before it was read.
    func keep(_ entry: Entry, of id: LoadBalancerID, at version: UInt64) {
        let old = state.withLock { state in
            if version < state.version { return [LoadBalancerID: Entry]() }
            var old: [LoadBalancerID: Entry] = [:]
            if version > state.version || state.size + entry.response.size > Self.capacity {
                swap(&old, &state.entries)
                state.size = 0
            }
            state.version = version
            state.entries[id] = entry
            state.size += entry.response.size
            return old
        }
        // They are freed outside of the lock.
        withExtendedLifetime(old) {}
    }
}

extension StateReport {
    /// Whether nothing that it tells can change without the revision.
    var isOfRevision: Bool { items.allSatisfy { $0.hasQuorum != nil || $0.entry.loadBalancer.monitor == nil } }
}

extension HTTPRequest {
    /// Whether it reads.
    var isRead: Bool { method == .get || method == .head }
}
