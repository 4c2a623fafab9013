import Synchronization

/// What is counted of the requests of an API.
package final class RequestMetrics: Sendable {
    /// How many requests there were.
    package static let requests = MetricDescription(
        "lbaas_api_requests_total", .counter, labels: ["route", "method", "code"],
        help: "Requests of the API that are over, by the pattern of their route.")
    /// How long they took.
    package static let duration = MetricDescription(
        "lbaas_api_request_duration_seconds", .histogram, labels: ["route", "method"],
        help: "Time of a request of the API in seconds; event streams are not in it.")

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

    /// Adds what is counted to a registry.
    package init(_ registry: MetricsRegistry) {
        counts = registry.counters(Self.requests)
        durations = registry.histograms(Self.duration)
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
