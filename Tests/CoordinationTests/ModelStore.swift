import Etcd

/// What etcd is to the hosts: keys with revisions, changed by transactions one after the other.
struct ModelStore {
    private(set) var entries: [String: EtcdKeyValue] = [:]
    private(set) var revision = 1

    /// Carries out a transaction, and answers what changed too.
    mutating func apply(_ transaction: EtcdTransaction) -> (result: EtcdTransactionResult, changes: [EtcdChange]) {
        let succeeded = transaction.compares.allSatisfy(holds)
        let operations = succeeded ? transaction.success : transaction.failure
        let next = revision + 1
        var changes: [EtcdChange] = []
        var results: [EtcdOperationResult] = []
        for operation in operations {
            switch operation {
            case .put(let key, let value):
                let old = entries[key]
                let entry = EtcdKeyValue(
                    key: key, value: value, createRevision: old?.createRevision ?? next, modRevision: next, version: (old?.version ?? 0) + 1
                )
                entries[key] = entry
                changes.append(.put(entry))
                results.append(.put)
            case .delete(let range):
                let key = range.description
                if entries.removeValue(forKey: key) != nil { changes.append(.deletion(key: key, revision: next)) }
                results.append(.deleted(changes.count))
            case .range(let range): results.append(.entries(entries[range.description].map { [$0] } ?? []))
            case .putLeased, .keys: fatalError("no host uses this")
            }
        }
        if !changes.isEmpty { revision = next }
        return (EtcdTransactionResult(succeeded: succeeded, revision: revision, results: results), changes)
    }

    /// All keys.
    var snapshot: EtcdSnapshot {
        EtcdSnapshot(entries: entries.values.sorted { $0.key < $1.key }, revision: revision)
    }

    private func holds(_ compare: EtcdCompare) -> Bool {
        let entry = entries[compare.key]
        return switch compare.target {
        case .modRevision(let revision): (entry?.modRevision ?? 0) == revision
        case .createRevision(let revision): (entry?.createRevision ?? 0) == revision
        case .version(let version): (entry?.version ?? 0) == version
        case .value(let value): entry?.value == value
        }
    }
}
