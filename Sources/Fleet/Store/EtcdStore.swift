package import Etcd
import HostSystem
package import LBaaS
import Synchronization

/// A store in an etcd cluster, of 1, 3 or 5 members, below a prefix of keys.
///
/// Reads have all that was committed, for which a majority of the members must work. Each member is tried in turn, and all of them again until
/// the limit of the request is over. So a request outlives the loss of a minority, and the election of a leader where its limit is longer
/// than that.
///
/// A lifetime is a lease of etcd's. The leader of the cluster counts it by a clock that nobody sets, so that servers need no common time; the
/// other way, an end in the value that servers look at, would end keys early by as much as one of their clocks is ahead. A lease is never
/// too short: with Debian's etcd 3.4.23, and 6 s, a key was gone 6.2 to 6.4 s after it was put. It begins anew with each leader: where
/// the leader was killed after 4.2 s, the key was gone after 11.6 s.
///
/// A value in etcd begins with 16 bytes that are random for each transaction. By these a transaction that was sent, and not answered, is found
/// to be carried out.
package final class EtcdStore: FleetStore {
    /// Which keys of which cluster a store has.
    package struct Settings: Sendable {
        /// The cluster. `requestLimit` has no meaning here.
        package var etcd: EtcdConfiguration
        /// What the keys in etcd begin with: `/lbaas/NAME/fleet/`, printable ASCII with a slash at the end.
        package var prefix: String
        /// The longest time without a message to a watch, after which it asks the next member. Nothing is lost by that.
        package var watchSilence: Duration = .seconds(10)
        /// Where interruptions are logged.
        package var log: Log = .silent

        /// A store in a cluster.
        package init(etcd: EtcdConfiguration, prefix: String) { (self.etcd, self.prefix) = (etcd, prefix) }
    }

    private let settings: Settings
    private let client: EtcdClient
    private let isInterrupted = Atomic(false)

    /// The bytes of the id of a transaction, before each value.
    private static let idSize = 16
    /// The longest time between two rounds of all members, in seconds.
    private static let longestPause = 0.25

    /// A store, which makes no connection before the first request.
    ///
    /// - Throws: `configuration`.
    package init(_ settings: Settings) throws(FleetStoreError) {
        let prefix = settings.prefix
        guard prefix.hasPrefix("/"), prefix.hasSuffix("/"), prefix.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw FleetStoreError(.configuration, "the prefix '\(prefix)' of the keys in etcd does not begin and end with a slash")
        }
        do throws(EtcdError) {
            client = try EtcdClient(settings.etcd)
        } catch {
            throw FleetStoreError(error)
        }
        self.settings = settings
    }

    /// Reads a key.
    package func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? {
        try StoreLimits.check(key: key)
        let snapshot = try request(until: Deadline(in: limit)) { (rest) throws(EtcdError) in
            try self.client.range(.key(self.settings.prefix + key), within: rest)
        }
        return try snapshot.entries.first.map(entry)
    }

    /// Reads a page.
    package func list(
        _ prefix: String, after key: String?, most: Int, within limit: Duration
    ) throws(FleetStoreError) -> StorePage {
        try StoreLimits.check(prefix: prefix, after: key, most: most)
        let all = EtcdRange.prefix(settings.prefix + prefix)
        // A key before all others is not behind the prefix.
        let range = key.flatMap { $0 < prefix ? nil : all.rest(after: settings.prefix + $0) } ?? all
        let deadline = Deadline(in: limit)
        var count = most
        while true {
            do throws(FleetStoreError) {
                let asked = count
                let snapshot = try request(until: deadline) { (rest) throws(EtcdError) in
                    try self.client.range(range, most: asked, within: rest)
                }
                var entries: [StoreEntry] = []
                for found in snapshot.entries { entries.append(try entry(found)) }
                return StorePage(entries: entries, revision: snapshot.revision, hasMore: snapshot.hasMore)
            } catch {
                // The answer has a limit, and one value fits in it many times.
                guard error.code == .tooLarge, count > 1 else { throw error }
                count = min(count / 2, settings.etcd.largestAnswer / (StoreLimits.valueSize * 2))
                if count == 0 { throw error }
            }
        }
    }

    /// Carries out a transaction.
    @discardableResult
    package func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        try transaction.check()
        let deadline = Deadline(in: limit)
        let attempt = Attempt(transaction, prefix: settings.prefix)
        var leases: [Int: Int] = [:]
        for lifetime in attempt.lifetimes {
            leases[lifetime] = try request(until: deadline) { (rest) throws(EtcdError) in
                try self.client.grantLease(seconds: lifetime, within: rest)
            }
        }
        let text = attempt.request(leases: leases)
        var isUnanswered = false
        let result = try request(until: deadline, isRepeatable: transaction.isRepeatable) { (rest) throws(EtcdError) in
            do throws(EtcdError) {
                return try self.client.transact(text, within: rest)
            } catch {
                if error.mayBeApplied { isUnanswered = true }
                throw error
            }
        }
        return try attempt.outcome(of: result, isUnanswered: isUnanswered)
    }

    /// Watches keys.
    package func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch {
        try StoreLimits.check(prefix: prefix)
        do throws(EtcdError) {
            let watch = try client.watch(
                .prefix(settings.prefix + prefix), after: revision, silence: settings.watchSilence,
                requestLimit: settings.etcd.endpointLimit
            ) { [self] in follow($0, receive) }
            return StoreWatch(end: watch.cancel, wait: watch.join)
        } catch {
            throw FleetStoreError(error)
        }
    }
}

