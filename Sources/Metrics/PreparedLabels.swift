/// Labels of many series, written once for the samples of several families.
package struct PreparedLabels: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// No series.
    package init() {}

    /// How many series there are.
    package var count: Int { ends.count }

    /// Adds the labels of a series.
    package mutating func append(_ labels: KeyValuePairs<StaticString, String>) {
        var text = MetricsText(bytes)
        bytes = []
        text.append(labels: labels)
        bytes = text.bytes
        ends.append(bytes.count)
    }

    /// The labels of a series, without braces.
    func range(of series: Int) -> Range<Int> { (series == 0 ? 0 : ends[series - 1])..<ends[series] }

    func withBytes(of series: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        let range = range(of: series)
        unsafe bytes.withUnsafeBufferPointer { unsafe body(UnsafeBufferPointer(rebasing: $0[range])) }
    }
}
