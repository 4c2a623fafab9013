import Synchronization

/// Instruments of one name, one for each combination of label values that was asked for.
///
/// To ask takes a lock and a look-up: where something happens often, its instrument is kept.
package final class MetricFamily<Instrument: MetricInstrument>: Sendable {
    private struct Child: Sendable {
        let instrument: Instrument
        let beginnings: [[UInt8]]
    }

    private struct State {
        var places: [[String]: Int] = [:]
        var children: [Child] = []
    }

    let name: String
    private let help: String
    private let kind: MetricsText.Kind
    private let labels: [String]
    private let make: @Sendable () -> Instrument
    private let state = Mutex(State())

    init(_ name: String, _ kind: MetricsText.Kind, help: String, labels: [String], make: @escaping @Sendable () -> Instrument) {
        precondition(isMetricName(name), "\(name) is not the name of a metric")
        precondition(labels.allSatisfy { isLabelName($0) && $0 != "le" }, "\(labels) are not the names of labels")
        (self.name, self.kind, self.help, self.labels, self.make) = (name, kind, help, labels, make)
    }

    /// The instrument for these values of the labels, in the order of the labels.
    package func with(_ values: String...) -> Instrument {
        precondition(values.count == labels.count, "\(name) has the labels \(labels)")
        return state.withLock { state in
            if let place = state.places[values] { return state.children[place].instrument }
            let instrument = make()
            state.places[values] = state.children.count
            state.children.append(
                Child(instrument: instrument, beginnings: instrument.samples.map { beginning(values, $0.suffix, $0.label) }))
            return instrument
        }
    }

    private func beginning(_ values: [String], _ suffix: String, _ last: String?) -> [UInt8] {
        var pairs = zip(labels, values).map { label, value in
            var text = MetricsText()
            text.append(escaped: value, quote: true)
            return "\(label)=\"\(String(decoding: text.bytes, as: UTF8.self))\""
        }
        if let last { pairs.append(last) }
        return Array("\(name)\(suffix)\(pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") ".utf8)
    }

    func write(to text: inout MetricsText) {
        let children = state.withLock { $0.children }
        if children.isEmpty { return }
        text.family(name, kind, help: help)
        for child in children { child.instrument.write(child.beginnings, to: &text) }
    }
}
