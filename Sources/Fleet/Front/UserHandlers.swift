import Authorization
import FleetAuth
import HTTPServer
import JSON
import LBaaS

// Users. A path names one by the id or by the name; the id goes before.

extension FrontAPI {
    private static let path = "/v1/users"
    private static let userPath = path + "/{user}"

    var userRoutes: [Route] {
        [
            Route(.get, Self.path, .administer, listUsers), Route(.post, Self.path, .administer, hasBody: true, addUser),
            Route(.get, Self.userPath, .read, showUser), Route(.patch, Self.userPath, .read, hasBody: true, changeUser),
            Route(.delete, Self.userPath, .administer, deleteUser),
        ]
    }

    private func listUsers(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let (users, projects) = try onAccounts { () throws(AuthError) in (try accounts.users(), try projectNames()) }
        let items = users.map { FrontText.user($0, project: projects[$0.project]) }
        return .json(JSONWriting.object(["users": JSONWriting.list(items)]))
    }

    private func addUser(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        try requirePassword(call, to: "make or change users")
        let body = try RequestBody(call.request, fields: ["name", "password", "role", "project"])
        let (name, password) = (try body.required("name"), try body.required("password"))
        guard let role = try body.role() else { throw .invalid("role: is missing: viewer, operator or admin", field: "role") }
        let project = try body.text("project") ?? "default"
        let user = try onAccounts { () throws(AuthError) in
            try accounts.addUser(name, password: password, role: role, project: project, by: call.actor)
        }
        var response = HTTPResponse.json(FrontText.user(user, project: project), status: 201)
        response.headers.append(("Location", "\(Self.path)/\(user.id)"))
        return response
    }

    private func showUser(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let user = try user(of: call)
        return .json(try text(user))
    }

    /// Changes a user. Whoever is no admin can change the own password only, and must have the old one.
    private func changeUser(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        try requirePassword(call, to: "make or change users")
        let user = try user(of: call)
        let body = try RequestBody(call.request, fields: ["password", "old_password", "role", "project", "enabled"])
        let (password, role, project) = (try body.text("password"), try body.role(), try body.text("project"))
        let isEnabled = try body.flag("enabled")
        if !call.isAdmin || call.session.user == user.id, password != nil || !call.isAdmin {
            guard role == nil, project == nil, isEnabled == nil || call.isAdmin else {
                throw .refusal(.denied("only an admin changes the role, the project, or whether a user may log in"))
            }
            try check(try body.text("old_password"), of: user, call)
        }
        let changed = try onAccounts { () throws(AuthError) in
            try accounts.changeUser(
                named: user.name, password: password, role: role, project: project, isEnabled: isEnabled, by: call.actor)
        }
        return .json(try text(changed))
    }

    /// Checks that somebody who changes the own password has the old one.
    private func check(_ password: String?, of user: User, _ call: Call) throws(FrontFailure) {
        guard let password else { throw .invalid("old_password: is missing: the present password", field: "old_password") }
        do throws(AuthError) {
            let token = try accounts.logIn(user.name, password: password, from: call.request.clientAddress)
            try accounts.revoke(token.session, by: call.actor)
        } catch {
            guard error.code == .badCredentials else { throw .accounts(error) }
            throw .invalid("old_password: is not the present password", field: "old_password")
        }
    }

    private func deleteUser(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        try requirePassword(call, to: "make or change users")
        let user = try user(of: call)
        try onAccounts { () throws(AuthError) in try accounts.deleteUser(named: user.name, by: call.actor) }
        return HTTPResponse(status: 204)
    }

    /// The user of the path, whom others than admins only get where it is they.
    private func user(of call: Call) throws(FrontFailure) -> User {
        let word = call.request.parameter("user") ?? ""
        if !call.isAdmin {
            guard word == call.session.user || word == call.session.name else {
                throw .refusal(.denied("\(call.session.name) may not look at other users, nor change them: an admin may"))
            }
        }
        let user = try onAccounts { () throws(AuthError) -> User? in
            if let user = try accounts.user(word) { return user }
            return try accounts.user(named: word)
        }
        guard let user else { throw .refusal(.notFound("there is no user of the name or id '\(word.shortened)'")) }
        return user
    }

    private func text(_ user: User) throws(FrontFailure) -> String {
        let project = try onAccounts { () throws(AuthError) in try accounts.project(user.project) }
        return FrontText.user(user, project: project?.name)
    }

    /// The names of all projects, by their ids.
    private func projectNames() throws(AuthError) -> [String: String] {
        Dictionary(try accounts.projects().map { ($0.id, $0.name) }) { first, _ in first }
    }
}

extension RequestBody {
    /// A role; nil where there is none.
    func role() throws(FrontFailure) -> Role? {
        guard let word = try text("role") else { return nil }
        guard let role = Role(rawValue: word) else {
            throw .invalid("role: '\(word.shortened)' is not a role: viewer, operator or admin", field: "role")
        }
        return role
    }
}
