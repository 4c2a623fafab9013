/// The keys of a request: one, or all with a prefix.
package struct EtcdRange: Hashable, Sendable, CustomStringConvertible {
    /// The first key.
    let start: [UInt8]
    /// The key behind the last; nil for the first key alone.
    let end: [UInt8]?
    /// The key, or the prefix and `*`.
    package let description: String

    /// One key.
    package static func key(_ key: String) -> EtcdRange { EtcdRange(start: Array(key.utf8), end: nil, description: key) }

    /// All keys that begin so. An empty prefix means all keys.
    package static func prefix(_ prefix: String) -> EtcdRange {
        var end = Array(prefix.utf8)
        while end.last == 0xFF { end.removeLast() }
        if let last = end.popLast() { end.append(last + 1) }
        // etcd takes a key of one NUL for the beginning and for the end of all keys.
        let start = prefix.isEmpty ? [0] : Array(prefix.utf8)
        return EtcdRange(start: start, end: end.isEmpty ? [0] : end, description: prefix + "*")
    }

    /// The rest of the range behind a key.
    package func rest(after key: String) -> EtcdRange { rest(after: Array(key.utf8)) }

    func rest(after key: [UInt8]) -> EtcdRange { EtcdRange(start: key + [0], end: end, description: description) }
}

/// A key with its value.
package struct EtcdKeyValue: Hashable, Sendable {
    /// The bytes of the key.
    package let keyBytes: [UInt8]
    /// The value.
    package let value: [UInt8]
    /// The revision that made the key.
    package let createRevision: Int
    /// The revision that changed it last.
    package let modRevision: Int
    /// How often it was put since it was made, counted from 1.
    package let version: Int

    /// The key as text. Where it is not UTF-8 the text has replacement characters, and does not name the key.
    package var key: String { String(decoding: keyBytes, as: UTF8.self) }
    /// The value as text.
    package var text: String { String(decoding: value, as: UTF8.self) }

    /// A key with its value.
    package init(key: String, value: [UInt8], createRevision: Int, modRevision: Int, version: Int) {
        self.init(keyBytes: Array(key.utf8), value: value, createRevision: createRevision, modRevision: modRevision, version: version)
    }

    init(keyBytes: [UInt8], value: [UInt8], createRevision: Int, modRevision: Int, version: Int) {
        (self.keyBytes, self.value, self.version) = (keyBytes, value, version)
        (self.createRevision, self.modRevision) = (createRevision, modRevision)
    }
}

/// What a range of keys has at a revision.
package struct EtcdSnapshot: Hashable, Sendable {
    /// The keys with their values, in the order of the keys.
    package let entries: [EtcdKeyValue]
    /// The revision of the whole store.
    package let revision: Int
    /// Whether the range has more keys than were asked for.
    package let hasMore: Bool

    /// What a range has.
    package init(entries: [EtcdKeyValue], revision: Int, hasMore: Bool = false) {
        (self.entries, self.revision, self.hasMore) = (entries, revision, hasMore)
    }
}
