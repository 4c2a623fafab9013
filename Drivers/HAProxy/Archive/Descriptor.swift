import Glibc

/// A file descriptor that is closed when nobody needs it any more.
final class Descriptor: Sendable {
    /// Its number.
    let number: Int32

    /// Takes over a descriptor; -1 is the failure of the call that was to make it.
    init(_ number: Int32, _ what: @autoclosure () -> String) throws(ApplianceError) {
        if number < 0 { throw .system(what()) }
        self.number = number
    }

    deinit { close(number) }
}
