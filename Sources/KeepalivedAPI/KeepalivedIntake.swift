import HTTPServer
package import LBaaS
package import Requests
import Synchronization

/// Takes the requests of go_keepalived's clients: `POST /` with a flat object of strings.
package final class KeepalivedIntake: Intake {
    package let name = "a request of go_keepalived's API"
    private let configuration: KeepalivedConfiguration
    private let log: Log
    private let server = Mutex<HTTPServer?>(nil)

    /// An intake that does not listen yet.
    package init(_ configuration: KeepalivedConfiguration, log: Log) {
        self.configuration = configuration
        self.log = log
    }

    package func start(handingTo core: any RequestHandler) throws(IntakeFailure) {
        let handlers = KeepalivedHandlers(core: core, password: configuration.password, log: log)
        var routes = HTTPRoutes()
        // Its clients send any type, mostly that of a form.
        routes.add(.post, "/", body: .init(limit: KeepalivedMessage.longest), late: handlers.answer)
        var limits = HTTPLimits()
        // As long as an appliance may take for a change. A change that is not begun is refused before.
        limits.handler = .seconds(180)
        let new = HTTPServer(routes: routes, limits: limits)
        do throws(HTTPServerError) {
            try new.listen(on: configuration.listener)
        } catch {
            new.finish(within: .zero)
            throw IntakeFailure("the API of go_keepalived cannot listen: \(error.description)")
        }
        server.withLock { $0 = new }
    }

    package func stopTaking() { server.withLock(\.self)?.stopTaking() }

    package func finish(within limit: Duration) -> Bool {
        guard let server = server.withLock({ $0.take() }), !server.finish(within: min(limit, .seconds(2))) else { return true }
        log.write(.warning, "a client of go_keepalived's API did not take its response before the stop")
        // What it asked for is done or refused, and it was told or is gone.
        return true
    }
}
