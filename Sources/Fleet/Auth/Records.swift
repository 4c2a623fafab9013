package import Authorization
import HostSystem
import JSON
package import LBaaS

/// A user, as others may see it.
package struct User: Hashable, Sendable {
    /// The id, 32 hexadecimal digits.
    package let id: String
    /// The name, which no other user has.
    package var name: String
    /// What the user may do.
    package var role: Role
    /// The id of the project.
    package var project: String
    /// Whether the user may log in.
    package var isEnabled: Bool
    /// When the user was made.
    package var created: Timestamp
    /// The hash of the password.
    var passwordHash: String
    /// Counts what makes tokens invalid: another password, role or project, and being disabled.
    var generation: Int

    var json: [UInt8] {
        record([
            "id": text(id), "name": text(name), "role": text(role.rawValue), "project": text(project), "enabled": "\(isEnabled)",
            "created": "\(created.microseconds)", "password": text(passwordHash), "generation": "\(generation)",
        ])
    }

    init(
        id: String, name: String, role: Role, project: String, isEnabled: Bool = true, created: Timestamp, passwordHash: String,
        generation: Int = 0
    ) {
        (self.id, self.name, self.role, self.project, self.isEnabled) = (id, name, role, project, isEnabled)
        (self.created, self.passwordHash, self.generation) = (created, passwordHash, generation)
    }

    init(_ bytes: [UInt8]) throws(AuthError) {
        self = try read(bytes, "a user") { (root) throws(AuthError) in
            User(
                id: try root.required("id"), name: try root.required("name"), role: try root.role(), project: try root.required("project"),
                isEnabled: root.flag("enabled"), created: root.time("created"), passwordHash: try root.required("password"),
                generation: root["generation"]?.integer ?? 0)
        }
    }
}

/// A project, which has load balancers of its own.
package struct Project: Hashable, Sendable {
    /// The id, 32 hexadecimal digits.
    package let id: String
    /// The name, which no other project has.
    package let name: String

    var json: [UInt8] { record(["id": text(id), "name": text(name)]) }

    init(id: String, name: String) { (self.id, self.name) = (id, name) }

    init(_ bytes: [UInt8]) throws(AuthError) {
        self = try read(bytes, "a project") { (root) throws(AuthError) in
            Project(id: try root.required("id"), name: try root.required("name"))
        }
    }
}

/// By what a program is recognised in place of a user's password.
package struct ApplicationCredential: Hashable, Sendable {
    /// The id, 32 hexadecimal digits.
    package let id: String
    /// The name, which no other credential of the user has.
    package let name: String
    /// The id of the user.
    package let user: String
    /// What it may do, as far as the user may.
    package let role: Role
    /// When it was made.
    package let created: Timestamp
    /// Until when it is valid; nil for ever.
    package let expires: Timestamp?
    /// The hash of the secret in hexadecimal digits.
    let secretHash: String

    var json: [UInt8] {
        record([
            "id": text(id), "name": text(name), "user": text(user), "role": text(role.rawValue), "created": "\(created.microseconds)",
            "expires": expires.map { "\($0.microseconds)" }, "secret": text(secretHash),
        ])
    }

    init(id: String, name: String, user: String, role: Role, created: Timestamp, expires: Timestamp?, secretHash: String) {
        (self.id, self.name, self.user, self.role) = (id, name, user, role)
        (self.created, self.expires, self.secretHash) = (created, expires, secretHash)
    }

    init(_ bytes: [UInt8]) throws(AuthError) {
        self = try read(bytes, "an application credential") { (root) throws(AuthError) in
            ApplicationCredential(
                id: try root.required("id"), name: try root.required("name"), user: try root.required("user"), role: try root.role(),
                created: root.time("created"), expires: root["expires"] == nil ? nil : root.time("expires"),
                secretHash: try root.required("secret"))
        }
    }
}

