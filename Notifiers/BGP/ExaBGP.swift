import Glibc
import HostSystem
import LBaaS

/// Why ExaBGP could not be reached, or not be talked with.
struct ExaBGPError: Error, Equatable, Sendable {
    /// What went wrong, where, and what to do, for the operator.
    let message: String

    init(_ message: String) { self.message = message }
}

/// An ExaBGP that runs: the end of the named pipe that its helper reads commands from, which is held as long as the helper is there.
///
/// The pipe of the answers is only held for a conversation (`Conversation`), so that an operator's `exabgpcli` gets its answers too.
struct ExaBGP: ~Copyable {
    /// Where commands go. An error of it, as poll(2) tells, means that ExaBGP is gone.
    let commands: Descriptor

    private init(commands: consuming Descriptor) { self.commands = commands }

    /// Reaches an ExaBGP.
    ///
    /// - Throws: where none reads from the pipe.
    static func reach(at path: String) throws(ExaBGPError) -> ExaBGP {
        ExaBGP(commands: try openPipe(path, O_WRONLY))
    }

    /// Opens a named pipe, without waiting for anybody. What is none is not opened: to open a device can have an effect.
    static func openPipe(_ path: String, _ mode: Int32) throws(ExaBGPError) -> Descriptor {
        var status = stat()
        if unsafe stat(path, &status) != 0 { throw ExaBGPError(words(for: errno, path)) }
        try checkKind(status, path)
        let descriptor = Descriptor(owning: unsafe open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY))
        if descriptor.number < 0 { throw ExaBGPError(words(for: errno, path)) }
        // It may have been replaced meanwhile.
        if unsafe fstat(descriptor.number, &status) != 0 { throw ExaBGPError(words(for: errno, path)) }
        try checkKind(status, path)
        return descriptor
    }

    private static func checkKind(_ status: stat, _ path: String) throws(ExaBGPError) {
        if status.st_mode & S_IFMT == S_IFIFO { return }
        throw ExaBGPError("\(quoted(path)) is not a named pipe: remove it and let ExaBGP's unit make it")
    }

    private static func words(for code: Int32, _ path: String) -> String {
        switch code {
        case ENXIO: "nobody reads from \(quoted(path)): ExaBGP does not run"
        case ENOENT: "there is no pipe \(quoted(path)): ExaBGP does not run, or has its pipes elsewhere"
        case EACCES: "\(quoted(path)) may not be opened: let the worker's user read and write both pipes of ExaBGP"
        default: "\(quoted(path)) cannot be opened: \(errorText(code))"
        }
    }
}
