import Glibc

/// Why the kernel could not be asked, or did not do what it was asked.
public struct NetlinkError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// There is no socket, or it failed.
        case system
        /// The kernel has no generic-netlink family of this name.
        case unknownFamily
        /// The kernel refused what it was asked.
        case refused
        /// The kernel said nothing for as long as it is waited for.
        case timedOut
        /// Something the kernel said did not fit into a buffer and is lost.
        case lost
        /// What the kernel said cannot be read.
        case malformed
        /// What was listed changed again and again while the kernel listed it.
        case changing
        /// The owner was used again before it was done.
        case inUse
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do.
    public let message: String
    /// The error number of the system or the kernel; 0 where there is none.
    public let number: Int32

    /// The message.
    public var description: String { message }

    /// A failure.
    public init(_ code: Code, _ message: String, number: Int32 = 0) {
        self.code = code
        self.message = message
        self.number = number
    }

    /// The kernel refused a request, such as "command 3", with an error number and perhaps an explanation.
    static func refusal(of request: String, _ number: Int32, _ explanation: String?) -> NetlinkError {
        NetlinkError(.refused, "the kernel refuses \(request): \(errorText(number, explanation))", number: number)
    }

    /// A failure that the system has a number for, with the number's meaning behind the message.
    init(_ code: Code, _ what: String, because number: Int32) {
        self.init(code, "\(what): \(errorText(number))", number: number)
    }
}

/// What an error number means, such as "File exists".
public func errorText(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }

/// What an error number means, and what the kernel says besides.
func errorText(_ number: Int32, _ words: String?) -> String { errorText(number) + (words.map { ": \($0)" } ?? "") }
