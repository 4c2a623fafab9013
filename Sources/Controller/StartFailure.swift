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
        /// A virtual IP of the configuration file cannot be one of this host.
        case configuration
        /// The host lacks what virtual IPs need.
        case host
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do.
    public let message: String

    /// A failure.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
