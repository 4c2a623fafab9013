/// Why the worker cannot begin.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The state cannot be opened or trusted.
        case state
        /// The appliance cannot be asked what it runs.
        case appliance
        /// There is no memory.
        case memory
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
