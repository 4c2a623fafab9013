/// What a store accepts.
package enum StoreLimits {
    /// The longest key, in bytes.
    package static let keySize = 512
    /// The largest value, in bytes: 512 KiB.
    package static let valueSize = 512 << 10
    /// The most bytes of all keys and values that a transaction puts: 1 MiB. etcd refuses requests of more than 1.5 MiB by default.
    package static let transactionSize = 1 << 20
    /// The most keys that a transaction changes, and the most that it expects something of. etcd accepts 128 of each by default.
    package static let transactionKeys = 100
    /// The most entries of a page.
    package static let pageSize = 1000
    /// The longest lifetime, in seconds: ten years.
    package static let lifetime = 315_360_000

    /// Where a page ends, in bytes of its values.
    static let pageBytes = 4 << 20

    /// Checks a key.
    ///
    /// - Throws: `invalid` or `tooLarge`.
    package static func check(key: String) throws(FleetStoreError) {
        if key.isEmpty { throw FleetStoreError(.invalid, "a key of the store has one character at least") }
        try check(prefix: key)
    }

    /// Checks a prefix, which can be empty.
    static func check(prefix: String) throws(FleetStoreError) {
        guard prefix.utf8.count <= keySize else {
            throw FleetStoreError(.tooLarge, "a key of the store has \(keySize) bytes at most, and this one has \(prefix.utf8.count)")
        }
        guard prefix.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw FleetStoreError(
                .invalid, "a key of the store has printable characters of ASCII only, no blanks: \(String(reflecting: prefix))")
        }
    }

    /// Checks what a page is asked for by.
    static func check(prefix: String, after key: String?, most: Int) throws(FleetStoreError) {
        try check(prefix: prefix)
        if let key { try check(prefix: key) }
        guard (1...pageSize).contains(most) else {
            throw FleetStoreError(.invalid, "a page of the store has 1 to \(pageSize) entries, and not \(most)")
        }
    }

    /// The key that all keys with a prefix are before, and no key has.
    static func end(ofPrefix prefix: String) -> String { prefix + "\u{7F}" }
}

/// Any text as a part of a key: letters, digits, `-`, `_`, `.` and `~` stay, each other byte is `%` and two digits. Different texts have
/// different parts, and none has a slash.
package func storeKeyPart(_ text: some StringProtocol) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var part: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"):
            part.append(byte)
        default: part += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: part, as: UTF8.self)
}

/// Changes that are carried out together or not at all, and what they expect.
///
/// Each key is changed once at most: what is said last of a key counts. A change without an expectation is carried out whatever the key has;
/// after a failure it is not known then whether it may be sent again, so changes that matter expect a revision.
package struct StoreTransaction: Hashable, Sendable {
    /// What becomes of a key.
    package enum Change: Hashable, Sendable {
        /// It has a value, for a lifetime in seconds or for ever.
        case put([UInt8], lifetime: Int?)
        /// It is absent.
        case delete
    }

    /// The revisions that keys must have; 0 for one that must be absent.
    package private(set) var expected: [String: Int] = [:]
    /// What becomes of keys.
    package private(set) var changes: [String: Change] = [:]

    /// A transaction that expects and changes nothing.
    package init() {}

    /// Expects the revision of a key that may stay as it is; 0 where it must be absent.
    package mutating func expect(_ key: String, revision: Int) { expected[key] = revision }

    /// Puts a key that must be absent.
    package mutating func create(_ key: String, _ value: [UInt8], lifetime: Int? = nil) {
        replace(key, revision: 0, with: value, lifetime: lifetime)
    }

    /// Puts a key that must have a revision. The lifetime is that of the new value: without one the key stays.
    package mutating func replace(_ key: String, revision: Int, with value: [UInt8], lifetime: Int? = nil) {
        expect(key, revision: revision)
        put(key, value, lifetime: lifetime)
    }

    /// Puts a key, whatever it has.
    package mutating func put(_ key: String, _ value: [UInt8], lifetime: Int? = nil) {
        changes[key] = .put(value, lifetime: lifetime)
    }

    /// Deletes a key that must have a revision.
    package mutating func delete(_ key: String, revision: Int) {
        expect(key, revision: revision)
        delete(key)
    }

    /// Deletes a key, which may be absent.
    package mutating func delete(_ key: String) { changes[key] = .delete }

    /// Whether it can be sent twice without being carried out twice: each key that it changes must have a revision, which changes with it.
    var isRepeatable: Bool { changes.keys.allSatisfy { expected[$0] != nil } }

    /// Checks it against the limits.
    ///
    /// - Throws: `invalid` or `tooLarge`.
    package func check() throws(FleetStoreError) {
        guard expected.count <= StoreLimits.transactionKeys, changes.count <= StoreLimits.transactionKeys else {
            throw FleetStoreError(
                .tooLarge,
                "a transaction of the store changes \(StoreLimits.transactionKeys) keys at most, and expects something of as many; "
                    + "this one changes \(changes.count) and expects something of \(expected.count)")
        }
        for (key, revision) in expected {
            try StoreLimits.check(key: key)
            if revision < 0 { throw FleetStoreError(.invalid, "\(key): \(revision) is not a revision") }
        }
        var size = 0
        for (key, change) in changes {
            try StoreLimits.check(key: key)
            guard case .put(let value, let lifetime) = change else { continue }
            guard value.count <= StoreLimits.valueSize else {
                throw FleetStoreError(
                    .tooLarge, "\(key): a value of the store has \(StoreLimits.valueSize) bytes at most, and this one has \(value.count)")
            }
            if let lifetime, !(1...StoreLimits.lifetime).contains(lifetime) {
                throw FleetStoreError(.invalid, "\(key): \(lifetime) is not a lifetime in seconds (1 to \(StoreLimits.lifetime))")
            }
            size += key.utf8.count + value.count
        }
        if size > StoreLimits.transactionSize {
            throw FleetStoreError(
                .tooLarge, "a transaction of the store puts \(StoreLimits.transactionSize) bytes at most, and this one \(size)")
        }
    }
}
