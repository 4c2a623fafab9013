import Synchronization

/// What a program measures, and its text for Prometheus.
///
/// Families and collectors are added once, at the start. What is known anyway, such as the state of each node, is not kept here: a collector
/// writes it when the text is asked for.
package final class MetricsRegistry: Sendable {
    /// Writes families of its own.
    package typealias Collector = @Sendable (inout MetricsText) -> Void

    private struct State {
        var names: Set<String> = []
        var collectors: [Collector] = []
    }

    private let state = Mutex(State())
    private let writing = Mutex(())

    /// A registry without families.
    package init() {}

    /// Adds counters.
    package func counters(_ description: MetricDescription) -> MetricFamily<Counter> {
        add(MetricFamily(description) { Counter() })
    }

    /// Adds gauges.
    package func gauges(_ description: MetricDescription) -> MetricFamily<Gauge> {
        add(MetricFamily(description) { Gauge() })
    }

    /// Adds histograms.
    ///
    /// - Parameter bounds: the upper bounds of their buckets, rising; one without a bound is added.
    package func histograms(
        _ description: MetricDescription, _ unit: Histogram.Unit = .seconds, bounds: [Double] = Histogram.durations
    ) -> MetricFamily<Histogram> {
        add(MetricFamily(description) { Histogram(unit, bounds: bounds) })
    }

    /// Adds a collector. It is called by one thread at a time.
    package func collect(_ collector: @escaping Collector) { state.withLock { $0.collectors.append(collector) } }

    private func add<Instrument>(_ family: MetricFamily<Instrument>) -> MetricFamily<Instrument> {
        state.withLock { state in
            let name = family.description.name
            precondition(state.names.insert(name).inserted, "there is a metric \(name) already")
            state.collectors.append { family.write(to: &$0) }
        }
        return family
    }

    /// All families as text of the type `MetricsText.type`.
    ///
    /// With many series it takes some time: it belongs on a thread that nothing else depends on.
    ///
    /// - Returns: the text, in parts.
    package func write() -> [[UInt8]] {
        let collectors = state.withLock { $0.collectors }
        return writing.withLock { _ in
            var text = MetricsText()
            for collector in collectors { collector(&text) }
            return text.parts
        }
    }
}
