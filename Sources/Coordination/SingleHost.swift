import Synchronization

/// One host alone. It owns each of its names at once, as long as it is healthy, and needs nothing for it.
package final class SingleHost: Coordination {
    private struct State: Sendable {
        var receive: (@Sendable (OwnershipNotice) -> Void)?
        var isHealthy: [String: Bool] = [:]
        var policies: [String: OwnershipPolicy] = [:]
    }

    private let host: String
    private let state = Mutex(State())
    private let notices = NoticeQueue()

    /// - Parameter host: the id of this host, for reports.
    package init(host: String) { self.host = host }

    /// Begins, and tells from now on what becomes of the names.
    package func start(_ receive: @escaping @Sendable (OwnershipNotice) -> Void) {
        notices.start(receive)
        let names = state.withLock { $0.isHealthy.filter(\.value).keys.sorted() }
        notices.tell(names.map { .owned($0, until: nil) })
    }

    /// Takes part in a name, or changes how; nil takes part no more.
    package func set(_ name: String, _ candidacy: Candidacy?) {
        let isOwner = candidacy?.isHealthy ?? false
        let (wasOwner, isPolicyNew) = state.withLock { state in
            defer { (state.isHealthy[name], state.policies[name]) = (candidacy?.isHealthy, candidacy?.policy) }
            return (state.isHealthy[name] ?? false, state.policies[name] != candidacy?.policy)
        }
        if isOwner != wasOwner || isOwner && isPolicyNew { notices.tell([isOwner ? .owned(name, until: nil) : .lost(name, .released)]) }
    }

    /// - Throws: always, for there is no other host.
    package func failOver(_ name: String, to host: String?) throws(CoordinationError) {
        if let refusal = refusal(ofFailingOver: name, to: host) { throw refusal }
    }

    /// There is always a reason, for there is no other host.
    package func refusal(ofFailingOver name: String, to host: String?) -> CoordinationError? {
        state.withLock { $0.isHealthy[name] ?? false } ? .noCandidate(name, host) : .notOwner(name)
    }

    /// Has no effect: there is nobody to share with.
    package func share(_ values: [SharedValue]) {}

    /// Has no effect.
    package func assume(_ name: String) {}

    /// What is known about all names, in their order.
    package func report() -> [OwnershipReport] {
        state.withLock { $0.isHealthy }.sorted { $0.key < $1.key }
            .map { OwnershipReport(name: $0.key, owner: $0.value ? host : nil, isOwned: $0.value) }
    }

    /// Ends.
    package func stop(releasing: Bool, within limit: Duration) -> Bool {
        let names = state.withLock { state in
            defer { state.isHealthy = [:] }
            return state.isHealthy.filter(\.value).keys.sorted()
        }
        if releasing { notices.tell(names.map { .lost($0, .released) }) }
        notices.end()
        return true
    }
}

extension CoordinationError {
    static func notOwner(_ name: String) -> CoordinationError {
        CoordinationError(.notOwner, "\(name): this host does not own it, so it cannot fail over from here")
    }

    static func noCandidate(_ name: String, _ host: String?) -> CoordinationError {
        let why =
            host.map { "host \($0) does not take part in it, is not healthy, or is not alive" }
            ?? "no other host that is alive and healthy takes part in it"
        return CoordinationError(.noCandidate, "\(name): \(why)")
    }
}
