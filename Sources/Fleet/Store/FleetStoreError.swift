/// Why the store did not do what it was asked for.
package struct FleetStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// It cannot be reached, has no quorum, or did not answer in time. It is worth trying again.
        case unavailable
        /// A key does not have the revision that was expected.
        case conflict
        /// A key, a value or a transaction is larger than `StoreLimits` has it.
        case tooLarge
        /// The request is not one that a store can carry out.
        case invalid
        /// The changes behind a revision are not known any more.
        case compacted
        /// There is no room for more.
        case full
        /// The store does not accept this server, or its files are not for it.
        case denied
        /// What the store has cannot be trusted, or was written by a newer version.
        case damaged
        /// An option of the store cannot be used.
        case configuration
        /// This host has no thread or memory for it.
        case exhausted
    }

    /// What kind of failure it is.
    package let code: Code
    /// What went wrong, where, and what to do.
    package let message: String
    /// Whether the store may have carried out the request all the same, or carries it out later. False where it certainly did not.
    package let mayBeApplied: Bool

    /// The message.
    package var description: String { message }

    /// A failure.
    package init(_ code: Code, _ message: String, mayBeApplied: Bool = false) {
        (self.code, self.message, self.mayBeApplied) = (code, message, mayBeApplied)
    }

    /// That a key has another revision than the expected one.
    static func conflict(_ key: String, expected: Int, found: Int, mayBeApplied: Bool = false) -> FleetStoreError {
        let words =
            switch (expected, found) {
            case (0, _): "\(key) is there already, with revision \(found)"
            case (_, 0): "\(key) is absent, and revision \(expected) was expected"
            default: "\(key) has revision \(found), and revision \(expected) was expected"
            }
        return FleetStoreError(.conflict, "\(words): read it again", mayBeApplied: mayBeApplied)
    }

    /// That a watch cannot begin behind a revision.
    static func compacted(_ revision: Int, first: Int) -> FleetStoreError {
        FleetStoreError(
            .compacted, "the changes behind revision \(revision) are not known any more, only those behind \(first): read everything again")
    }

    /// That the store does not have a revision that it had.
    static func rolledBack(_ revision: Int, newest: Int) -> FleetStoreError {
        FleetStoreError(
            .compacted,
            "the store is at revision \(newest) and was at \(revision): it was restored from a backup, or is another one; read everything again"
        )
    }
}
