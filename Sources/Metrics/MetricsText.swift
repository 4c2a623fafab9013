import HostSystem

/// The text format of Prometheus, version 0.0.4, in the making.
///
/// A family is begun, and its samples follow.
package struct MetricsText: Sendable {
    /// The media type of the text.
    package static let type = "text/plain; version=0.0.4; charset=utf-8"

    private var text: PartedText
    private var name: [UInt8] = []

    /// An empty text.
    package init() { self.init([]) }

    /// A text that goes on.
    init(_ bytes: [UInt8]) { text = PartedText(bytes) }

    /// The text so far, in parts.
    package var parts: [[UInt8]] { text.parts }

    /// The end of the text.
    private(set) var bytes: [UInt8] {
        get { text.last }
        _modify { yield &text.last }
    }

    /// Begins a family. All of its samples follow, and each family is in a text once.
    package mutating func family(_ description: MetricDescription) {
        text.step()
        name = Array(description.name.utf8)
        bytes += "# HELP ".utf8
        bytes += self.name
        bytes.append(0x20)
        append(escaped: description.help, quote: false)
        bytes += "\n# TYPE ".utf8
        bytes += self.name
        bytes.append(0x20)
        bytes += description.kind.rawValue.utf8
        bytes.append(0x0A)
    }

    /// Adds a sample of the family with a whole number.
    package mutating func sample(_ value: Int, _ labels: KeyValuePairs<StaticString, String> = [:]) {
        begin(labels)
        if value < 0 { bytes.append(0x2D) }
        append(decimal: UInt64(value.magnitude))
        bytes.append(0x0A)
    }

    /// Adds a sample of the family.
    package mutating func sample(_ value: Double, _ labels: KeyValuePairs<StaticString, String> = [:]) {
        begin(labels)
        append(value)
        bytes.append(0x0A)
    }

    private mutating func begin(_ labels: KeyValuePairs<StaticString, String>) {
        bytes += name
        if !labels.isEmpty {
            bytes.append(UInt8(ascii: "{"))
            append(labels: labels)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(0x20)
    }

    mutating func append(labels: KeyValuePairs<StaticString, String>) {
        var isFirst = true
        for (label, value) in labels {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(label)
            bytes.append(0x3D)
            bytes.append(0x22)
            append(escaped: value, quote: true)
            bytes.append(0x22)
        }
    }

    /// Adds a sample of the family with prepared labels.
    ///
    /// - Parameter more: further labels, as they are written.
    package mutating func sample(_ value: UInt64, _ labels: PreparedLabels, _ series: Int, more: StaticString = "") {
        text.step()
        bytes += name
        bytes.append(UInt8(ascii: "{"))
        unsafe labels.withBytes(of: series) { unsafe bytes.append(contentsOf: $0) }
        append(more)
        bytes.append(UInt8(ascii: "}"))
        bytes.append(0x20)
        append(decimal: value)
        bytes.append(0x0A)
    }

    /// Adds a line whose beginning was made before.
    mutating func line(_ beginning: [UInt8], _ value: UInt64) {
        bytes += beginning
        append(decimal: value)
        bytes.append(0x0A)
    }

    mutating func line(_ beginning: [UInt8], _ value: Double) {
        bytes += beginning
        append(value)
        bytes.append(0x0A)
    }

    private mutating func append(_ text: StaticString) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(escaped text: String, quote: Bool) {
        var text = text
        text.withUTF8 { utf8 in
            var start = 0
            for place in 0..<utf8.count {
                let byte = unsafe utf8[place]
                guard byte == 0x5C || byte == 0x0A || (byte == 0x22 && quote) else { continue }
                unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<place]))
                bytes.append(0x5C)
                bytes.append(byte == 0x0A ? UInt8(ascii: "n") : byte)
                start = place + 1
            }
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
        }
    }

    private mutating func append(_ value: Double) {
        if value.isNaN {
            append("NaN")
        } else if value.isInfinite {
            append(value < 0 ? "-Inf" : "+Inf")
        } else if let whole = UInt64(exactly: value), whole < 1 << 53 {
            append(decimal: whole)
        } else {
            bytes += value.description.utf8
        }
    }

    private mutating func append(decimal number: UInt64) {
        if number < 10 { return bytes.append(UInt8(truncatingIfNeeded: number) + 0x30) }
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: rest % 10) + 0x30)
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }
}

/// Whether a text can be the name of a metric.
func isMetricName(_ text: String) -> Bool {
    isLabelName(text.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "_"))
}

/// Whether a text can be the name of a label.
func isLabelName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        default: false
        }
    }
}
