import Arguments
import HTTPClient
import JSON
import Terminal

/// The server of a fleet, in place of a worker: who uses it, and its load balancers as OpenStack has them.
struct Fleet {
    let session: Session

    /// The paths of OpenStack's load balancers.
    static let root = "/v2/lbaas"

    var client: WorkerClient { session.client }

    /// The path of something.
    static func path(_ kind: String, _ id: String, _ rest: String = "") -> String {
        "\(root)/\(kind)/\(Reference.segment(for: id))\(rest)"
    }

    /// Text as JSON.
    static func text(_ text: String) -> String { JSONWriting.string(text) }

    /// An object, of members whose values are JSON already, without those that have none.
    static func object(_ members: KeyValuePairs<StaticString, String?>) -> String { JSONWriting.object(members) }
}

extension Verb {
    /// Whether only a fleet's server can be asked for it.
    fileprivate var isOfFleet: Bool {
        switch self {
        case .login, .logout, .userList, .userAdd, .userPassword, .userDelete, .tokenList, .tokenCreate, .tokenRevoke, .hosts: true
        default: false
        }
    }
}

extension Session {
    /// The server of a fleet; nil where a worker is asked.
    ///
    /// - Throws: where the command needs the server of a fleet, and it is none.
    func fleet() throws(CommandFailure) -> Fleet? {
        let verb = call.command.verb
        // What both have at the same place.
        if verb == .events || verb == .metrics { return nil }
        guard client.server.socket == nil else {
            if !verb.isOfFleet { return nil }
            throw CommandFailure(.usage, "\(call.command.name): give the address of a fleet's server, by --server URL or LBAAS_SERVER")
        }
        if verb == .login { return Fleet(session: self) }
        // A worker does not have this route.
        let answer = try client.send("GET", "/v1/session", within: timeout ?? Self.limits.read)
        if answer.status == 404 {
            if !verb.isOfFleet { return nil }
            throw CommandFailure(.usage, "\(call.command.name): \(client.server.name) is not the server of a fleet")
        }
        // A token that is not valid any more is to be forgotten all the same.
        if answer.status == 401, verb != .logout {
            let sentence = try client.read(answer) { $0.text("detail") }
            throw CommandFailure(.noPermission, "\(sentence ?? "the token is not valid"); `\(commandTable.program) login` gets one")
        }
        if answer.status != 401, let refusal = client.refusal(answer) { throw refusal }
        return Fleet(session: self)
    }
}

// MARK: - Who uses it

extension Fleet {
    /// Reads a password or a secret.
    private func secret(isNew: Bool = false, _ question: String) throws(CommandFailure) -> String {
        do throws(SecretInput.Failure) {
            return isNew ? try SecretInput.readNew(question) : try SecretInput.read(question)
        } catch {
            throw CommandFailure(error.isReadFailure ? .ioError : .failed, error.sentence)
        }
    }

    /// Gets a token, and keeps it.
    func logIn(_ name: String, _ environment: (String) -> String?) throws(CommandFailure) {
        if name.isEmpty { throw CommandFailure(.usage, "login: NAME is missing; it is login NAME") }
        let isCredential = session.call.has("credential")
        let secret = try secret(isCredential ? "Secret of \(name)" : "Password of \(name)")
        let body =
            isCredential
            ? Self.object(["credential": Self.text(name), "secret": Self.text(secret), "cookie": "false"])
            : Self.object(["name": Self.text(name), "password": Self.text(secret), "cookie": "false"])
        let answer = try session.change("POST", "/v1/session", body)
        let (token, user, role, expires) = try client.read(answer) { root in
            (root.text("token") ?? "", root["user"]?.text("name") ?? "", root.text("role") ?? "", root.text("expires") ?? "")
        }
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CommandFailure(.failed, "\(client.server.name) has answered without a token: is it the server of a fleet?")
        }
        let path = try SecretFile.keep(token: token, environment: environment)
        session.note("logged in as \(user) (\(role)) until \(TimeText.short(expires)); the token is in \(path)")
    }

    /// Ends the token, and forgets it.
    func logOut(_ environment: (String) -> String?) throws(CommandFailure) {
        let answer = try client.send("DELETE", "/v1/session", within: session.timeout ?? Session.limits.change)
        if answer.status != 401, let refusal = client.refusal(answer) { throw refusal }
        try SecretFile.forgetToken(environment: environment)
    }

    func addUser(_ name: String) throws(CommandFailure) {
        let role = session.call["role"] ?? "viewer"
        let password = try secret(isNew: true, "Password of \(name)")
        let body = Self.object([
            "name": Self.text(name), "password": Self.text(password), "role": Self.text(role),
            "project": session.call["project"].map(Self.text),
        ])
        try show(try session.change("POST", "/v1/users", body)) { userListView(of: [$0], $1, isWide: true) }
    }

    /// Sets the password of a user; nil for the own one.
    func setPassword(_ word: String?) throws(CommandFailure) {
        let name = word.map { Reference.id(of: $0) }
        let (id, own) = try client.read(try session.read("/v1/session")) { ($0["user"]?.text("id") ?? "", $0["user"]?.text("name") ?? "") }
        let isOwn = name == nil || name == own || name == id
        let old = isOwn ? try secret("Present password of \(own)") : nil
        let password = try secret(isNew: true, "New password of \(name ?? own)")
        _ = try session.change(
            "PATCH", "/v1/users/\(Reference.segment(for: isOwn ? id : name ?? own))",
            Self.object(["password": Self.text(password), "old_password": old.map(Self.text)]))
        if isOwn { session.note("the password is changed, and all tokens have ended: log in again") }
    }

    func deleteUser(_ word: String) throws(CommandFailure) {
        let name = Reference.id(of: word)
        try session.confirm("Delete the user \(name), with all tokens?")
        _ = try session.change("DELETE", "/v1/users/\(Reference.segment(for: name))")
    }

    func createToken(_ name: String) throws(CommandFailure) {
        let seconds = try session.call["expires"].map { (word) throws(CommandFailure) -> String in
            guard let days = Int(word), (1...3650).contains(days), word.utf8.first != UInt8(ascii: "+") else {
                throw CommandFailure(.usage, "--expires: '\(word)' is not a number of days from 1 to 3650")
            }
            return "\(days * 86_400)"
        }
        let body = Self.object(["name": Self.text(name), "role": session.call["role"].map(Self.text), "expires_in": seconds])
        let answer = try session.change("POST", "/v1/tokens", body)
        try session.print(
            try session.present(answer) { root, json in
                let line = "\(root.id) \(root.text("secret") ?? "")"
                return Presentation(json: json, items: [root.spelling], names: [Reference.word(for: root.id)], parts: [.lines([line])])
            })
        session.note("the secret is shown only now; `login ID --credential` gets a token for it")
    }

    func revokeToken(_ word: String) throws(CommandFailure) {
        let id = Reference.id(of: word)
        try session.confirm("Revoke the token \(id)?")
        _ = try session.change("DELETE", "/v1/tokens/\(Reference.segment(for: id))")
    }

    /// Prints what a change was answered with, where somebody asked for it by a form.
    func show(_ answer: Answer, _ view: (JSONValue, String) -> Presentation) throws(CommandFailure) {
        if session.call.has("output") { try session.print(try session.present(answer, view)) }
    }
}