/// A token, as the store has it below its hash.
struct TokenRecord: Hashable, Sendable {
    let user: String
    let role: Role
    let project: String
    let projectName: String
    let issued: Timestamp
    var expires: Timestamp
    /// Until when its use extends it; nil for a token that ends at its time in any case.
    let limit: Timestamp?
    /// Where the login came from.
    let address: String
    /// The generation of the user that it is valid for.
    let generation: Int
    /// The application credential that it was made for; nil for a password.
    let credential: String?

    var json: [UInt8] {
        record([
            "user": text(user), "role": text(role.rawValue), "project": text(project),
            "project_name": text(projectName), "issued": "\(issued.microseconds)", "expires": "\(expires.microseconds)",
            "address": text(address), "generation": "\(generation)",
            "credential": credential.map(text), "limit": limit.map { "\($0.microseconds)" },
        ])
    }

    init(
        user: String, role: Role, project: Project, issued: Timestamp, expires: Timestamp, limit: Timestamp?, address: String,
        generation: Int, credential: String?
    ) {
        (self.user, self.role, self.project, self.projectName) = (user, role, project.id, project.name)
        (self.issued, self.expires, self.limit) = (issued, expires, limit)
        (self.address, self.generation, self.credential) = (address, generation, credential)
    }

    init(_ bytes: [UInt8]) throws(AuthError) {
        self = try read(bytes, "a token") { (root) throws(AuthError) in
            TokenRecord(
                user: try root.required("user"), role: try root.role(),
                project: Project(id: try root.required("project"), name: root.text("project_name") ?? ""), issued: root.time("issued"),
                expires: root.time("expires"), limit: root["limit"] == nil ? nil : root.time("limit"), address: root.text("address") ?? "",
                generation: root["generation"]?.integer ?? 0,
                credential: root.text("credential"))
        }
    }
}

/// Who did what.
package struct AuditRecord: Hashable, Sendable {
    /// When, by the clock of the server that did it.
    package let time: Timestamp
    /// The name of the user; `server` for what is done on the host of a server.
    package let actor: String
    /// Where the request came from; empty for the host of a server.
    package let address: String
    /// What was done, such as `user.create`.
    package let action: String
    /// To what: a name or an id.
    package let subject: String

    var json: [UInt8] {
        record([
            "time": "\(time.microseconds)", "actor": text(actor), "address": text(address), "action": text(action),
            "subject": text(subject),
        ])
    }

    /// Something that was done.
    package init(time: Timestamp, actor: String, address: String, action: String, subject: String) {
        (self.time, self.actor, self.address, self.action, self.subject) = (time, actor, address, action, subject)
    }

    init(_ bytes: [UInt8]) throws(AuthError) {
        self = try read(bytes, "an audit record") { (root) throws(AuthError) in
            AuditRecord(
                time: root.time("time"), actor: try root.required("actor"), address: root.text("address") ?? "",
                action: try root.required("action"), subject: root.text("subject") ?? "")
        }
    }
}

private func text(_ text: String) -> String { JSONWriting.string(text) }

private func record(_ members: KeyValuePairs<StaticString, String?>) -> [UInt8] { Array(JSONWriting.object(members).utf8) }

/// Reads a record of the store.
private func read<Record>(
    _ bytes: [UInt8], _ name: String, _ read: (JSONValue) throws(AuthError) -> Record
) throws(AuthError) -> Record {
    let outcome = try? JSONTokenizer()?.withDocument(unsafe bytes.span.bytes) { document in
        Result { () throws(AuthError) in try read(document.root) }
    }
    guard let outcome else { throw AuthError(.failed, "\(name) in the store is not JSON: restore the store from a backup") }
    return try outcome.get()
}

extension JSONValue {
    fileprivate func required(_ name: StaticString) throws(AuthError) -> String {
        guard let text = text(name) else {
            throw AuthError(.failed, "a record in the store has no \(name): restore the store from a backup")
        }
        return text
    }

    fileprivate func role() throws(AuthError) -> Role {
        guard let role = Role(rawValue: try required("role")) else {
            throw AuthError(.failed, "a record in the store has a role that this lbaas-server does not know: run the newer one")
        }
        return role
    }

    fileprivate func time(_ name: StaticString) -> Timestamp { Timestamp(microseconds: Int64(self[name]?.integer ?? 0)) }
}
