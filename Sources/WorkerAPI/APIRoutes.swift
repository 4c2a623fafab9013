import Authorization
import Dashboard
import HTTPServer
import Requests
import WebPage

/// The routing table of the API, and what each route does as far as it matters who asks.
struct APIRoutes: Sendable {
    private struct Key: Hashable {
        let method: HTTPMethod
        let pattern: String
    }

    private(set) var table = HTTPRoutes()
    private let once: @Sendable (@escaping HTTPRoutes.LateHandler) -> HTTPRoutes.LateHandler
    private let checked: @Sendable (HTTPRequest, HTTPReply, @escaping @Sendable () -> Void) -> Void
    private var actions: [Key: Action] = [:]
    /// The routes that only tell what they would do where the query says `dry_run=true`.
    private var plannable: Set<Key> = []

    init(_ handlers: APIHandlers, _ scraper: Scraper) {
        once = handlers.once
        checked = handlers.withCheckedBody
        let job = HTTPRoutes.Body(type: "application/json", limit: APIHandlers.longestJob)
        table.add(.get, "/healthz", handlers.health)
        table.add(.get, "/readyz", late: handlers.readiness)
        add(.read, .get, "/metrics", scraper.answer)
        for file in Dashboard.files { table.add(.get, file.path, file.handler) }
        table.add(.get, "/openapi.json") { _ in HTTPResponse(type: "application/json", OpenAPI.text) }
        add(.read, .get, "/v1/status") { $1.send(handlers.status($0)) }
        add(.read, .get, "/v1/load-balancers", handlers.list)
        add(.read, .get, "/v1/load-balancers/{id}", handlers.show)
        addChange(.put, "/v1/load-balancers/{id}", body: job, handlers.put)
        addChange(.delete, "/v1/load-balancers/{id}", query: ["force"], handlers.delete)
        addChange(.post, "/v1/load-balancers/{id}/suspend", handlers.suspend)
        addChange(.post, "/v1/load-balancers/{id}/enable", handlers.enable)
        addChange(.put, "/v1/load-balancers/{id}/nodes/{node}", body: job, handlers.putNode)
        addChange(.patch, "/v1/load-balancers/{id}/nodes/{node}", body: job, handlers.patchNode)
        addChange(.delete, "/v1/load-balancers/{id}/nodes/{node}", handlers.deleteNode)
        add(.read, .get, "/ips") { $1.send(handlers.virtualIPs($0)) }
        add(.read, .get, "/ips/{id}") { $1.send(handlers.virtualIP($0)) }
        let virtualIP = HTTPRoutes.Body(type: "application/json", limit: APIHandlers.longestVirtualIP)
        addChange(.post, "/ips", body: virtualIP, handlers.addVirtualIP)
        addChange(.patch, "/ips/{id}", body: virtualIP, handlers.patchVirtualIP)
        addChange(.delete, "/ips/{id}", handlers.removeVirtualIP)
        addChange(.post, "/ips/{id}/failover", query: ["host"], handlers.failOver)
        add(.read, .get, "/v1/why/{id}", handlers.why)
        add(.read, .get, "/v1/why/{id}/{node}", handlers.why)
        add(.read, .get, "/v1/journal", query: ["after", "limit"], handlers.journal)
        add(.read, .get, "/v1/traffic", query: ["id"], repeated: true, handlers.traffic)
        allow(.read, .get, "/v1/events")
        table.add(.get, "/v1/events", handlers.events)
        add(.change, .post, Self.jobs, body: job, handlers.once(handlers.job))
        add(.read, .post, "/v1/plan", body: job, handlers.plan)
    }

    /// The least role that may use a route; nil where anybody may.
    func role(_ method: HTTPMethod, _ pattern: String) -> Role? { actions[Key(method: method, pattern: pattern)]?.role }

    /// What a request does; nil where anybody may do it.
    func action(of request: HTTPRequest) -> Action? {
        let key = Key(method: request.method == .head ? .get : request.method, pattern: request.route)
        return plannable.contains(key) && request.query("dry_run") == "true" ? .read : actions[key]
    }

    /// Whether the log has a line of a request: it is one that changes something. A job has a line of its own.
    func isLogged(_ request: HTTPRequest) -> Bool {
        actions[Key(method: request.method, pattern: request.route)] == .change && request.route != Self.jobs
    }

    private static let jobs = "/v1/jobs"

    private mutating func addChange(
        _ method: HTTPMethod, _ pattern: String, query: [String] = [], body: HTTPRoutes.Body = .init(),
        _ handler: @escaping HTTPRoutes.LateHandler
    ) {
        plannable.insert(Key(method: method, pattern: pattern))
        add(.change, method, pattern, query: ["dry_run"] + query, body: body, once(handler))
    }

    private mutating func allow(_ action: Action, _ method: HTTPMethod, _ pattern: String) {
        actions[Key(method: method, pattern: pattern)] = action
    }

    private mutating func add(
        _ action: Action, _ method: HTTPMethod, _ pattern: String, query: [String] = [], repeated: Bool = false,
        body: HTTPRoutes.Body = .init(), _ handler: @escaping HTTPRoutes.LateHandler
    ) {
        allow(action, method, pattern)
        table.add(method, pattern, body: body) { [checked] request, reply in
            checked(request, reply) {
                do throws(Refusal) {
                    try request.allowQuery(query, repeated: repeated)
                    handler(request, reply)
                } catch {
                    reply.send(.problem(error, at: nil))
                }
            }
        }
    }
}
