import HostSystem
import JSON

// The JSON of requests. Numbers go as numbers, bytes as base64.

enum RequestWriting {
    static func put(_ key: String, _ value: [UInt8], lease: Int? = nil) -> String {
        "{\"key\":\(bytes(key.utf8)),\"value\":\(bytes(value))" + (lease.map { ",\"lease\":\"\($0)\"" } ?? "") + "}"
    }

    static func lease(seconds: Int) -> String { "{\"TTL\":\(seconds)}" }

    static func range(
        _ range: EtcdRange, limit: Int = 0, revision: Int = 0, isSerializable: Bool = false, hasValues: Bool = true
    ) -> String {
        var text = "{\(keys(range))"
        if limit > 0 { text += ",\"limit\":\(limit)" }
        if revision > 0 { text += ",\"revision\":\(revision)" }
        if isSerializable { text += ",\"serializable\":true" }
        if !hasValues { text += ",\"keys_only\":true" }
        return text + "}"
    }

    static func delete(_ range: EtcdRange) -> String { "{\(keys(range))}" }

    static func transaction(_ transaction: EtcdTransaction) -> String {
        let compares = transaction.compares.map(compare).joined(separator: ",")
        let success = transaction.success.map(operation).joined(separator: ",")
        let failure = transaction.failure.map(operation).joined(separator: ",")
        return "{\"compare\":[\(compares)],\"success\":[\(success)],\"failure\":[\(failure)]}"
    }

    static func watch(_ range: EtcdRange, from revision: Int) -> String {
        "{\"create_request\":{\(keys(range)),\"start_revision\":\(revision),\"progress_notify\":true}}"
    }

    static func authenticate(_ user: EtcdConfiguration.User) -> String {
        "{\"name\":\(JSONWriting.string(user.name)),\"password\":\(JSONWriting.string(user.password))}"
    }

    private static func keys(_ range: EtcdRange) -> String {
        "\"key\":\(bytes(range.start))" + (range.end.map { ",\"range_end\":\(bytes($0))" } ?? "")
    }

    private static func compare(_ compare: EtcdCompare) -> String {
        let target =
            switch compare.target {
            case .createRevision(let revision): "\"CREATE\",\"create_revision\":\(revision)"
            case .modRevision(let revision): "\"MOD\",\"mod_revision\":\(revision)"
            case .version(let version): "\"VERSION\",\"version\":\(version)"
            case .value(let value): "\"VALUE\",\"value\":\(bytes(value))"
            }
        return "{\"key\":\(bytes(compare.key.utf8)),\"result\":\"\(compare.relation.rawValue)\",\"target\":\(target)}"
    }

    private static func operation(_ operation: EtcdOperation) -> String {
        switch operation {
        case .put(let key, let value): "{\"request_put\":\(put(key, value))}"
        case .putLeased(let key, let value, let lease): "{\"request_put\":\(put(key, value, lease: lease))}"
        case .delete(let range): "{\"request_delete_range\":\(delete(range))}"
        case .range(let range): "{\"request_range\":\(self.range(range))}"
        case .keys(let range): "{\"request_range\":\(self.range(range, hasValues: false))}"
        }
    }

    private static func bytes(_ bytes: some Collection<UInt8>) -> String { "\"\(Base64.encode(bytes))\"" }
}
