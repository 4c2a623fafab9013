import Authorization
import HTTPServer

/// The routing table of the API, and what each route does as far as it matters who asks.
struct APIRoutes: Sendable {
    private struct Key: Hashable {
        let method: HTTPMethod
        let pattern: String
    }

    private(set) var table = HTTPRoutes()
    private var actions: [Key: Action] = [:]
    /// The routes that only tell what they would do where the query says `dry_run=true`.
    private var plannable: Set<Key> = []

    init(_ handlers: APIHandlers) {
        let job = HTTPRoutes.Body(type: "application/json", limit: APIHandlers.longestJob)
        table.add(.get, "/healthz", handlers.health)
        table.add(.get, "/readyz", handlers.readiness)
        allow(.read, .get, "/v1/status")
        table.add(.get, "/v1/status", handlers.status)
        add(.read, .get, "/v1/load-balancers", handlers.list)
        add(.read, .get, "/v1/load-balancers/{id}", handlers.show)
        addChange(.put, "/v1/load-balancers/{id}", body: job, handlers.put)
        addChange(.delete, "/v1/load-balancers/{id}", handlers.delete)
        addChange(.post, "/v1/load-balancers/{id}/suspend", handlers.suspend)
        addChange(.post, "/v1/load-balancers/{id}/enable", handlers.enable)
        addChange(.patch, "/v1/load-balancers/{id}/nodes/{node}", body: job, handlers.patchNode)
        add(.read, .get, "/v1/why/{id}", handlers.why)
        add(.read, .get, "/v1/why/{id}/{node}", handlers.why)
        add(.read, .get, "/v1/journal", handlers.journal)
        allow(.read, .get, "/v1/events")
        table.add(.get, "/v1/events", handlers.events)
        add(.change, .post, "/v1/jobs", body: job, handlers.job)
        add(.read, .post, "/v1/plan", body: job, handlers.plan)
    }

    /// What a request does; nil where anybody may do it.
    func action(of request: HTTPRequest) -> Action? {
        let key = Key(method: request.method == .head ? .get : request.method, pattern: request.route)
        return plannable.contains(key) && request.query("dry_run") == "true" ? .read : actions[key]
    }

    private mutating func addChange(
        _ method: HTTPMethod, _ pattern: String, body: HTTPRoutes.Body = .init(), _ handler: @escaping HTTPRoutes.LateHandler
    ) {
        plannable.insert(Key(method: method, pattern: pattern))
        add(.change, method, pattern, body: body, handler)
    }

    private mutating func allow(_ action: Action, _ method: HTTPMethod, _ pattern: String) {
        actions[Key(method: method, pattern: pattern)] = action
    }

    private mutating func add(
        _ action: Action, _ method: HTTPMethod, _ pattern: String, body: HTTPRoutes.Body = .init(),
        _ handler: @escaping HTTPRoutes.LateHandler
    ) {
        allow(action, method, pattern)
        table.add(method, pattern, body: body, late: handler)
    }
}
