package import Authorization
import HTTPServer

/// Who may do what by the API: processes of this host by what the kernel tells of them, others by a token or a certificate.
package struct Access: Sendable {
    private let local: LocalAccess
    private let tokens: TokenTable

    /// - Parameters:
    ///   - local: who is who over the Unix socket.
    ///   - tokens: who is who over TCP. The common name of a certificate of a client is looked up among the names.
    package init(local: LocalAccess, tokens: TokenTable) {
        self.local = local
        self.tokens = tokens
    }

    /// Who sends a request; nil for somebody who may nothing. A token goes before a certificate.
    func principal(of request: HTTPRequest) -> Principal? {
        switch request.client {
        case .local(let user, let group, let groups, _):
            return local.principal(user: user, group: group, groups: groups)
        case .remote(_, _, let certificate):
            if let header = request.headers["authorization"] { return Token.bearer(header).flatMap { tokens.principal(token: $0) } }
            return certificate.flatMap { tokens.principal(name: $0.commonName) }
        }
    }

    /// Who sends a request, as the journal and the log have it.
    func origin(of request: HTTPRequest) -> String { "api:\(principal(of: request)?.name ?? "-")" }

    /// The response to a request that may not do an action; nil where it may.
    func refusal(of request: HTTPRequest, to action: Action) -> HTTPResponse? {
        let principal = principal(of: request)
        switch Decision.on(action, by: principal) {
        case .allowed: return nil
        case .denied(let reason): return .problem(403, reason)
        case .unknown(let reason):
            guard case .local(let user, _, _, _) = request.client else {
                return .problem(401, reason, headers: [("WWW-Authenticate", "Bearer")])
            }
            return .problem(
                403,
                "the user \(user) may not use this socket; root, the user of the worker and members of the groups in `operators` and `viewers` of [api] may"
            )
        }
    }
}
