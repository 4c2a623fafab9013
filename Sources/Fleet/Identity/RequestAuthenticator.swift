import Authorization
package import FleetAuth
package import HTTPServer
import LBaaS

/// Finds out who sends a request to a server of a fleet, on whatever route: by a token in `X-Auth-Token` or `Authorization: Bearer`, or by the
/// cookie of the web front.
///
/// A browser sends the cookie with each request to this host, also where a page of another port of it has made the request. So a request with
/// the cookie that can change something must have in `X-CSRF-Token` what only the pages of this server know.
package struct RequestAuthenticator: Sendable {
    private let accounts: Accounts
    private let isSecure: Bool

    /// - Parameter isSecure: whether browsers reach the server by TLS, also where something before it has the certificate.
    package init(_ accounts: Accounts, isSecure: Bool = false) { (self.accounts, self.isSecure) = (accounts, isSecure) }

    /// Whose request it is. It asks the store, and blocks for as long. A request with the cookie extends the session.
    ///
    /// - Parameter isUse: whether the request is one that extends it.
    /// - Throws: `badToken`; `denied` where the cookie alone is not enough.
    package func session(of request: HTTPRequest, isUse: Bool = true) throws(AuthError) -> Session {
        guard let token = token(of: request) else {
            throw AuthError(.badToken, "this request needs a token, in X-Auth-Token or Authorization: Bearer")
        }
        if token.isCookie, request.method != .get, request.method != .head {
            let sent = request.headers["x-csrf-token"] ?? ""
            guard MessageCode.areEqual(Array(sent.utf8), Array(Self.csrfToken(for: token.text).utf8)) else {
                throw AuthError(.denied, "a change with the cookie needs the header X-CSRF-Token, as GET /v1/session tells it")
            }
        }
        return try accounts.session(token: token.text, isUse: isUse && token.isCookie)
    }

    /// The token of a request, and whether it is that of the cookie; nil where it has none.
    package func token(of request: HTTPRequest) -> (text: String, isCookie: Bool)? {
        if let token = request.headers["x-auth-token"] { return (token, false) }
        if let header = request.headers["authorization"] { return Token.bearer(header).map { (String($0), false) } }
        let name = cookieName(for: request)
        for field in request.headers.all("cookie") {
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1).map { String(Substring($0)) }
                if parts.count == 2, parts[0].drop(while: { $0 == " " }) == name { return (parts[1], true) }
            }
        }
        return nil
    }

    /// The value of `Set-Cookie` that gives a browser a token; an empty one takes it away.
    ///
    /// - Parameter seconds: for how long.
    package func cookie(_ token: String, for seconds: Int, _ request: HTTPRequest) -> String {
        "\(cookieName(for: request))=\(token); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict\(isSecure(request) ? "; Secure" : "")"
    }

    /// What a page must send with a change where the cookie has this token.
    package static func csrfToken(for token: String) -> String {
        MessageCode.sha256(of: Array("lbaas csrf".utf8), key: Array(token.utf8)).hexadecimal
    }

    /// Where there is TLS no other host can set a cookie of this name.
    private func cookieName(for request: HTTPRequest) -> String { isSecure(request) ? "__Host-lbaas_session" : "lbaas_session" }

    private func isSecure(_ request: HTTPRequest) -> Bool { isSecure || request.isSecure }
}
