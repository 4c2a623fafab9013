import Glibc
import HostSystem

/// How the process ends, in the numbers of `sysexits.h`.
package enum ExitCode: Int32, Sendable {
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

/// Why the program does not start: sentences for the operator, and what the process answers.
package struct StartupFailure: Error, Sendable, Equatable {
    /// What the process answers.
    package let code: ExitCode
    /// What is wrong, where, and what would be right; one sentence for each mistake, at least one.
    package let messages: [String]

    /// All sentences, one a line.
    package var message: String { messages.joined(separator: "\n") }

    /// A failure with this code and sentence.
    package init(_ code: ExitCode, _ message: String) {
        self.code = code
        messages = [message]
    }

    fileprivate init(_ code: ExitCode, messages: [String]) {
        self.code = code
        self.messages = messages
    }
}

/// Gathers what is wrong, so that the operator reads all mistakes at once.
package struct Mistakes: Sendable {
    private var code: ExitCode?
    private var messages: [String] = []

    /// No mistake so far.
    package init() {}

    /// Whether there is none.
    package var isEmpty: Bool { messages.isEmpty }

    /// Adds a failure. The exit code is that of the first one.
    package mutating func add(_ failure: StartupFailure) {
        code = code ?? failure.code
        messages += failure.messages
    }

    /// Does something, and adds its failure.
    ///
    /// - Returns: what it gives; nil where it failed.
    @discardableResult
    package mutating func collect<Result>(_ body: () throws(StartupFailure) -> Result) -> Result? {
        do throws(StartupFailure) {
            return try body()
        } catch {
            add(error)
            return nil
        }
    }

    /// Throws the failures as one, where there are any.
    package func check() throws(StartupFailure) {
        if let code { throw StartupFailure(code, messages: messages) }
    }
}

/// What the operating system says about an error number, by default that of the call just made.
func systemError(_ number: Int32 = errno) -> String { errorText(number) }

/// Writes lines to standard error, each behind the name of the program. Where nobody reads it, it is given up after a second.
package func printError(_ program: String, _ lines: [String]) {
    for line in lines {
        let bytes = Array("\(program): \(line)\n".utf8)
        let happened = poll([STDERR_FILENO: POLLOUT], until: Deadline(in: .seconds(1)))
        if happened[0] == 0 { return }
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    }
}
