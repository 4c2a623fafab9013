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

    let description: MetricDescription
    private let make: @Sendable () -> Instrument
    private let state = Mutex(State())

    init(_ description: MetricDescription, make: @escaping @Sendable () -> Instrument) {
        (self.description, self.make) = (description, make)
    }

    /// The instrument for these values of the labels, in the order of the labels.
    package func with(_ values: String...) -> Instrument {
        precondition(values.count == description.labels.count, "\(description.name) has the labels \(description.labels)")
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
        var pairs = zip(description.labels, values).map { label, value in
            var text = MetricsText()
            text.append(escaped: value, quote: true)
            return "\(label)=\"\(String(decoding: text.bytes, as: UTF8.self))\""
        }
        if let last { pairs.append(last) }
        return Array("\(description.name)\(suffix)\(pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") ".utf8)
    }

    func write(to text: inout MetricsText) {
        let children = state.withLock { $0.children }
        if children.isEmpty { return }
        text.family(description)
        for child in children { child.instrument.write(child.beginnings, to: &text) }
    }
}
