package import Authorization
package import LBaaS

/// Somebody who was recognised, by a password, an application credential or a token.
package struct Session: Hashable, Sendable {
    /// The id of the user.
    package let user: String
    /// The name of the user.
    package let name: String
    /// What the user may do: with an application credential, no more than that.
    package let role: Role
    /// The id of the project.
    package let project: String
    /// The name of the project.
    package let projectName: String
    /// When the token was made, and until when it is valid.
    package let issued, expires: Timestamp
    /// Until when the token can be extended by its use; nil for one that ends at its time in any case.
    package let limit: Timestamp?
    /// The name of the token in lists and in the audit: the first 16 hexadecimal digits of its hash.
    package let tokenName: String
    /// The id of the application credential that the token was made for; nil for a password.
    package let credential: String?
    /// The hash of the token.
    let tokenHash: String

    /// Decides on an action.
    ///
    /// - Parameter project: the project of what it is about; nil for what is of no project, such as hosts.
    package func decision(on action: Action, in project: String? = nil) -> Decision {
        let decision = Decision.on(action, by: Principal(name: name, role: role))
        guard decision == .allowed, let project, project != self.project, role < .admin else { return decision }
        return .denied("\(name) is of the project \(projectName), and this is of another one")
    }

    /// Whether a change of a key of the store can end it.
    package func depends(onKey key: String) -> Bool {
        let keys = [AccountKeys.token(tokenHash), AccountKeys.user(user)] + (credential.map { [AccountKeys.credential($0)] } ?? [])
        return keys.contains(key)
    }

    /// Whether it sees what is of a project.
    package func sees(_ project: String) -> Bool { role == .admin || project == self.project }
}

/// By what a project is named.
package enum ProjectName: Hashable, Sendable {
    /// Its id.
    case id(String)
    /// Its name.
    case name(String)

    /// Whether it names a project. Texts are the same where their bytes are.
    func names(_ project: Project) -> Bool {
        switch self {
        case .id(let id): id.utf8.elementsEqual(project.id.utf8)
        case .name(let name): name.utf8.elementsEqual(project.name.utf8)
        }
    }
}

/// A token, which is kept nowhere: the store has its hash.
package struct IssuedToken: Sendable {
    /// The text of the token.
    package let text: String
    /// Whose it is.
    package let session: Session
}
