/// Why a job has no answer.
package struct GearmanFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// The job server cannot be reached, or the connection to it was lost.
        case unreachable
        /// There was no answer in time.
        case timedOut
        /// Whoever asked does not want the answer any more.
        case cancelled
        /// The worker, or the job server for it, says that the job failed.
        case failed
        /// This host has no memory for it.
        case exhausted
    }

    /// What kind of failure it is.
    package let code: Code
    /// What went wrong.
    package let message: String

    /// The message.
    package var description: String { message }

    /// A failure.
    package init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }
}
