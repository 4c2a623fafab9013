/// Why the edge of this host cannot be as it should.
package struct EdgeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// This kernel lacks something that is needed.
        case unsupported
        /// The kernel refuses something, or cannot be asked.
        case system
    }

    /// What kind of failure it is.
    package let code: Code
    /// What went wrong, and what to do.
    package let message: String

    /// The message.
    package var description: String { message }

    /// A failure.
    package init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }
}
