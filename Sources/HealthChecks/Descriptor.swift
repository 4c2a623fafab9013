import Glibc

/// A file descriptor, closed when nobody has it any more.
struct Descriptor: ~Copyable {
    /// Its number; -1 when it was given away.
    private(set) var number: Int32

    /// Takes over a descriptor.
    init(_ number: Int32) { self.number = number }

    deinit { if number >= 0 { close(number) } }

    /// Gives it away, for somebody else to close.
    mutating func release() -> Int32 {
        defer { number = -1 }
        return number
    }
}
