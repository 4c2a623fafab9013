import Authorization
package import FleetAuth
import FleetIdentity
package import FleetModel
package import HTTPServer
package import HostSystem
package import LBaaS

/// The routes of a fleet's server that are its own: who uses it, with which tokens, and who did what; and the pages for browsers.
///
/// Who asks is found out by `RequestAuthenticator`. Each route has a least role; errors are problems of RFC 9457.
package struct FrontAPI: Sendable {
    /// How the API is found, and what it tells.
    package struct Configuration: Sendable {
        /// Whether browsers reach the server by TLS, also where something before it has the certificate.
        package var isSecure = false
        /// What is answered at `/` to programs, which do not ask for a page.
        package var versions: (@Sendable (HTTPRequest) -> HTTPResponse)?
        /// Where failures are logged.
        package var log: Log = .silent

        /// The usual configuration.
        package init() {}
    }

    let accounts: Accounts
    let cache: FleetCache
    let events: FleetEvents
    let tickets: EventTickets
    let work: WorkQueue
    let configuration: Configuration
    let authenticator: RequestAuthenticator

    /// - Parameters:
    ///   - cache: what the store has of the fleet.
    ///   - work: the threads on which requests wait for the store and for hashes.
    package init(_ accounts: Accounts, _ cache: FleetCache, _ work: WorkQueue, _ configuration: Configuration = .init()) {
        (self.accounts, self.cache, self.work, self.configuration) = (accounts, cache, work, configuration)
        events = FleetEvents(cache)
        tickets = EventTickets(accounts, cache)
        authenticator = RequestAuthenticator(accounts, isSecure: configuration.isSecure)
    }

    /// The routes that ask who it is, with the least role of each.
    var calls: [Route] {
        sessionRoutes + userRoutes + tokenRoutes + fleetRoutes + [
            Route(.get, "/v1/audit", .administer, query: ["since", "limit"], listAudit)
        ]
    }

    /// Ends the streams of events, before the server is stopped.
    package func stop() {
        events.stop()
        tickets.stop()
    }

    /// Adds the routes.
    package func add(to routes: inout HTTPRoutes) {
        addPages(to: &routes)
        routes.add(.get, "/openapi.json") { _ in HTTPResponse(type: "application/json", OpenAPI.text) }
        routes.add(.post, Self.sessionPath, body: Route.body, late: late(logIn))
        for route in calls {
            let handler = late { (request) throws(FrontFailure) in try answer(request, route) }
            routes.add(route.method, route.pattern, body: route.hasBody ? Route.body : .init(), late: handler)
        }
    }
}

extension FrontAPI {
    /// A route, whose handler is told who asks.
    struct Route: Sendable {
        typealias Handler = @Sendable (Call) throws(FrontFailure) -> HTTPResponse

        /// What a body must be.
        static let body = HTTPRoutes.Body(type: "application/json", limit: 16 << 10)

        let method: HTTPMethod
        let pattern: String
        let action: Action
        let query: [String]
        let hasBody: Bool
        let handler: Handler

        /// - Parameter query: the names that the query may have.
        init(
            _ method: HTTPMethod, _ pattern: String, _ action: Action, query: [String] = [], hasBody: Bool = false,
            _ handler: @escaping Handler
        ) {
            (self.method, self.pattern, self.action) = (method, pattern, action)
            (self.query, self.hasBody, self.handler) = (query, hasBody, handler)
        }
    }

    /// A request of somebody who was recognised.
    struct Call: Sendable {
        let request: HTTPRequest
        let session: Session

        /// Who asks, for the audit.
        var actor: Actor { Actor(name: session.name, address: request.clientAddress) }

        /// Whether it is an admin.
        var isAdmin: Bool { session.role == .admin }
    }

    private func answer(_ request: HTTPRequest, _ route: Route) throws(FrontFailure) -> HTTPResponse {
        // The pages begin the stream of events again by themselves, so that is no use of the session.
        let isUse = route.pattern != Self.eventsPath
        let session = try onAccounts { () throws(AuthError) in try authenticator.session(of: request, isUse: isUse) }
        switch session.decision(on: route.action) {
        case .allowed: break
        case .denied(let reason), .unknown(let reason): throw .refusal(.denied(reason))
        }
        for (place, (name, _)) in request.query.enumerated() {
            guard route.query.contains(name) else {
                let known = route.query.isEmpty ? "there are none here" : "there are \(route.query.joined(separator: ", "))"
                throw .invalid("'\(name.prefix(60))' is not a parameter of the query: \(known)")
            }
            if request.query[..<place].contains(where: { $0.name == name }) { throw .invalid("\(name): appears twice in the query") }
        }
        return try route.handler(Call(request: request, session: session))
    }

    /// A handler that runs on the threads for work.
    private func late(
        _ handle: @escaping @Sendable (HTTPRequest) throws(FrontFailure) -> HTTPResponse
    ) -> HTTPRoutes.LateHandler {
        { request, reply in
            let isTaken = work.add {
                // Whoever does not wait any more gets nothing.
                guard reply.isWanted else { return }
                do throws(FrontFailure) {
                    reply.send(try handle(request))
                } catch {
                    reply.send(response(error, request))
                }
            }
            if !isTaken { reply.send(FrontError.busy.response) }
        }
    }

    private func response(_ failure: FrontFailure, _ request: HTTPRequest) -> HTTPResponse {
        switch failure {
        case .refusal(let error): return error.response
        case .accounts(let error):
            if error.code == .failed {
                configuration.log.write(.error, "a request failed", [("route", request.route), ("reason", error.message)])
            }
            return FrontError(error).response
        }
    }
}

extension HTTPResponse {
    /// Text that is JSON, and that nobody keeps.
    static func json(_ text: String, status: Int = 200) -> HTTPResponse {
        var response = HTTPResponse(status: status, type: "application/json", text + "\n")
        response.headers.append(("Cache-Control", "no-store"))
        return response
    }
}
