import Glibc
import LBaaS

/// Why no node can be checked, or one cannot be now.
public struct HealthCheckError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The system or a library does not give what checks are made with.
        case system
        /// The system has no descriptor, port or memory to spare at the moment.
        case exhausted
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

    /// A failure that the system has a number for, with the number's meaning behind the message.
    init(_ code: Code, _ what: String, because number: Int32) { self.init(code, "\(what): \(shortErrorText(number))") }
}

/// A system call that did not work.
struct SystemFailure: Error {
    /// What could not be done.
    let what: String
    /// The error number.
    let number: Int32

    init(_ what: String, _ number: Int32 = errno) {
        self.what = what
        self.number = number
    }

    /// What it means for a check: that it cannot be made, which says nothing of the node, or that it has failed.
    func result(of check: String) throws(HealthCheckError) -> CheckResult {
        if isOurs { throw HealthCheckError(.exhausted, "\(check): \(what)", because: number) }
        return .failed("\(check): \(what.isEmpty ? "" : what + ": ")\(shortErrorText(number))")
    }

    /// Whether it is this host that has no more to give.
    private var isOurs: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN].contains(number) }
}
