package import Authorization
import FleetStore

extension Accounts {
    /// Whether nobody can log in, because there is no user.
    package func isEmpty() throws(AuthError) -> Bool { try all(AccountKeys.users).isEmpty }

    /// Makes a user, and the project where there is none of that name.
    ///
    /// - Throws: `exists`, `invalid`.
    package func addUser(
        _ name: String, password: String, role: Role, project projectName: String = "default", by actor: Actor
    ) throws(AuthError) -> User {
        try Self.check(name, "a user")
        try Self.check(projectName, "a project", field: "project")
        let hash = try hash(password)
        return try change { (transaction) throws(AuthError) in
            if try get(AccountKeys.userName(name)) != nil {
                throw AuthError(.exists, "there is a user of the name '\(name)' already", field: "name")
            }
            let project = try project(named: projectName, by: actor, in: &transaction)
            let user = User(
                id: Self.makeID(), name: name, role: role, project: project.id, created: clocks.wall(), passwordHash: hash)
            transaction.create(AccountKeys.user(user.id), user.json)
            transaction.create(AccountKeys.userName(name), Array(user.id.utf8))
            try setAdmin(user.id, to: role == .admin, in: &transaction)
            audit(actor, "user.create", name, in: &transaction)
            return user
        }
    }

    /// All users, by name.
    package func users() throws(AuthError) -> [User] {
        var users: [User] = []
        for entry in try all(AccountKeys.users) { users.append(try User(entry.value)) }
        return users.sorted { $0.name < $1.name }
    }

    /// The user of a name; nil where there is none.
    package func user(named name: String) throws(AuthError) -> User? {
        // A name that no user can have.
        guard name.utf8.count <= 128, !name.isEmpty else { return nil }
        guard let id = try get(AccountKeys.userName(name)) else { return nil }
        return try user(String(decoding: id.value, as: UTF8.self))
    }

    /// The user of an id; nil where there is none.
    package func user(_ id: String) throws(AuthError) -> User? {
        guard id.utf8.count <= 128, let entry = try get(AccountKeys.user(id)) else { return nil }
        return try User(entry.value)
    }

    /// Changes a user. All tokens of the user end, but for a change of nothing.
    ///
    /// - Parameters:
    ///   - password: a new one; nil to keep it. The same holds for the others.
    ///   - project: the name of a project, which is made where there is none.
    /// - Throws: `notFound`; `denied` where there would be no admin any more.
    package func changeUser(
        named name: String, password: String? = nil, role: Role? = nil, project projectName: String? = nil, isEnabled: Bool? = nil,
        by actor: Actor
    ) throws(AuthError) -> User {
        let hash: String? = if let password { try hash(password) } else { nil }
        if let projectName { try Self.check(projectName, "a project", field: "project") }
        return try change { (transaction) throws(AuthError) in
            var (user, revision) = try existing(name)
            let old = user
            user.passwordHash = hash ?? user.passwordHash
            user.role = role ?? user.role
            user.isEnabled = isEnabled ?? user.isEnabled
            if let projectName { user.project = try project(named: projectName, by: actor, in: &transaction).id }
            if user == old { return user }
            user.generation += 1
            transaction.replace(AccountKeys.user(user.id), revision: revision, with: user.json)
            try setAdmin(user.id, to: user.role == .admin && user.isEnabled, in: &transaction)
            audit(actor, hash == nil ? "user.update" : "user.password", name, in: &transaction)
            return user
        }
    }

    /// Deletes a user, with the tokens and application credentials.
    ///
    /// - Throws: `notFound`; `denied` where there would be no admin any more.
    package func deleteUser(named name: String, by actor: Actor) throws(AuthError) {
        try change { (transaction) throws(AuthError) in
            let (user, revision) = try existing(name)
            transaction.delete(AccountKeys.user(user.id), revision: revision)
            try delete(AccountKeys.userName(name), in: &transaction)
            for entry in try all(AccountKeys.credentials(of: user.id)) {
                transaction.delete(entry.key, revision: entry.revision)
                try delete(AccountKeys.credential(String(decoding: entry.value, as: UTF8.self)), in: &transaction)
            }
            try setAdmin(user.id, to: false, in: &transaction)
            audit(actor, "user.delete", name, in: &transaction)
        }
    }

    /// All projects, by name.
    package func projects() throws(AuthError) -> [Project] {
        var projects: [Project] = []
        for entry in try all(AccountKeys.projects) { projects.append(try Project(entry.value)) }
        return projects.sorted { $0.name < $1.name }
    }

    /// The project of an id; nil where there is none.
    package func project(_ id: String) throws(AuthError) -> Project? {
        guard id.utf8.count <= 128, let entry = try get(AccountKeys.project(id)) else { return nil }
        return try Project(entry.value)
    }

    private func project(
        named name: String, by actor: Actor, in transaction: inout StoreTransaction
    ) throws(AuthError) -> Project {
        if let id = try get(AccountKeys.projectName(name)), let project = try project(String(decoding: id.value, as: UTF8.self)) {
            return project
        }
        let project = Project(id: Self.makeID(), name: name)
        transaction.create(AccountKeys.project(project.id), project.json)
        transaction.create(AccountKeys.projectName(name), Array(project.id.utf8))
        audit(actor, "project.create", name, in: &transaction)
        return project
    }

    /// A user that must be there, and the revision of its record.
    func existing(_ name: String) throws(AuthError) -> (user: User, revision: Int) {
        guard name.utf8.count <= 128, !name.isEmpty, let id = try get(AccountKeys.userName(name)),
            let entry = try get(AccountKeys.user(String(decoding: id.value, as: UTF8.self)))
        else { throw AuthError(.notFound, "there is no user of the name '\(name.prefix(128))'") }
        return (try User(entry.value), entry.revision)
    }

    /// Keeps the list of admins, of whom one must be left.
    private func setAdmin(_ id: String, to isAdmin: Bool, in transaction: inout StoreTransaction) throws(AuthError) {
        let entry = try get(AccountKeys.admins)
        var admins = Set(String(decoding: entry?.value ?? [], as: UTF8.self).split(separator: "\n").map(String.init))
        guard admins.contains(id) != isAdmin else { return }
        if isAdmin { admins.insert(id) } else { admins.remove(id) }
        if admins.isEmpty { throw AuthError(.denied, "this is the only admin: make another one first") }
        let text = admins.sorted().joined(separator: "\n")
        transaction.replace(AccountKeys.admins, revision: entry?.revision ?? 0, with: Array(text.utf8))
    }
}
