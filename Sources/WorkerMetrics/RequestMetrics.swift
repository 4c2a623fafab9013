import Metrics
import Synchronization

/// What is counted of the requests of an API.
package final class RequestMetrics: Sendable {
    /// The instruments of one route.
    private final class Route: Sendable {
        let pattern: String
        let method: String
        let duration: Histogram?
        let counters = Mutex<[Int: Counter]>([:])

        init(pattern: String, method: String, duration: Histogram?) {
            (self.pattern, self.method, self.duration) = (pattern, method, duration)
        }
    }

    private let counts: MetricFamily<Counter>
    private let durations: MetricFamily<Histogram>
    private let routes = Mutex<[Route]>([])
    private let unrouted: Route

    init(_ registry: MetricsRegistry) {
        counts = registry.counters(WorkerMetric.apiRequests)
        durations = registry.histograms(WorkerMetric.apiDuration)
        unrouted = Route(pattern: "-", method: "-", duration: nil)
    }

    /// Takes the routes, in the order of their numbers. To be called before the first request.
    ///
    /// - Parameter streams: the patterns whose responses do not end by themselves.
    package func begin(_ all: [(method: String, pattern: String)], streams: Set<String>) {
        let new = all.map { method, pattern in
            Route(
                pattern: pattern, method: method, duration: streams.contains(pattern) ? nil : durations.with(pattern, method))
        }
        routes.withLock { $0 = new }
    }

    /// A request is over.
    ///
    /// - Parameters:
    ///   - number: that of its route; nil where it has none.
    ///   - status: of the response; nil where there was none.
    package func ended(route number: Int?, status: Int?, in duration: Duration) {
        let route = routes.withLock { routes in number.flatMap { routes.indices.contains($0) ? routes[$0] : nil } } ?? unrouted
        let code = status ?? 0
        let counter = route.counters.withLock { counters in
            if let counter = counters[code] { return counter }
            let counter = counts.with(route.pattern, route.method, code == 0 ? "-" : String(code))
            counters[code] = counter
            return counter
        }
        counter.add()
        route.duration?.observe(duration)
    }
}
