import Terminal

/// How the process ends.
enum ExitStatus: Int32 {
    /// What was asked for is done.
    case done = 0
    /// The worker refused it, or it failed.
    case failed = 1
    /// `plan --exit-code` has something to do.
    case changes = 2
    /// The command line, the environment or the file of a token is wrong.
    case usage = 64
    /// The worker does not answer.
    case unavailable = 69
    /// A file cannot be read, or the output cannot be written.
    case ioError = 74
    /// The worker does not let this user do it.
    case noPermission = 77
}

/// Why a command did not do what it was asked for.
struct CommandFailure: Error, Equatable {
    let status: ExitStatus
    /// What is wrong, where, and what to do.
    let sentence: String

    init(_ status: ExitStatus, _ sentence: String) { (self.status, self.sentence) = (status, sentence) }
}

/// Does something with standard output. Where nobody reads it the process ends.
func printing(_ body: () throws(StandardOutput.Failure) -> Void) throws(CommandFailure) {
    do throws(StandardOutput.Failure) {
        try body()
    } catch {
        switch error {
        case .closed: StandardOutput.endAsClosed()
        case .system(let code): throw CommandFailure(.ioError, "standard output cannot be written: \(systemText(code))")
        }
    }
}
