/// Why a request is refused or failed: a code for programs, and a sentence for the operator.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of refusal it is. An intake maps it to its own protocol, such as an HTTP status.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The request is malformed, or a value is out of its range.
        case invalid
        /// It names something that does not exist.
        case notFound = "not_found"
        /// It contradicts something else that is wanted: a listener that is taken, an entry of another source.
        case conflict
        /// A condition of the request does not hold, such as the revision that it was made for.
        case precondition
        /// The driver, or this host, cannot do it.
        case unsupported
        /// Too much is under way: it may be sent again later.
        case busy
        /// The appliance failed. Nothing of the request holds.
        case appliance
        /// The state could not be made durable. Nothing of the request holds.
        case store
        /// It was not begun before its deadline. Nothing of the request holds.
        case expired
    }

    /// What kind of refusal it is.
    public let code: Code
    /// What is wrong, where, and what to do. Begins with the path of the field at fault where there is one.
    public let sentence: String
    /// The number of the newest state that this worker has from the front that sent an older one; nil for any other refusal.
    public let frontRevision: UInt64?
    /// Why other parts of the same request are refused, as far as that is known: a sentence for each, which begins with its path.
    public let others: [String]

    /// A refusal.
    public init(_ code: Code, _ sentence: String, frontRevision: UInt64? = nil, others: [String] = []) {
        self.code = code
        self.sentence = sentence
        self.frontRevision = frontRevision
        self.others = others
    }

    /// The sentence.
    public var description: String { sentence }
}
