import Authorization
package import FleetAuth
package import HTTPServer
package import HostSystem
import JSON
package import LBaaS

/// OpenStack's Identity API v3 (Keystone), as far as clients of load balancers need it: passwords and application credentials become tokens,
/// which can be looked at and revoked. There is one domain, `default`, and a user is of one project.
///
/// | route | answer |
/// |---|---|
/// | `GET /v3` | the version |
/// | `POST /v3/auth/tokens` | 201 with the token in `X-Subject-Token` |
/// | `GET`, `HEAD /v3/auth/tokens` | 200 with what the token in `X-Subject-Token` is for; `?nocatalog` |
/// | `DELETE /v3/auth/tokens` | 204: the token in `X-Subject-Token` is revoked |
/// | `GET /v3/projects`, `/v3/projects/{id}` | the projects that whoever asks sees: the own one, all for an admin; `?name=` |
///
/// Tokens are asked with a token in `X-Auth-Token`: of the same user, or of an admin. Errors are
/// `{"error": {"code": …, "title": …, "message": …}}`.
package struct IdentityAPI: Sendable {
    /// How the API is found, and what it tells.
    package struct Configuration: Sendable {
        /// Where clients reach the server, `https://HOST:PORT`; nil for what they name in their requests.
        package var publicURL: String?
        /// The services of the catalog.
        package var services: [CatalogService]
        /// Where failures are logged.
        package var log: Log = .silent

        /// A catalog with these services.
        package init(services: [CatalogService]) { self.services = services }
    }

    private let accounts: Accounts
    private let work: WorkQueue
    private let configuration: Configuration

    /// - Parameter work: the threads on which requests wait for the store and for hashes.
    package init(_ accounts: Accounts, _ work: WorkQueue, _ configuration: Configuration) {
        (self.accounts, self.work, self.configuration) = (accounts, work, configuration)
    }

    /// Adds the routes.
    package func add(to routes: inout HTTPRoutes) {
        for path in ["/v3", "/v3/"] {
            routes.add(.get, path) { request in json(200, IdentityText.version(url(request))) }
        }
        let path = "/v3/auth/tokens"
        routes.add(.post, path, body: .init(type: "application/json"), late: late(logIn))
        routes.add(.get, path, late: late(show))
        routes.add(.delete, path, late: late(revoke))
        routes.add(.get, "/v3/projects", late: late(listProjects))
        routes.add(.get, "/v3/projects/{id}", late: late(showProject))
    }

    /// A handler that runs on the threads for work.
    private func late(
        _ handle: @escaping @Sendable (HTTPRequest) throws(IdentityFailure) -> HTTPResponse
    ) -> HTTPRoutes.LateHandler {
        { request, reply in
            let isTaken = work.add {
                // Whoever does not wait any more needs no token.
                guard reply.isWanted else { return }
                do throws(IdentityFailure) {
                    reply.send(try handle(request))
                } catch {
                    reply.send(response(error, request))
                }
            }
            if !isTaken {
                reply.send(
                    response(.auth(AuthError(.busy, "too many requests wait: try again in a second", retryAfter: 1)), request))
            }
        }
    }

    /// Why there is no answer as it was asked for.
    private enum IdentityFailure: Error {
        case fault(IdentityFault)
        case auth(AuthError)
    }

    private func logIn(_ request: HTTPRequest) throws(IdentityFailure) -> HTTPResponse {
        let wanted = try read(request.body)
        let address = request.clientAddress
        do throws(AuthError) {
            let token =
                switch wanted.method {
                case .password(let user, let password):
                    try accounts.logIn(try name(user), password: password, for: wanted.project, from: address)
                case .credential(let id, let secret):
                    try accounts.logIn(.id(id), secret: secret, for: wanted.project, from: address)
                case .namedCredential(let name, let user, let secret):
                    try accounts.logIn(.name(name, user: try self.name(user)), secret: secret, for: wanted.project, from: address)
                }
            return answer(201, token.session, token.text, request, hasCatalog: true)
        } catch {
            // OpenStack's server takes another project for a failure to be recognised.
            if error.code == .denied { throw .fault(IdentityFault(status: 401, message: error.message)) }
            throw .auth(error)
        }
    }

    /// The name of a user; for an unknown id one that nobody can have, so that the answer is the same as for an unknown name.
    private func name(_ user: IdentityRequest.UserName) throws(AuthError) -> String {
        switch user {
        case .name(let name): name
        case .id(let id): try accounts.user(id)?.name ?? "\0" + id
        }
    }

    private func show(_ request: HTTPRequest) throws(IdentityFailure) -> HTTPResponse {
        let (_, subject, token) = try subject(of: request)
        return answer(200, subject, token, request, hasCatalog: request.query("nocatalog") == nil)
    }

    private func revoke(_ request: HTTPRequest) throws(IdentityFailure) -> HTTPResponse {
        let (asker, subject, _) = try subject(of: request)
        do throws(AuthError) {
            try accounts.revoke(subject, by: Actor(name: asker.name, address: request.clientAddress))
        } catch {
            throw .auth(error)
        }
        return HTTPResponse(status: 204)
    }

    private func listProjects(_ request: HTTPRequest) throws(IdentityFailure) -> HTTPResponse {
        let name = request.query("name")
        let projects = try visibleProjects(request).filter { project in name.map { project.name.utf8.elementsEqual($0.utf8) } ?? true }
        return json(200, IdentityText.projects(projects, url(request)))
    }

    private func showProject(_ request: HTTPRequest) throws(IdentityFailure) -> HTTPResponse {
        let id = request.parameter("id") ?? ""
        guard let project = try visibleProjects(request).first(where: { $0.id == id }) else {
            throw .fault(IdentityFault(status: 404, message: "there is no project with this id, or not for you"))
        }
        return json(200, IdentityText.project(project, url(request)))
    }

    /// The projects that whoever asks may know of.
    private func visibleProjects(_ request: HTTPRequest) throws(IdentityFailure) -> [Project] {
        let asker = try asker(of: request)
        do throws(AuthError) {
            return try accounts.projects().filter { asker.sees($0.id) }
        } catch {
            throw .auth(error)
        }
    }

    /// Who asks.
    private func asker(of request: HTTPRequest) throws(IdentityFailure) -> Session {
        do throws(AuthError) {
            guard let token = request.headers["x-auth-token"] else { throw .badToken }
            return try accounts.session(token: token)
        } catch {
            throw .auth(error)
        }
    }

    /// Who asks, and the token that it is about.
    private func subject(of request: HTTPRequest) throws(IdentityFailure) -> (asker: Session, subject: Session, token: String) {
        let asker = try asker(of: request)
        guard let token = request.headers["x-subject-token"] else {
            throw .fault(.malformed("the header X-Subject-Token is missing"))
        }
        let subject: Session
        do throws(AuthError) {
            subject = try accounts.session(token: token)
        } catch {
            if error.code == .badToken { throw .fault(IdentityFault(status: 404, message: "the token in X-Subject-Token is not valid")) }
            throw .auth(error)
        }
        guard asker.user == subject.user || asker.role == .admin else {
            throw .auth(AuthError(.denied, "\(asker.name) may not see the token of another user"))
        }
        return (asker, subject, token)
    }
}

