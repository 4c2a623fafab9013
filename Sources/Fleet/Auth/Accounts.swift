import Authorization
package import FleetStore
import HostSystem
package import LBaaS
import Synchronization

/// Who may use a fleet: users, projects, application credentials and tokens, which are in the store, and who did what.
///
/// All functions ask the store, and those with a password take the time of a hash: they block the thread that calls them. Any thread may call
/// them, on any server that has the store.
package final class Accounts: Sendable {
    /// How users are recognised.
    package struct Settings: Sendable {
        /// How long a token is valid, in seconds, 60 to 31,536,000.
        package var tokenValidity = 3600
        /// How long a session of a browser lasts at most, in seconds, 60 to 31,536,000: until then each use of its token makes that valid again
        /// for `tokenValidity`.
        package var sessionLimit = 12 * 3600
        /// How much work a password is. One that was made with another difficulty is hashed again at the next login.
        package var difficulty = PasswordDifficulty.usual
        /// How long audit records are kept, in seconds: 90 days.
        package var auditRetention = 90 * 86_400
        /// The longest time that a request to the store may take.
        package var storeLimit: Duration = .seconds(5)
        /// The longest time that a login waits for others and is hashed.
        package var hashLimit: Duration = .seconds(10)

        /// The usual settings.
        package init() {}
    }

    /// What tells the time.
    struct Clocks: Sendable {
        /// What people read, and what is kept.
        var wall: @Sendable () -> Timestamp = Clock.now
        /// What is waited by.
        var steady: @Sendable () -> Duration = Clock.bootTime
    }

    let store: any FleetStore
    let settings: Settings
    let clocks: Clocks
    let hashing: HashingThread
    let delays = Mutex(LoginDelays())
    /// A hash that no password has, by which an unknown user takes as long as a known one.
    let unknownHash: String
    private let audited = Atomic(0)

    /// How often something is tried again that somebody else changed meanwhile.
    private static let mostTries = 8
    /// How often old audit records are deleted: each time that so many were written by this server.
    private static let pruneInterval = 128
    /// How many transactions delete old audit records at a time.
    private static let mostPrunes = 100

    /// The accounts of a store.
    ///
    /// - Throws: `failed` where there is no thread or memory for passwords.
    package convenience init(_ store: any FleetStore, _ settings: Settings) throws(AuthError) {
        try self.init(store, settings, Clocks())
    }

    init(_ store: any FleetStore, _ settings: Settings, _ clocks: Clocks) throws(AuthError) {
        (self.store, self.settings, self.clocks) = (store, settings, clocks)
        hashing = try HashingThread()
        guard let hash = PasswordHash.make(Token.make(), settings.difficulty) else { throw Self.noMemory }
        unknownHash = hash
    }

    static let noMemory = AuthError(.failed, "there is no memory to hash a password: lower hash_memory")
}

/// Who does something, for the audit.
package struct Actor: Hashable, Sendable {
    /// The name.
    package let name: String
    /// Where the request came from; empty for the host of a server.
    package let address: String

    /// Somebody who sends requests.
    package init(name: String, address: String) { (self.name, self.address) = (name, address) }

    /// Somebody at the command line of a server's host.
    package static let server = Actor(name: "server", address: "")
}

/// Where accounts are in the store.
enum AccountKeys {
    static let users = "auth/user/"
    static let projects = "auth/project/"
    static let tokens = "auth/token/"
    static let audit = "audit/"
    /// The ids of all users with the role admin, one a line: a change of these is in conflict with any other one.
    static let admins = "auth/admins"

    static func user(_ id: String) -> String { users + storeKeyPart(id) }
    static func userName(_ name: String) -> String { "auth/user-name/" + storeKeyPart(name) }
    static func project(_ id: String) -> String { projects + storeKeyPart(id) }
    static func projectName(_ name: String) -> String { "auth/project-name/" + storeKeyPart(name) }
    static func credential(_ id: String) -> String { "auth/credential/" + storeKeyPart(id) }
    static func credentials(of user: String) -> String { "auth/user-credential/\(storeKeyPart(user))/" }
    static func credentialName(_ name: String, of user: String) -> String { credentials(of: user) + storeKeyPart(name) }
    static func token(_ hash: String) -> String { tokens + hash }

    /// Audit records are in the order of their times.
    static func audit(_ time: Timestamp, _ suffix: String) -> String {
        let digits = String(max(0, time.microseconds))
        return audit + String(repeating: "0", count: max(0, 20 - digits.count)) + digits + suffix
    }
}

