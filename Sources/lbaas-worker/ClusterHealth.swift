import HTTPServer
import HostSystem
import JSON
import Kubernetes
import LBaaS
import Metrics
import Synchronization

/// What load balancers and kubelets ask of a node: whether its services are served, and whether it has endpoints of one.
final class ClusterHealth: Sendable {
    /// What is measured.
    let metrics = ClusterMetrics()
    private let log: Log
    private let state = Mutex(State())

    private struct State {
        /// When all that came was served last.
        var served: Timestamp?
        /// Since when something waits to be served, by the steady clock.
        var waitingSince: Timestamp?
        /// Whether the Node is about to go.
        var isNodeLeaving = false
        var server: HTTPServer?
        var ports: [ObjectKey: HealthPort] = [:]
        var servers: [UInt16: HTTPServer] = [:]
        /// Ports that cannot be listened on, with the reasons.
        var refused: [UInt16: String] = [:]
    }

    /// How long a change may wait until this counts as ill.
    private static let patience = Duration.seconds(60)

    init(log: Log) { self.log = log }

    /// Answers at an address from now on.
    func listen(on address: String, port: UInt16) throws(HTTPServerError) {
        var routes = HTTPRoutes()
        for (path, asksForEligibility) in [("/healthz", true), ("/livez", false)] {
            routes.add(.get, path) { [weak self] _ in self?.answer(asksForEligibility) ?? HTTPResponse(status: 503) }
        }
        routes.add(.get, "/metrics") { [metrics] _ in HTTPResponse(type: MetricsText.type, metrics.text) }
        let server = HTTPServer(routes: routes)
        try server.listen(on: TCPListener(address: address, port: port))
        state.withLock { $0.server = server }
    }

    /// Something came that is not served yet.
    func received(at moment: Moment) { state.withLock { $0.waitingSince = $0.waitingSince ?? moment.steady } }

    /// All that came is served.
    func served(at moment: Moment) {
        state.withLock { ($0.served, $0.waitingSince) = (moment.wall, nil) }
    }

    /// Takes whether this host's Node is about to go.
    func setNodeLeaving(_ isLeaving: Bool) { state.withLock { $0.isNodeLeaving = isLeaving } }

    /// - Parameter asksForEligibility: whether load balancers ask, who should send a Node that is about to go nothing new; not whether this
    ///   process lives.
    private func answer(_ asksForEligibility: Bool) -> HTTPResponse {
        let now = Clock.moment()
        let (served, waiting, isLeaving) = state.withLock { ($0.served, $0.waitingSince, $0.isNodeLeaving) }
        let serves = served != nil && waiting.map { now.steady < $0 + Self.patience } ?? true
        let isHealthy = serves && !(asksForEligibility && isLeaving)
        let text = JSONWriting.object([
            "lastUpdated": served.map { JSONWriting.string($0.text) }, "currentTime": JSONWriting.string(now.wall.text),
            "nodeEligible": "\(!isLeaving)", "healthy": "\(isHealthy)",
        ])
        return HTTPResponse(status: isHealthy ? 200 : 503, type: "application/json", text)
    }

    // MARK: Health ports of services

    /// Whether a port could not be listened on.
    var hasFailures: Bool { state.withLock { !$0.refused.isEmpty } }

    /// Takes what became of the health ports of services.
    func change(_ ports: [ObjectKey: HealthPort?]) {
        state.withLock { state in
            for (key, port) in ports { state.ports[key] = port }
        }
        settle()
    }

    /// Listens where it should, and nowhere else.
    func settle() {
        let (wanted, gone) = state.withLock { state -> (Set<UInt16>, [HTTPServer]) in
            let wanted = Set(state.ports.values.map(\.port))
            let gone = state.servers.filter { !wanted.contains($0.key) }
            for port in gone.keys { state.servers[port] = nil }
            state.refused = state.refused.filter { wanted.contains($0.key) }
            return (wanted.subtracting(state.servers.keys), Array(gone.values))
        }
        for server in gone { server.finish(within: .milliseconds(100)) }
        for port in wanted.sorted() { open(port) }
    }

    private func open(_ port: UInt16) {
        var routes = HTTPRoutes()
        for path in ["/", "/healthz"] {
            routes.add(.get, path) { [weak self] _ in self?.answer(at: port) ?? HTTPResponse(status: 503) }
        }
        let server = HTTPServer(routes: routes)
        do throws(HTTPServerError) {
            try server.listen(on: TCPListener(address: "0.0.0.0", port: port))
            // A host without IPv6 has no such addresses.
            do throws(HTTPServerError) { try server.listen(on: TCPListener(address: "::", port: port)) } catch {}
            state.withLock { ($0.servers[port], $0.refused[port]) = (server, nil) }
        } catch {
            server.finish(within: .zero)
            if state.withLock({ $0.refused.updateValue(error.description, forKey: port) }) == error.description { return }
            log.write(
                .error, "a health port of a service cannot be listened on; it is tried again",
                [("port", "\(port)"), ("error", error.description)])
        }
    }

    /// Whether this node has endpoints of the service of a port.
    private func answer(at number: UInt16) -> HTTPResponse {
        guard let port = state.withLock({ $0.ports.values.first { $0.port == number } }) else { return HTTPResponse(status: 503) }
        let service = JSONWriting.object([
            "namespace": JSONWriting.string(port.service.namespace), "name": JSONWriting.string(port.service.name),
        ])
        let text = JSONWriting.object([
            "service": service, "localEndpoints": "\(port.localEndpoints)", "serviceProxyHealthy": "true",
        ])
        var response = HTTPResponse(status: port.localEndpoints > 0 ? 200 : 503, type: "application/json", text)
        response.headers.append(("X-Load-Balancing-Endpoint-Weight", "\(port.localEndpoints)"))
        return response
    }

    /// Ends.
    func stop(within limit: Duration) {
        let servers = state.withLock { state in
            defer { (state.server, state.servers) = (nil, [:]) }
            return [state.server].compactMap(\.self) + state.servers.values
        }
        for server in servers { server.stopTaking() }
        let deadline = Deadline(in: min(limit, .seconds(1)))
        for server in servers { server.finish(within: deadline.rest) }
    }
}