extension IdentityAPI {
    private func read(_ body: [UInt8]) throws(IdentityFailure) -> IdentityRequest {
        guard let tokenizer = JSONTokenizer() else { throw .auth(AuthError(.failed, "there is no memory for a request")) }
        let outcome: Result<IdentityRequest, IdentityFault>
        do throws(JSONTextError) {
            outcome = try tokenizer.withDocument(unsafe body.span.bytes) { document in
                Result { () throws(IdentityFault) in try IdentityRequest(document.root) }
            }
        } catch {
            throw .fault(.malformed("the body is not JSON: \(error.reason)"))
        }
        do throws(IdentityFault) {
            return try outcome.get()
        } catch {
            throw .fault(error)
        }
    }

    private func answer(
        _ status: Int, _ session: Session, _ token: String, _ request: HTTPRequest, hasCatalog: Bool
    ) -> HTTPResponse {
        var response = json(
            status, IdentityText.token(session, catalog: hasCatalog ? (configuration.services, url(request)) : nil))
        response.headers += [("X-Subject-Token", token), ("Vary", "X-Auth-Token"), ("Cache-Control", "no-store")]
        return response
    }

    private func response(_ failure: IdentityFailure, _ request: HTTPRequest) -> HTTPResponse {
        switch failure {
        case .fault(let fault): return error(fault.status, fault.message, request)
        case .auth(let fault):
            // What only this server is to blame for is for its log.
            if fault.code == .failed {
                configuration.log.write(.error, "a request of the Identity API failed", [("reason", fault.message)])
            }
            var response = error(
                fault.httpStatus, fault.code == .failed ? "the server failed: see its log" : fault.message, request)
            if let seconds = fault.retryAfter { response.headers.append(("Retry-After", "\(seconds)")) }
            return response
        }
    }

    private func error(_ status: Int, _ message: String, _ request: HTTPRequest) -> HTTPResponse {
        var response = json(status, IdentityText.error(status, HTTPResponse.reason(status), message))
        if status == 401 { response.headers.append(("WWW-Authenticate", "Keystone uri=\"\(url(request))/v3\"")) }
        return response
    }

    private func json(_ status: Int, _ text: String) -> HTTPResponse { HTTPResponse(status: status, type: "application/json", text + "\n") }

    /// Where the client reaches the server.
    private func url(_ request: HTTPRequest) -> String {
        configuration.publicURL ?? "\(request.isSecure ? "https" : "http")://\(request.headers["host"] ?? "localhost")"
    }
}