extension Accounts {
    /// A new id: 32 hexadecimal digits.
    static func makeID() -> String { (0..<16).map { _ in UInt8.random(in: 0...255) }.hexadecimal }

    func get(_ key: String) throws(AuthError) -> StoreEntry? {
        do throws(FleetStoreError) {
            return try store.get(key, within: settings.storeLimit)
        } catch {
            throw AuthError(error)
        }
    }

    func all(_ prefix: String) throws(AuthError) -> [StoreEntry] {
        do throws(FleetStoreError) {
            return try store.all(prefix, within: settings.storeLimit).entries
        } catch {
            throw AuthError(error)
        }
    }

    /// Has a transaction delete a key, where it is there.
    func delete(_ key: String, in transaction: inout StoreTransaction) throws(AuthError) {
        if let entry = try get(key) { transaction.delete(key, revision: entry.revision) }
    }

    /// Reads what a change begins with, makes a transaction of it, and commits that; all of it again where somebody else was faster.
    func change<Value>(_ body: (inout StoreTransaction) throws(AuthError) -> Value) throws(AuthError) -> Value {
        var tries = 1
        while true {
            var transaction = StoreTransaction()
            let value = try body(&transaction)
            do throws(FleetStoreError) {
                try store.commit(transaction, within: settings.storeLimit)
                return value
            } catch {
                guard error.code == .conflict, !error.mayBeApplied, tries < Self.mostTries else { throw AuthError(error) }
                tries += 1
            }
        }
    }

    /// Has a transaction record what it does.
    package func audit(_ actor: Actor, _ action: String, _ subject: String, in transaction: inout StoreTransaction) {
        let record = AuditRecord(
            time: clocks.wall(), actor: actor.name, address: actor.address, action: action, subject: String(subject.prefix(255)))
        transaction.create(AccountKeys.audit(record.time, "-" + Self.makeID().prefix(8)), record.json)
        if audited.add(1, ordering: .relaxed).newValue % Self.pruneInterval == 0 { pruneAudit() }
    }

    /// Records something that the store does not change with.
    package func audit(_ actor: Actor, _ action: String, _ subject: String) throws(AuthError) {
        try change { (transaction) throws(AuthError) in audit(actor, action, subject, in: &transaction) }
    }

    /// Who did what, the oldest first.
    ///
    /// - Parameters:
    ///   - time: since when.
    ///   - most: the most records, 1 to 1000.
    package func audit(since time: Timestamp, most: Int) throws(AuthError) -> [AuditRecord] {
        let page: StorePage
        do throws(FleetStoreError) {
            page = try store.list(AccountKeys.audit, after: AccountKeys.audit(time, ""), most: most, within: settings.storeLimit)
        } catch {
            throw AuthError(error)
        }
        var records: [AuditRecord] = []
        for entry in page.entries { records.append(try AuditRecord(entry.value)) }
        return records
    }

    /// Deletes the records that are too old, up to 10,000 of them. What fails is done the next time.
    func pruneAudit() {
        let end = AccountKeys.audit(clocks.wall() + .seconds(-settings.auditRetention), "")
        for _ in 0..<Self.mostPrunes {
            guard let page = try? store.list(AccountKeys.audit, after: nil, most: StoreLimits.transactionKeys, within: settings.storeLimit)
            else { return }
            let old = page.entries.filter { $0.key < end }
            var transaction = StoreTransaction()
            for entry in old { transaction.delete(entry.key) }
            if old.isEmpty || (try? store.commit(transaction, within: settings.storeLimit)) == nil { return }
            if old.count < page.entries.count || !page.hasMore { return }
        }
    }

    /// The hash of a new password.
    func hash(_ password: String) throws(AuthError) -> String {
        guard (8...PasswordHash.longestPassword).contains(password.utf8.count) else {
            throw AuthError(.invalid, "a password has 8 to \(PasswordHash.longestPassword) bytes", field: "password")
        }
        let difficulty = settings.difficulty
        guard let hash = try hashing.run(within: settings.hashLimit, { PasswordHash.make(password, difficulty) }) else {
            throw Self.noMemory
        }
        return hash
    }

    /// Checks a name.
    ///
    /// - Parameter field: where it is in a request.
    static func check(_ name: String, _ what: String, field: String = "name") throws(AuthError) {
        guard (1...128).contains(name.utf8.count), name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw AuthError(
                .invalid, "the name of \(what) has 1 to 128 bytes of UTF-8, and no control characters", field: field)
        }
    }
}
