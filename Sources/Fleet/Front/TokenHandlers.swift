import Authorization
import FleetAuth
import HTTPServer
import HostSystem
import JSON
import LBaaS

// Tokens: application credentials, which are made here for programs, and the tokens that logins have made. Everybody has the own ones; admins
// have all.

extension FrontAPI {
    private static let path = "/v1/tokens"

    var tokenRoutes: [Route] {
        [
            Route(.get, Self.path, .read, query: ["all"], listTokens), Route(.post, Self.path, .read, hasBody: true, addToken),
            Route(.delete, Self.path + "/{id}", .read, revokeToken),
        ]
    }

    private func listTokens(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let wantsAll = try call.request.flag("all") ?? false
        guard !wantsAll || call.isAdmin else { throw .refusal(.denied("only an admin may list the tokens of all users")) }
        let (sessions, credentials) = try onAccounts { () throws(AuthError) in
            (try accounts.sessions(), try self.credentials(of: wantsAll ? try accounts.users().map(\.name) : [call.session.name]))
        }
        let items =
            credentials.map { FrontText.credential($0, user: $1) }
            + sessions.filter { wantsAll || $0.user == call.session.user }.map { FrontText.token($0) }
        return .json(JSONWriting.object(["tokens": JSONWriting.list(items)]))
    }

    /// Makes an application credential, of whoever asks, or for an admin of another user.
    private func addToken(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        try requirePassword(call)
        let body = try RequestBody(call.request, fields: ["name", "role", "expires_in", "user"])
        let name = try body.required("name")
        let user = try body.text("user") ?? call.session.name
        guard user == call.session.name || call.isAdmin else {
            throw .invalid("user: only an admin makes tokens for others", field: "user")
        }
        let role = try body.role() ?? (user == call.session.name ? call.session.role : .viewer)
        let expires = try body.number("expires_in", 60...315_360_000).map { Clock.now() + .seconds($0) }
        let (credential, secret) = try onAccounts { () throws(AuthError) in
            try accounts.addCredential(name, ofUserNamed: user, role: role, expires: expires, by: call.actor)
        }
        return .json(FrontText.credential(credential, user: user, secret: secret), status: 201)
    }

    /// Deletes an application credential with its tokens, or ends a token.
    private func revokeToken(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let id = call.request.parameter("id") ?? ""
        let found = try onAccounts { () throws(AuthError) -> Found? in
            let names = call.isAdmin ? try accounts.users().map(\.name) : [call.session.name]
            if let (credential, user) = try credentials(of: names).first(where: { $0.0.id == id }) { return .credential(credential, user) }
            return try accounts.sessions().first { $0.tokenName == id && (call.isAdmin || $0.user == call.session.user) }.map(Found.session)
        }
        switch found {
        case .session(let session):
            if let own = call.session.credential, session.credential != own {
                throw .refusal(.denied("an application credential can end its own tokens only"))
            }
            try onAccounts { () throws(AuthError) in try accounts.revoke(session, by: call.actor) }
        case .credential(let credential, let user):
            try requirePassword(call)
            try onAccounts { () throws(AuthError) in try accounts.deleteCredential(credential.name, ofUserNamed: user, by: call.actor) }
        case nil: throw .refusal(.notFound("there is no token of the id '\(id.shortened)', or it is of another user"))
        }
        return HTTPResponse(status: 204)
    }

    private enum Found {
        case session(Session)
        case credential(ApplicationCredential, String)
    }

    private func credentials(of users: [String]) throws(AuthError) -> [(ApplicationCredential, String)] {
        var found: [(ApplicationCredential, String)] = []
        for user in users { found += try accounts.credentials(ofUserNamed: user).map { ($0, user) } }
        return found
    }

    /// A program that was given a credential cannot make others, nor users, which would be valid longer.
    func requirePassword(_ call: Call, to deed: String = "make or delete credentials") throws(FrontFailure) {
        if call.session.credential != nil {
            throw .refusal(.denied("an application credential cannot \(deed): log in with the password"))
        }
    }
}

extension HTTPRequest {
    /// A truth value of the query; nil where there is none.
    func flag(_ name: String) throws(FrontFailure) -> Bool? {
        switch query(name) {
        case nil: nil
        case "true": true
        case "false": false
        case .some(let word): throw .invalid("\(name): '\(word.shortened)' is not true or false")
        }
    }
}
