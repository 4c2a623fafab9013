import Glibc
import HostSystem

/// Reads what nobody is to see: a password, or the secret of a credential.
package enum SecretInput {
    /// Why nothing was read.
    package struct Failure: Error, Equatable, Sendable {
        /// Whether standard input cannot be read.
        package let isReadFailure: Bool
        /// What is wrong.
        package let sentence: String

        init(_ sentence: String, isReadFailure: Bool = false) { (self.sentence, self.isReadFailure) = (sentence, isReadFailure) }
    }

    /// The most bytes of a line.
    private static let limit = 4096
    /// What Control-C and Control-Backslash are on a terminal that makes no signals of them.
    private static let cancel: (UInt8, UInt8) = (0x03, 0x1C)

    /// Reads a secret: on a terminal after a question, without showing what is typed; otherwise the next line of standard input.
    package static func read(_ question: String) throws(Failure) -> String {
        let isAsking = isatty(STDIN_FILENO) == 1
        var old = termios()
        let isTerminal = unsafe isAsking && tcgetattr(STDIN_FILENO, &old) == 0
        if isTerminal {
            var quiet = old
            // Without signals from keys, too: a process that ends meanwhile would leave a terminal that shows nothing.
            quiet.c_lflag &= ~tcflag_t(ECHO | ISIG)
            // VEOL and VEOL2: Control-C and Control-Backslash end the line.
            (quiet.c_cc.11, quiet.c_cc.16) = (cancel.0, cancel.1)
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
            StandardOutput.ask("\(question): ")
        }
        defer {
            if isTerminal {
                unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &old)
                StandardOutput.ask("\n")
            }
        }
        let bytes = try line(isTerminal: isTerminal)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure("\(question): is not UTF-8") }
        if text.isEmpty { throw Failure("\(question): is empty; nothing was done") }
        return text
    }

    /// Reads a new password; on a terminal twice.
    package static func readNew(_ question: String) throws(Failure) -> String {
        let first = try read(question)
        guard isatty(STDIN_FILENO) == 1 else { return first }
        guard try read("\(question) again") == first else { throw Failure("the two are not the same; nothing was done") }
        return first
    }

    /// A line byte by byte, so that what follows is left for the next.
    private static func line(isTerminal: Bool) throws(Failure) -> [UInt8] {
        var line: [UInt8] = []
        while line.count < limit {
            var byte: UInt8 = 0
            let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw Failure("standard input: cannot be read: \(errorText(errno))", isReadFailure: true) }
            if count == 0 || byte == 0x0A {
                if line.last == 0x0D { line.removeLast() }
                return line
            }
            if isTerminal, byte == cancel.0 || byte == cancel.1 { throw Failure("nothing was done") }
            line.append(byte)
        }
        throw Failure("standard input: the line has more than \(limit) bytes")
    }
}
