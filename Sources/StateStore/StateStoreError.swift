/// Why the state could not be opened, read or written.
public struct StateStoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The folder or file cannot be made, opened or written.
        case inaccessible
        /// Another process has the state open.
        case inUse
        /// The file is there and cannot be trusted.
        case damaged
        /// The file was written by a newer version.
        case newer
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do.
    public let message: String

    /// The message.
    public var description: String { message }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
