import Authorization
import FleetStore
import HostSystem
import LBaaS
import Synchronization

/// Which application credential somebody shows.
package enum CredentialName: Hashable, Sendable {
    /// By its id.
    case id(String)
    /// By its name, and that of its user.
    case name(String, user: String)
}

extension Accounts {
    /// How far the clocks of two servers may be apart, in seconds: a token that the store still has is valid for so long behind its end.
    package static let clockDifference = 120

    /// Recognises a user by the password, and makes a token. It takes about as long for a user that does not exist.
    ///
    /// - Parameters:
    ///   - project: the project that the token is for, which must be that of the user; nil for that one.
    ///   - address: where the request comes from.
    ///   - isSession: whether the use of the token extends it, as for a browser.
    /// - Throws: `badCredentials`, `delayed`, `busy`; `denied` where the user is not of the project.
    package func logIn(
        _ name: String, password: String, for project: ProjectName? = nil, from address: String, isSession: Bool = false
    ) throws(AuthError) -> IssuedToken {
        // What is remembered of a name has a limit too.
        let subject = "user " + String(decoding: name.utf8.prefix(128), as: UTF8.self)
        let user = try attempt(subject, from: address) { () throws(AuthError) in try judge(name, password) }
        let token = try issue(user.user, role: user.user.role, credential: nil, for: project, from: address, isSession)
        if let hash = user.newHash { keep(hash, of: user.user) }
        return token
    }

    /// Recognises a program by an application credential, and makes a token.
    ///
    /// - Throws: `badCredentials`, `delayed`; `denied` where the user is not of the project.
    package func logIn(
        _ name: CredentialName, secret: String, for project: ProjectName? = nil, from address: String, isSession: Bool = false
    ) throws(AuthError) -> IssuedToken {
        let subject =
            switch name {
            case .id(let id): "credential " + String(decoding: id.utf8.prefix(128), as: UTF8.self)
            case .name(let name, let user): "credential " + String(decoding: "\(user)/\(name)".utf8.prefix(256), as: UTF8.self)
            }
        let (user, credential) = try attempt(subject, from: address) { () throws(AuthError) in try judge(name, secret: secret) }
        return try issue(user, role: min(user.role, credential.role), credential: credential, for: project, from: address, isSession)
    }

    /// Whose a token is.
    ///
    /// - Parameter isUse: whether this is a use of it, which makes the token of a session valid for longer.
    /// - Throws: `badToken`.
    package func session(token: some StringProtocol, isUse: Bool = false) throws(AuthError) -> Session {
        guard token.utf8.count <= 128 else { throw .badToken }
        return try session(hash: Token.hash(token).hexadecimal, isUse: isUse)
    }

    /// Looks a session up again.
    ///
    /// - Throws: `badToken` where it is over.
    package func session(again session: Session) throws(AuthError) -> Session { try self.session(hash: session.tokenHash, isUse: false) }

    private func session(hash: String, isUse: Bool) throws(AuthError) -> Session {
        guard let entry = try get(AccountKeys.token(hash)) else { throw .badToken }
        var record = try TokenRecord(entry.value)
        // The store counts how long a token is valid. Where a new leader of etcd began anew, this is what ends it.
        guard clocks.wall() < record.expires + .seconds(Self.clockDifference) else { throw .badToken }
        guard let user = try user(record.user), user.isEnabled, user.generation == record.generation else { throw .badToken }
        if let id = record.credential {
            // As strictly as at the login: no token is valid longer than what it was made for.
            guard let credential = try credential(id), !isOver(credential) else { throw .badToken }
        }
        if isUse { extend(&record, entry) }
        return session(of: user, record, hash: hash)
    }

    /// Makes the token of a session valid for longer, where half of its time is over. What fails is done at the next use.
    private func extend(_ record: inout TokenRecord, _ entry: StoreEntry) {
        guard let limit = record.limit else { return }
        let now = clocks.wall()
        var new = record
        new.expires = min(now + .seconds(settings.tokenValidity), limit)
        let seconds = Int((new.expires - now).seconds.rounded(.up))
        guard record.expires - now < .seconds(settings.tokenValidity) / 2, new.expires > record.expires, seconds > 0 else { return }
        var transaction = StoreTransaction()
        // One that was revoked meanwhile stays so.
        transaction.replace(entry.key, revision: entry.revision, with: new.json, lifetime: seconds)
        if (try? store.commit(transaction, within: settings.storeLimit)) != nil { record = new }
    }

    /// Ends a token, for all servers.
    package func revoke(_ session: Session, by actor: Actor) throws(AuthError) {
        try change { (transaction) throws(AuthError) in
            guard let entry = try get(AccountKeys.token(session.tokenHash)) else { return }
            transaction.delete(entry.key, revision: entry.revision)
            audit(actor, "token.revoke", "\(session.name)/\(session.tokenName)", in: &transaction)
        }
    }

    /// The tokens that are valid, by the time at which they were made.
    package func sessions() throws(AuthError) -> [Session] {
        var users: [String: User] = [:]
        for user in try self.users() { users[user.id] = user }
        var sessions: [Session] = []
        for entry in try all(AccountKeys.tokens) {
            let record = try TokenRecord(entry.value)
            guard let user = users[record.user], user.isEnabled, user.generation == record.generation else { continue }
            if let id = record.credential {
                guard let credential = try credential(id), !isOver(credential) else { continue }
            }
            sessions.append(session(of: user, record, hash: String(entry.key.dropFirst(AccountKeys.tokens.count))))
        }
        return sessions.sorted { ($0.issued, $0.tokenName) < ($1.issued, $1.tokenName) }
    }
}