extension EtcdStore {
    private func follow(_ update: EtcdWatch.Update, _ receive: (StoreUpdate) -> Void) {
        switch update {
        case .changes(let changes, let revision):
            note(nil)
            let ours = changes.compactMap(change)
            if !ours.isEmpty { receive(.changes(ours, revision: revision)) }
        case .lost(let error): receive(.lost(FleetStoreError(.compacted, "\(error.message); read everything again")))
        // Nothing came for as long as a watch waits: that is how a quiet store is.
        case .interrupted(let error): if error.code != .timedOut { note(error) }
        case .opened, .progress, .snapshot: break
        }
    }

    /// Logs the first failure of an outage.
    private func note(_ error: EtcdError?) {
        let wasInterrupted = isInterrupted.exchange(error != nil, ordering: .relaxed)
        if let error, !wasInterrupted { settings.log.write(.warning, "etcd does not serve the store", [("reason", error.message)]) }
    }

    /// A change as it is told; nil for a value that is not this store's.
    private func change(_ change: EtcdChange) -> StoreChange? {
        switch change {
        case .put(let found): (try? entry(found)).map { .put($0) }
        case .deletion(let key, let revision): .deletion(key: String(key.dropFirst(settings.prefix.count)), revision: revision)
        }
    }

    private func entry(_ found: EtcdKeyValue) throws(FleetStoreError) -> StoreEntry {
        guard found.value.count >= Self.idSize else {
            throw FleetStoreError(.damaged, "\(found.key) in etcd was not put there by lbaas-server: delete it")
        }
        return StoreEntry(
            key: String(found.key.dropFirst(settings.prefix.count)), value: Array(found.value.dropFirst(Self.idSize)),
            revision: found.modRevision)
    }

    /// Asks all members in turn, and again until the deadline.
    ///
    /// - Parameter isRepeatable: whether the request can be sent again when it is not known what became of it.
    private func request<Answer>(
        until deadline: Deadline, isRepeatable: Bool = true, _ send: (Duration) throws(EtcdError) -> Answer
    ) throws(FleetStoreError) -> Answer {
        var backoff = Backoff(maximum: Self.longestPause)
        while true {
            do throws(EtcdError) {
                let answer = try send(deadline.rest)
                note(nil)
                return answer
            } catch {
                let pause = Duration.seconds(backoff.next(share: .random(in: 0...1)))
                let canRepeat = error.concernsEndpoint && (isRepeatable || !error.mayBeApplied)
                guard canRepeat, deadline.rest > pause else { throw FleetStoreError(error) }
                note(error)
                _ = poll([:], until: Deadline(in: pause))
            }
        }
    }

