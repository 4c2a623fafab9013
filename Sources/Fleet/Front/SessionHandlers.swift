import Authorization
import FleetAuth
import FleetIdentity
import HTTPServer
import JSON
import LBaaS

// Who asks: a login of a browser gives it a cookie, and what its pages must send with a change.

extension FrontAPI {
    static let sessionPath = "/v1/session"

    var sessionRoutes: [Route] {
        [Route(.get, Self.sessionPath, .read, showSession), Route(.delete, Self.sessionPath, .read, logOut)]
    }

    /// Recognises a user by the password, or a program by an application credential. A browser gets a cookie with the token, and the body does not
    /// have it, so that no script of a page can read it; a program that asks for no cookie gets it in the body.
    func logIn(_ request: HTTPRequest) throws(FrontFailure) -> HTTPResponse {
        let body = try RequestBody(request, fields: ["name", "password", "credential", "secret", "cookie"])
        let wantsCookie = try body.flag("cookie") ?? true
        let token = try token(for: body, from: request.clientAddress, isSession: wantsCookie)
        if !wantsCookie { return .json(FrontText.session(token.session, token: token.text), status: 201) }
        // The server says when the session ends; the browser need not know of each time that it is extended.
        let end = token.session.limit ?? token.session.expires
        let seconds = Int((end - token.session.issued).components.seconds)
        var response = HTTPResponse.json(
            FrontText.session(token.session, csrf: RequestAuthenticator.csrfToken(for: token.text)), status: 201)
        response.headers.append(("Set-Cookie", authenticator.cookie(token.text, for: seconds, request)))
        return response
    }

    private func token(for body: RequestBody, from address: String, isSession: Bool) throws(FrontFailure) -> IssuedToken {
        if let credential = try body.text("credential") {
            let secret = try body.required("secret")
            guard try body.text("name") == nil, try body.text("password") == nil else {
                throw .invalid("credential: excludes name and password", field: "credential")
            }
            return try onAccounts { () throws(AuthError) in
                try accounts.logIn(.id(credential), secret: secret, from: address, isSession: isSession)
            }
        }
        let (name, password) = (try body.required("name"), try body.required("password"))
        return try onAccounts { () throws(AuthError) in
            try accounts.logIn(name, password: password, from: address, isSession: isSession)
        }
    }

    private func showSession(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let token = authenticator.token(of: call.request)
        let csrf = token.flatMap { $0.isCookie ? RequestAuthenticator.csrfToken(for: $0.text) : nil }
        return .json(FrontText.session(call.session, csrf: csrf))
    }

    /// Ends the token of the request, for all servers.
    private func logOut(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        try onAccounts { () throws(AuthError) in try accounts.revoke(call.session, by: call.actor) }
        return HTTPResponse(status: 204, headers: [("Set-Cookie", authenticator.cookie("", for: 0, call.request))])
    }
}
