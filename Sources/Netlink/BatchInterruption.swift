/// What is known of a batch that could not be finished.
///
/// Of the requests in neither `unknown` nor `unsent` the outcome is known: those in `failures` were refused, the others carried out.
public struct BatchInterruption: Error, Sendable, CustomStringConvertible {
    /// What stood in the way.
    public let reason: NetlinkError
    /// The requests that were refused, in their order; what lies in `unknown` or `unsent` as well is known all the same.
    public let failures: [Batch.Failure]
    /// The requests that the kernel was given, and may have carried out or not.
    public let unknown: Range<Int>
    /// The requests that the kernel was not given.
    public let unsent: Range<Int>

    /// What stood in the way, and what it left open.
    public var description: String {
        "\(reason) (of the requests, \(unknown.count) were perhaps carried out, and \(unsent.count) were not sent)"
    }
}
