/// What is known of a family before anything is measured.
package struct MetricDescription: Hashable, Sendable {
    /// What a family measures.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// Letters, digits, `_` and `:`, no digit first; that of a counter ends with `_total`.
    package let name: String
    /// What it measures.
    package let kind: Kind
    /// The names of its labels.
    package let labels: [String]
    /// What it measures, and in which unit, in a sentence.
    package let help: String

    /// A family.
    package init(_ name: String, _ kind: Kind, labels: [String] = [], help: String) {
        precondition(isMetricName(name), "\(name) is not the name of a metric")
        precondition(labels.allSatisfy { isLabelName($0) && $0 != "le" }, "\(labels) are not the names of labels")
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }
}
