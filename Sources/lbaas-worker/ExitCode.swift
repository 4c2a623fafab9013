import Glibc
import HostSystem

/// How the process ends, in the numbers of `sysexits.h`.
enum ExitCode: Int32, Sendable {
    /// All went well.
    case ok = 0
    /// The command line is wrong.
    case usage = 64
    /// A file that this program wrote is damaged, or from a newer version.
    case dataError = 65
    /// A user or group does not exist.
    case noUser = 67
    /// A service that is needed does not answer.
    case unavailable = 69
    /// The operating system refused something that it should grant.
    case osError = 71
    /// A file cannot be made.
    case cantCreate = 73
    /// Reading or writing failed.
    case ioError = 74
    /// It may work at the next try.
    case tempFail = 75
    /// This process may not do what was asked.
    case noPermission = 77
    /// The configuration file is wrong.
    case config = 78
}

/// Why the program does not start: a sentence for the operator, and what the process answers.
struct StartupFailure: Error, Sendable, Equatable {
    /// What the process answers.
    let code: ExitCode
    /// What is wrong, where, and what would be right.
    let message: String

    /// A failure with this code and sentence.
    init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// What the operating system says about an error number, by default that of the call just made.
func systemError(_ number: Int32 = errno) -> String { errorText(number) }

/// Writes a line to standard error.
func printError(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}
