import DaemonSupport
import FleetModel
import FleetStore
import HTTPServer
import HostSystem
import LBaaS
import Metrics
import Synchronization

/// Serves HTTP, as a part of the server.
final class WebService: DaemonService {
    let name = "the HTTP server"
    let stopTime = Duration.seconds(2)
    private let parts: FleetParts
    private let listener: TCPListener
    private let requests: RequestMetrics
    private let server = Mutex<HTTPServer?>(nil)

    private static let connections = MetricDescription("lbaas_api_connections", .gauge, help: "Connections to the API now.")

    /// A server that does not listen yet.
    init(_ parts: FleetParts, _ listener: TCPListener) {
        (self.parts, self.listener) = (parts, listener)
        requests = RequestMetrics(parts.registry)
    }

    func start() throws(StartupFailure) {
        var routes = HTTPRoutes()
        OperationsAPI(parts: parts).add(to: &routes)
        FleetAPIs(parts: parts).add(to: &routes)
        requests.begin(routes.all.map { ($0.method.rawValue, $0.pattern) }, streams: ["/v1/events"])
        let new = HTTPServer(
            routes: routes,
            observe: { [requests, log = parts.log] record in
                requests.ended(route: record.routeNumber, status: record.status, in: record.duration)
                log.write(record)
            })
        parts.registry.collect { [weak new] text in
            text.family(Self.connections)
            text.sample(new?.connections ?? 0)
        }
        do throws(HTTPServerError) {
            let port = try new.listen(on: listener)
            parts.log.write(
                .info, "listening", [("address", listener.address), ("port", String(port)), ("tls", listener.tls == nil ? "no" : "yes")])
        } catch {
            new.finish(within: .zero)
            throw StartupFailure(.osError, "the server cannot listen: \(error.description)")
        }
        server.withLock { $0 = new }
        FleetAPIs(parts: parts).begin()
    }

    func stopTaking() { server.withLock(\.self)?.stopTaking() }

    func finish(within limit: Duration) -> Bool { server.withLock(\.self)?.finish(within: limit) ?? true }
}

/// Follows the store, as a part of the server.
final class CacheService: DaemonService {
    let name = "the cache of the store"
    let stopTime = Duration.seconds(1)
    private let cache: FleetCache

    init(_ cache: FleetCache) { self.cache = cache }

    func start() throws(StartupFailure) {
        do throws(FleetStoreError) {
            try cache.start()
        } catch {
            throw StartupFailure(error.code.exitCode, "the store cannot be read: \(error.message)")
        }
    }

    func finish(within limit: Duration) -> Bool {
        cache.stop()
        return true
    }
}

/// The threads on which requests wait, as a part of the server.
final class WorkService: DaemonService {
    let name = "the threads of requests"
    private let work: WorkQueue

    init(_ work: WorkQueue) { self.work = work }

    func start() {}

    func finish(within limit: Duration) -> Bool { work.stop(within: limit) }
}

extension Log {
    /// Writes a request that failed by a fault of the server, and at the level debug each other one.
    fileprivate func write(_ record: HTTPRecord) {
        let isFault = (record.status ?? 0) >= 500
        var fields: [Log.Field] = [
            ("method", record.method?.rawValue ?? "-"), ("path", record.request?.path ?? "-"),
            ("status", record.status.map(String.init) ?? "-"),
            ("seconds", String(record.duration.seconds)),
        ]
        if let problem = record.problem { fields.append(("problem", problem)) }
        write(isFault ? .warning : .debug, "a request was answered", fields)
    }
}
