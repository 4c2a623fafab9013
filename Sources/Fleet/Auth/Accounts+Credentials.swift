package import Authorization
import FleetStore
package import LBaaS

extension Accounts {
    /// The most application credentials of a user.
    package static let mostCredentials = 40

    /// Makes an application credential.
    ///
    /// - Parameters:
    ///   - role: what it may do; not more than the user.
    ///   - expires: until when it is valid; nil for ever.
    /// - Returns: the credential, and its secret, which is kept nowhere.
    package func addCredential(
        _ name: String, ofUserNamed userName: String, role: Role, expires: Timestamp? = nil, by actor: Actor
    ) throws(AuthError) -> (credential: ApplicationCredential, secret: String) {
        try Self.check(name, "an application credential")
        let secret = "lba_" + Token.randomText()
        let credential = try change { (transaction) throws(AuthError) in
            let (user, revision) = try existing(userName)
            guard role <= user.role else {
                throw AuthError(.denied, "\(userName) has the role \(user.role.rawValue), and no credential may do more")
            }
            let known = try all(AccountKeys.credentials(of: user.id))
            let key = AccountKeys.credentialName(name, of: user.id)
            if known.contains(where: { $0.key == key }) {
                throw AuthError(.exists, "\(userName) has an application credential of the name '\(name)' already", field: "name")
            }
            if known.count >= Self.mostCredentials {
                throw AuthError(.denied, "\(userName) has \(Self.mostCredentials) application credentials: delete one first")
            }
            let credential = ApplicationCredential(
                id: Self.makeID(), name: name, user: user.id, role: role, created: clocks.wall(), expires: expires,
                secretHash: Token.hash(secret).hexadecimal)
            // Whoever deletes the user, or makes another one at the same time, is in conflict with this.
            transaction.replace(AccountKeys.user(user.id), revision: revision, with: user.json)
            transaction.create(AccountKeys.credential(credential.id), credential.json)
            transaction.create(key, Array(credential.id.utf8))
            audit(actor, "credential.create", "\(userName)/\(name)", in: &transaction)
            return credential
        }
        return (credential, secret)
    }

    /// The application credentials of a user, by name.
    package func credentials(ofUserNamed userName: String) throws(AuthError) -> [ApplicationCredential] {
        let (user, _) = try existing(userName)
        var found: [ApplicationCredential] = []
        for entry in try all(AccountKeys.credentials(of: user.id)) {
            if let credential = try credential(String(decoding: entry.value, as: UTF8.self)) { found.append(credential) }
        }
        return found.sorted { $0.name < $1.name }
    }

    /// Deletes an application credential, and the tokens that were made for it.
    ///
    /// - Throws: `notFound`.
    package func deleteCredential(_ name: String, ofUserNamed userName: String, by actor: Actor) throws(AuthError) {
        try Self.check(name, "an application credential")
        try change { (transaction) throws(AuthError) in
            let (user, _) = try existing(userName)
            guard let entry = try get(AccountKeys.credentialName(name, of: user.id)) else {
                throw AuthError(.notFound, "\(userName) has no application credential of the name '\(name)'")
            }
            transaction.delete(entry.key, revision: entry.revision)
            try delete(AccountKeys.credential(String(decoding: entry.value, as: UTF8.self)), in: &transaction)
            audit(actor, "credential.delete", "\(userName)/\(name)", in: &transaction)
        }
    }

    /// The application credential of an id; nil where there is none.
    func credential(_ id: String) throws(AuthError) -> ApplicationCredential? {
        guard id.utf8.count <= 128, !id.isEmpty, let entry = try get(AccountKeys.credential(id)) else { return nil }
        return try ApplicationCredential(entry.value)
    }
}
