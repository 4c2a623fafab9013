import Authorization
import HTTPServer
package import LBaaS
import Metrics
package import Requests
import Synchronization
package import WorkerMetrics

/// Takes requests by HTTP: over a Unix socket, and over TCP.
package final class APIIntake: Intake {
    package let name = "a request of the API"
    private let configuration: APIConfiguration
    private let worker: WorkerDescription
    private let jobs: any JobTranslator
    private let events: WorkerEvents
    private let metrics: WorkerMetrics
    private let log: Log
    private let server = Mutex<HTTPServer?>(nil)

    /// An intake that does not listen yet.
    package init(
        _ configuration: APIConfiguration, worker: WorkerDescription, jobs: any JobTranslator, events: WorkerEvents,
        metrics: WorkerMetrics, log: Log
    ) {
        self.metrics = metrics
        self.events = events
        self.configuration = configuration
        self.worker = worker
        self.jobs = jobs
        self.log = log
    }

    func routes(to core: any RequestHandler) -> APIRoutes {
        APIRoutes(
            APIHandlers(core: core, worker: worker, jobs: jobs, events: events),
            Scraper(core: core, worker: worker, metrics: metrics))
    }

    package func start(handingTo core: any RequestHandler) throws(IntakeFailure) {
        // It would be reached by nobody, and take memory.
        if configuration.tcp == nil && configuration.socket == nil { return }
        let access = configuration.access
        let routes = routes(to: core)
        let requests = metrics.requests
        requests.begin(routes.table.all.map { ($0.method.rawValue, $0.pattern) }, streams: ["/v1/events"])
        var limits = HTTPLimits()
        // As long as an appliance may take for a change, and an object store for a log. A change that is not begun is refused before.
        limits.handler = .seconds(180)
        let new = HTTPServer(routes: routes.table, limits: limits) { request in
            routes.action(of: request).map { access.admit(request, to: $0) } ?? HTTPAdmission()
        } observe: { [log] record in
            requests.ended(route: record.routeNumber, status: record.status, in: record.duration)
            if let request = record.request, routes.isLogged(request) {
                log.write(record, from: request.origin)
            }
        }
        do throws(HTTPServerError) {
            if let tcp = configuration.tcp { try new.listen(on: tcp) }
            if let socket = configuration.socket { try listen(new, socket) }
        } catch {
            new.finish(within: .zero)
            throw IntakeFailure("the API cannot listen: \(error.description)")
        }
        server.withLock { $0 = new }
    }

    private func listen(_ server: HTTPServer, _ socket: UnixListener) throws(HTTPServerError) {
        do throws(HTTPServerError) {
            try server.listen(on: socket)
        } catch {
            if !configuration.isSocketOptional { throw error }
            log.write(
                .warning, "the API cannot listen on its default socket; set `socket` in [api], `none` for no socket",
                [("error", error.description)])
        }
    }

    /// How many connections there are now.
    package var connections: Int { server.withLock(\.self)?.connections ?? 0 }

    package func stopTaking() { server.withLock(\.self)?.stopTaking() }

    package func finish(within limit: Duration) -> Bool {
        guard let server = server.withLock({ $0.take() }), !server.finish(within: min(limit, .seconds(2))) else { return true }
        log.write(.warning, "a client of the API did not take its response before the stop")
        // What it asked for is done or refused, and it was told or is gone.
        return true
    }
}
