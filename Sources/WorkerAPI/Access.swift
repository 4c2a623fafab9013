package import Authorization
import HTTPServer
import HostSystem

/// Who may do what by the API: processes of this host by what the kernel tells of them, others by a token, a signature or a certificate.
package struct Access: Sendable {
    private let local: LocalAccess
    private let tokens: TokenTable
    private let signatures: SignatureTable?

    /// - Parameters:
    ///   - local: who is who over the Unix socket.
    ///   - tokens: who is who over TCP. The common name of a certificate of a client is looked up among the names.
    ///   - signatures: who signs requests over TCP; nil where nobody does.
    package init(local: LocalAccess, tokens: TokenTable, signatures: SignatureTable? = nil) {
        self.local = local
        self.tokens = tokens
        self.signatures = signatures
    }

    /// Finds out who sends a request, and decides whether it may do an action. A token goes before a signature, and that before a certificate.
    func admit(_ request: HTTPRequest, to action: Action) -> HTTPAdmission {
        let caller: Caller
        do throws(SignatureFault) {
            caller = try self.caller(of: request)
        } catch {
            return HTTPAdmission(refusal: .unknownCaller(error.sentence))
        }
        // A signature is accepted once.
        return HTTPAdmission(
            caller: caller, refusal: refusal(of: request, by: caller.principal, to: action), isRepeatable: !caller.hasSigned)
    }

    private func caller(of request: HTTPRequest) throws(SignatureFault) -> Caller {
        switch request.client {
        case .local(let user, let group, let groups, _):
            return Caller(principal: local.principal(user: user, group: group, groups: groups))
        case .remote(_, _, let certificate):
            if let header = request.headers["authorization"] {
                return Caller(principal: Token.bearer(header).flatMap { tokens.principal(token: $0) })
            }
            if let signatures, request.headers["signature-input"] != nil {
                let signed = SignedRequest(
                    method: request.method.rawValue, scheme: request.isSecure ? "https" : "http", authority: request.headers["host"] ?? "",
                    path: request.path, query: request.queryText, fields: request.headers.all(named:))
                let signer = try signatures.signer(
                    of: signed, hasBody: request.announcesBody, now: Clock.unixTime())
                return Caller(principal: signer.principal, hasSigned: true, digest: signer.digest)
            }
            return Caller(principal: certificate.flatMap { tokens.principal(name: $0.commonName) })
        }
    }

    private func refusal(of request: HTTPRequest, by principal: Principal?, to action: Action) -> HTTPResponse? {
        switch Decision.on(action, by: principal) {
        case .allowed: return nil
        case .denied(let reason): return .problem(403, reason)
        case .unknown(let reason):
            guard case .local(let user, _, _, _) = request.client else { return .unknownCaller(reason) }
            return .problem(
                403,
                "the user \(user) may not use this socket; root, the user of the worker and members of the groups in `operators` and `viewers` of [api] may"
            )
        }
    }
}

/// Who sends a request.
struct Caller: Sendable {
    /// Nil for somebody who may nothing.
    let principal: Principal?
    /// Whether it is known by a signature.
    var hasSigned = false
    /// The SHA-256 that the body must have, by the signature; nil where nothing is signed.
    var digest: [UInt8]?
}

extension HTTPRequest {
    private var knownCaller: Caller? { caller as? Caller }

    /// Who sends it; nil where that is not known, or nobody was asked.
    var principal: Principal? { knownCaller?.principal }

    /// Who sends it, as the journal and the log have it.
    var origin: String { "api:\(principal?.name ?? "-")" }

    /// Whether its signature is about a body.
    var hasSignedBody: Bool { knownCaller?.digest != nil }

    /// The response to a request whose body is not the one that was signed; nil where it is, or nothing was signed.
    var bodyRefusal: HTTPResponse? {
        guard let digest = knownCaller?.digest, digest != Token.hash(body) else { return nil }
        return .unknownCaller("the body does not have the digest that Content-Digest says")
    }
}

extension HTTPResponse {
    /// It is not known who sends a request.
    fileprivate static func unknownCaller(_ reason: String) -> HTTPResponse {
        .problem(401, reason, headers: [("WWW-Authenticate", "Bearer")])
    }
}
