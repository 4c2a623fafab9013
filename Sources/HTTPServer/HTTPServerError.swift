import HostSystem

/// Why a server cannot take connections.
package struct HTTPServerError: Error, CustomStringConvertible, Sendable {
    /// What does not work, with the address or path, and why.
    package let description: String

    init(_ description: String) { self.description = description }

    /// What a system call could not do.
    init(_ what: String, code: Int32) { self.init("\(what): \(errorText(code))") }
}
