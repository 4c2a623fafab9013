import Authorization
import FleetAuth
import JSON
import LBaaS

/// The JSON of answers.
enum FrontText {
    /// Who asks.
    ///
    /// - Parameters:
    ///   - csrf: what a page must send with a change; nil for a program.
    ///   - token: the token, where it was just made for a program.
    static func session(_ session: Session, csrf: String? = nil, token: String? = nil) -> String {
        JSONWriting.object([
            "user": JSONWriting.object(["id": text(session.user), "name": text(session.name)]), "role": text(session.role.rawValue),
            "project": JSONWriting.object(["id": text(session.project), "name": text(session.projectName)]),
            "expires": text(session.expires.text), "csrf": csrf.map(text), "token": token.map(text),
        ])
    }

    /// A user.
    ///
    /// - Parameter project: the name of the project.
    static func user(_ user: User, project: String?) -> String {
        JSONWriting.object([
            "id": text(user.id), "name": text(user.name), "role": text(user.role.rawValue), "project": text(project ?? ""),
            "project_id": text(user.project), "enabled": "\(user.isEnabled)", "created": text(user.created.text),
        ])
    }

    /// An application credential.
    ///
    /// - Parameters:
    ///   - user: the name of the user.
    ///   - secret: what it is recognised by, where it was just made.
    static func credential(_ credential: ApplicationCredential, user: String, secret: String? = nil) -> String {
        JSONWriting.object([
            "id": text(credential.id), "kind": text("credential"), "name": text(credential.name), "user": text(user),
            "role": text(credential.role.rawValue), "created": text(credential.created.text),
            "expires": credential.expires.map { text($0.text) } ?? "null", "secret": secret.map(text),
        ])
    }

    /// A token that a login has made.
    static func token(_ session: Session) -> String {
        JSONWriting.object([
            "id": text(session.tokenName), "kind": text("session"), "name": "null", "user": text(session.name),
            "role": text(session.role.rawValue), "created": text(session.issued.text), "expires": text(session.expires.text),
            "credential": session.credential.map(text),
        ])
    }

    /// Who did what.
    static func audit(_ record: AuditRecord) -> String {
        JSONWriting.object([
            "time": text(record.time.text), "actor": text(record.actor), "address": text(record.address), "action": text(record.action),
            "subject": text(record.subject),
        ])
    }

    private static func text(_ text: String) -> String { JSONWriting.string(text) }
}