extension Accounts {
    /// Lets somebody try, unless there were too many failures.
    private func attempt<Value>(
        _ subject: String, from address: String, _ body: () throws(AuthError) -> Value?
    ) throws(AuthError) -> Value {
        let now = clocks.steady()
        if let wait = delays.withLock({ $0.begin(name: subject, address: address, now: now) }) {
            let seconds = Int(wait.seconds.rounded(.up))
            throw AuthError(.delayed, "too many failures: try again in \(seconds) s", retryAfter: seconds)
        }
        let value: Value?
        do throws(AuthError) {
            value = try body()
        } catch {
            delays.withLock { $0.withdraw(name: subject, address: address) }
            throw error
        }
        if let value {
            delays.withLock { $0.succeed(name: subject, address: address) }
            return value
        }
        // Once for each row of failures, so that nobody fills the store by failing.
        if delays.withLock({ $0.isFirstDelay(name: subject) }) { try? audit(Actor(name: "", address: address), "login.delayed", subject) }
        throw .badCredentials
    }

    /// The user of a name and a password, and a new hash where the difficulty has changed; nil where one of them is wrong.
    private func judge(_ name: String, _ password: String) throws(AuthError) -> (user: User, newHash: String?)? {
        let user = try user(named: name)
        let (hash, difficulty) = (user?.passwordHash ?? unknownHash, settings.difficulty)
        let (isRight, newHash) = try hashing.run(within: settings.hashLimit) { [unknownHash] () -> (Bool, String?) in
            let isOther = PasswordHash.needsRehash(hash, difficulty)
            guard PasswordHash.verify(hash, password) else {
                // A hash of less work than today's would tell that there is such a user.
                if isOther { _ = PasswordHash.verify(unknownHash, password) }
                return (false, nil)
            }
            return (true, isOther ? PasswordHash.make(password, difficulty) : nil)
        }
        guard isRight, let user, user.isEnabled else { return nil }
        return (user, newHash)
    }

    /// The user and the application credential of a name and a secret; nil where one of them is wrong.
    private func judge(_ name: CredentialName, secret: String) throws(AuthError) -> (User, ApplicationCredential)? {
        let credential: ApplicationCredential?
        switch name {
        case .id(let id): credential = try self.credential(id)
        case .name(let name, let userName):
            guard name.utf8.count <= 128, let user = try user(named: userName),
                let id = try get(AccountKeys.credentialName(name, of: user.id))
            else { return nil }
            credential = try self.credential(String(decoding: id.value, as: UTF8.self))
        }
        let hash = Token.hash(secret).hexadecimal
        guard let credential, MessageCode.areEqual(Array(credential.secretHash.utf8), Array(hash.utf8)),
            !isOver(credential), let user = try user(credential.user), user.isEnabled
        else { return nil }
        return (user, credential)
    }

    /// Whether the time of an application credential is over.
    private func isOver(_ credential: ApplicationCredential) -> Bool { credential.expires.map { clocks.wall() >= $0 } ?? false }

    private func issue(
        _ user: User, role: Role, credential: ApplicationCredential?, for wanted: ProjectName?, from address: String, _ isSession: Bool
    ) throws(AuthError) -> IssuedToken {
        guard let project = try project(user.project) else {
            throw AuthError(.failed, "the project of \(user.name) is not in the store: restore the store from a backup")
        }
        guard wanted?.names(project) ?? true else {
            throw AuthError(.denied, "\(user.name) is of the project '\(project.name)', and of no other one")
        }
        let text = "lbs_" + Token.randomText()
        let hash = Token.hash(text).hexadecimal
        let now = clocks.wall()
        let end = now + .seconds(settings.sessionLimit)
        let limit = isSession ? min(end, credential?.expires ?? end) : credential?.expires
        let whole = now + .seconds(settings.tokenValidity)
        let expires = min(whole, limit ?? whole)
        let lifetime = max(1, Int((expires - now).seconds.rounded(.up)))
        let record = TokenRecord(
            user: user.id, role: role, project: project, issued: now, expires: expires, limit: isSession ? limit : nil, address: address,
            generation: user.generation, credential: credential?.id)
        try change { (transaction) throws(AuthError) in
            transaction.create(AccountKeys.token(hash), record.json, lifetime: lifetime)
            audit(Actor(name: user.name, address: address), "token.create", String(hash.prefix(16)), in: &transaction)
        }
        return IssuedToken(text: text, session: session(of: user, record, hash: hash))
    }

    private func session(of user: User, _ record: TokenRecord, hash: String) -> Session {
        Session(
            user: user.id, name: user.name, role: min(record.role, user.role), project: record.project, projectName: record.projectName,
            issued: record.issued, expires: record.expires, limit: record.limit, tokenName: String(hash.prefix(16)),
            credential: record.credential,
            tokenHash: hash)
    }

    /// Keeps a hash of the same password with another difficulty. What fails is done at the next login.
    private func keep(_ hash: String, of known: User) {
        try? change { (transaction) throws(AuthError) in
            var (user, revision) = try existing(known.name)
            guard user.passwordHash == known.passwordHash else { return }
            user.passwordHash = hash
            transaction.replace(AccountKeys.user(user.id), revision: revision, with: user.json)
        }
    }
}
