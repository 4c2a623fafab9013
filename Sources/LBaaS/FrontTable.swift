/// Which of their states the fronts of fleets have brought here: each front numbers its states upwards, and an older one never replaces a newer
/// one, however late its job comes.
public struct FrontTable: Hashable, Sendable {
    /// What is known of one front.
    public struct Front: Hashable, Sendable {
        /// The number of its newest state.
        public let number: UInt64
        /// The revision of this worker that took it.
        public let revision: UInt64

        /// A front.
        public init(number: UInt64, revision: UInt64) { (self.number, self.revision) = (number, revision) }
    }

    /// How many are kept: of more, the one that was not heard of for longest is forgotten.
    public static let capacity = 64

    /// The fronts by their names; the empty one is that of a front that gives none.
    public var fronts: [String: Front]

    /// These fronts.
    public init(_ fronts: [String: Front] = [:]) { self.fronts = fronts }

    /// The number of the newest state of a front; nil where it is not known.
    public subscript(name: String) -> UInt64? { fronts[name]?.number }

    /// Takes a state.
    ///
    /// - Parameter revision: of this worker, which takes it.
    /// - Returns: the front that is forgotten for it, if they are too many.
    public mutating func take(_ number: UInt64, of name: String, revision: UInt64) -> String? {
        fronts[name] = Front(number: number, revision: revision)
        guard fronts.count > Self.capacity else { return nil }
        let oldest = fronts.min { ($0.value.revision, $0.key) < ($1.value.revision, $1.key) }?.key
        if let oldest { fronts[oldest] = nil }
        return oldest
    }
}
