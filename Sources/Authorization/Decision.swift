/// What somebody may do. Each role may do what those before it may.
package enum Role: String, CaseIterable, Comparable, Sendable {
    /// Looks at everything that is no secret.
    case viewer
    /// Changes load balancers, nodes and addresses.
    case `operator`
    /// Changes who may do what, and overrides what protects others from mistakes.
    case admin

    package static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

/// Somebody who was recognised.
package struct Principal: Hashable, Sendable {
    /// What the log and the journal call it.
    package let name: String
    /// What it may do.
    package let role: Role

    /// Somebody with a role.
    package init(name: String, role: Role) {
        self.name = name
        self.role = role
    }
}

/// What a request does, as far as it matters who asks.
package enum Action: CaseIterable, Sendable {
    /// Reads state, events, the journal or metrics, or asks what a change would do.
    case read
    /// Changes what the host should run.
    case change
    /// Changes who may do what, or forces what would be refused.
    case administer

    /// The least role that may do it.
    package var role: Role {
        switch self {
        case .read: .viewer
        case .change: .operator
        case .administer: .admin
        }
    }
}

/// Whether a request may be carried out.
package enum Decision: Equatable, Sendable {
    case allowed
    /// It is not known who asks: 401. The reason is for the client.
    case unknown(String)
    /// Whoever asks may not do it: 403. The reason is for the client.
    case denied(String)

    /// Decides on an action.
    ///
    /// - Parameter principal: who asks; nil where nobody was recognised.
    package static func on(_ action: Action, by principal: Principal?) -> Decision {
        guard let principal else {
            return .unknown("this request needs a token or a certificate of somebody with the role \(action.role.rawValue)")
        }
        if principal.role >= action.role { return .allowed }
        return .denied("\(principal.name) has the role \(principal.role.rawValue), and this request needs \(action.role.rawValue)")
    }
}
