import JSON

/// The state of one member, for operators.
package struct EtcdStatus: Hashable, Sendable {
    /// Its version, such as `3.4.23`.
    package let version: String
    /// The size of its database file, in bytes.
    package let databaseSize: Int
    /// How much of that is used, in bytes. Where it comes near the quota (2 GiB by default) etcd refuses all writes: turn on
    /// `auto-compaction-mode periodic` with a retention of some minutes.
    package let databaseSizeInUse: Int
    /// Whether it knows a leader. Without one it serves no writes.
    package let hasLeader: Bool
    /// Whether it is the leader.
    package let isLeader: Bool
    /// What is wrong with it, in its own words, such as `etcdserver: no leader` or an alarm.
    package let errors: [String]

    /// Whether it serves requests.
    package var isHealthy: Bool { hasLeader && errors.isEmpty }

    /// Whether the alarm is active that the database is full, so that etcd refuses all writes.
    package var isFull: Bool { errors.contains { $0.contains("alarm:NOSPACE") } }
}

extension JSONValue {
    func status() throws(AnswerFault) -> EtcdStatus {
        _ = try revision()
        // Identities are numbers of 64 bits without a sign.
        let leader = text("leader")
        return EtcdStatus(
            version: text("version") ?? "", databaseSize: try number("dbSize"), databaseSizeInUse: try number("dbSizeInUse"),
            hasLeader: leader != nil, isLeader: leader != nil && leader == self["header"]?.text("member_id"),
            errors: try list("errors").compactMap(\.string))
    }
}
