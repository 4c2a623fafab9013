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
    private let text = Mutex(MetricsText())

    /// A registry without families.
    package init() {}

    /// Adds a counter without labels.
    ///
    /// - Parameters:
    ///   - name: its name, which no other family has and which ends with `_total`.
    ///   - help: what it counts.
    package func counter(_ name: String, help: String) -> Counter { counters(name, help: help, labels: []).with() }

    /// Adds counters with labels.
    package func counters(_ name: String, help: String, labels: [String]) -> MetricFamily<Counter> {
        add(MetricFamily(name, .counter, help: help, labels: labels) { Counter() })
    }

    /// Adds a gauge without labels.
    package func gauge(_ name: String, help: String) -> Gauge { gauges(name, help: help, labels: []).with() }

    /// Adds gauges with labels.
    package func gauges(_ name: String, help: String, labels: [String]) -> MetricFamily<Gauge> {
        add(MetricFamily(name, .gauge, help: help, labels: labels) { Gauge() })
    }

    /// Adds a histogram without labels.
    ///
    /// - Parameter bounds: the upper bounds of its buckets, rising; one without a bound is added.
    package func histogram(
        _ name: String, help: String, _ unit: Histogram.Unit = .seconds, bounds: [Double] = Histogram.durations
    ) -> Histogram {
        histograms(name, help: help, labels: [], unit, bounds: bounds).with()
    }

    /// Adds histograms with labels.
    package func histograms(
        _ name: String, help: String, labels: [String], _ unit: Histogram.Unit = .seconds, bounds: [Double] = Histogram.durations
    ) -> MetricFamily<Histogram> {
        add(MetricFamily(name, .histogram, help: help, labels: labels) { Histogram(unit, bounds: bounds) })
    }

    /// Adds a collector. It is called by one thread at a time.
    package func collect(_ collector: @escaping Collector) { state.withLock { $0.collectors.append(collector) } }

    private func add<Instrument>(_ family: MetricFamily<Instrument>) -> MetricFamily<Instrument> {
        state.withLock { state in
            precondition(state.names.insert(family.name).inserted, "there is a metric \(family.name) already")
            state.collectors.append { family.write(to: &$0) }
        }
        return family
    }

    /// All families as text of the type `MetricsText.type`.
    ///
    /// With many series it takes some time: it belongs on a thread that nothing else depends on. The memory is used again where nobody has the
    /// text before any more.
    package func write() -> [UInt8] {
        let collectors = state.withLock { $0.collectors }
        return text.withLock { text in
            text.clear()
            for collector in collectors { collector(&text) }
            return text.bytes
        }
    }
}
