import Glibc

/// A system call that did not work.
struct SystemFailure: Error {
    /// What could not be done.
    let what: String
    /// The number of the reason.
    let code: Int32

    init(_ what: String, _ code: Int32 = errno) {
        self.what = what
        self.code = code
    }

    /// What could not be done, and why.
    var message: String { "\(what): \(unsafe String(cString: strerror(code)))" }
}

/// A file descriptor that is closed when nobody needs it any more.
final class Descriptor: Sendable {
    /// Its number.
    let number: Int32

    /// Takes over a descriptor; -1 is the failure of the call that was to make it.
    init(_ number: Int32, _ what: @autoclosure () -> String) throws(SystemFailure) {
        if number < 0 { throw SystemFailure(what()) }
        self.number = number
    }

    deinit { close(number) }
}
