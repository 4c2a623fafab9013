import Glibc

/// Something that the tests need does not work.
public struct Failure: Error, CustomStringConvertible, Sendable {
    /// What it is.
    public let description: String

    /// A failure in words.
    public init(_ description: String) { self.description = description }
}

/// Why a system call did not work.
public func systemError(_ what: String, _ code: Int32 = errno) -> Failure { Failure("\(what): \(String(cString: strerror(code)))") }