    /// A transaction on its way.
    private struct Attempt {
        let transaction: StoreTransaction
        let prefix: String
        private let id: [UInt8] = (0..<EtcdStore.idSize).map { _ in .random(in: 0...255) }
        /// The keys that are expected to have a revision, in their order.
        private let expected: [(key: String, revision: Int)]
        /// A key that is put, by whose value it is told whether the transaction was carried out; nil where none is put.
        private let witness: String?

        init(_ transaction: StoreTransaction, prefix: String) {
            (self.transaction, self.prefix) = (transaction, prefix)
            expected = transaction.expected.sorted { $0.key < $1.key }.map { (key: $0.key, revision: $0.value) }
            witness = transaction.changes.filter { $0.value != .delete }.keys.min()
        }

        /// The lifetimes that need a lease, in seconds.
        var lifetimes: Set<Int> {
            Set(transaction.changes.values.compactMap { if case .put(_, let lifetime) = $0 { lifetime } else { nil } })
        }

        func request(leases: [Int: Int]) -> EtcdTransaction {
            let success = transaction.changes.sorted { $0.key < $1.key }.map { key, change -> EtcdOperation in
                switch change {
                case .put(let value, let lifetime):
                    lifetime.flatMap { leases[$0] }.map { .putLeased(prefix + key, id + value, lease: $0) }
                        ?? .put(prefix + key, id + value)
                case .delete: .delete(.key(prefix + key))
                }
            }
            let failure = (witness.map { [EtcdOperation.range(.key(prefix + $0))] } ?? []) + expected.map { .keys(.key(prefix + $0.key)) }
            return EtcdTransaction(
                compares: expected.map { EtcdCompare(prefix + $0.key, .modRevision($0.revision)) }, success: success, failure: failure)
        }

        /// What came of it.
        ///
        /// - Parameter isUnanswered: whether it was sent before without an answer.
        func outcome(of result: EtcdTransactionResult, isUnanswered: Bool) throws(FleetStoreError) -> Int {
            if result.succeeded { return result.revision }
            var found = result.results.map { answer -> EtcdKeyValue? in
                if case .entries(let entries) = answer { entries.first } else { nil }
            }
            if witness != nil, !found.isEmpty, let entry = found.removeFirst(), entry.value.starts(with: id) { return entry.modRevision }
            let conflicts = zip(expected, found).filter { $0.revision != $1?.modRevision ?? 0 }
            // What it deletes is deleted: by an earlier try, or by somebody else, which comes to the same.
            let isDeleted = conflicts.allSatisfy { transaction.changes[$0.0.key] == .delete && $0.1 == nil }
            if isUnanswered, witness == nil, isDeleted { return result.revision }
            guard let (key, entry) = conflicts.first.map({ ($0.0, $0.1) }) else {
                throw FleetStoreError(
                    .unavailable, "etcd refused a transaction and does not say why; try again", mayBeApplied: isUnanswered)
            }
            throw .conflict(key.key, expected: key.revision, found: entry?.modRevision ?? 0, mayBeApplied: isUnanswered)
        }
    }
}

extension FleetStoreError {
    /// A failure of etcd's as one of the store.
    init(_ error: EtcdError) {
        // A lifetime that was over before the transaction was carried out.
        if error.code == .invalidRequest, error.message.contains("lease not found") {
            self.init(.unavailable, "the store: a lifetime ended before the change was carried out; try again: \(error.message)")
            return
        }
        let code: Code =
            switch error.code {
            case .unreachable, .timedOut, .unavailable, .tls, .invalidAnswer, .cancelled: .unavailable
            case .unauthenticated, .permissionDenied: .denied
            case .invalidRequest: .invalid
            case .tooLarge: .tooLarge
            case .compacted: .compacted
            case .noSpace: .full
            case .configuration: .configuration
            case .exhausted: .exhausted
            }
        self.init(code, "the store: \(error.message)", mayBeApplied: error.mayBeApplied)
    }
}
