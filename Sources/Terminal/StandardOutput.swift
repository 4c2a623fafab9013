import Glibc

/// Standard output, standard error and the terminal behind them, for a program that a person or a script calls. Used by one thread.
package enum StandardOutput {
    /// Why nothing more can be written.
    package enum Failure: Error, Equatable, Sendable {
        /// Nobody reads any more.
        case closed
        /// The system does not take it: a code of `errno.h`.
        case system(Int32)
    }

    /// What standard output can show now.
    package static var traits: DisplayTraits {
        DisplayTraits(size: size) { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
    }

    /// Whether it is a terminal.
    package static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// The size of the terminal; nil where it is none.
    private static var size: (columns: Int, lines: Int)? {
        guard isTerminal else { return nil }
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return (0, 0) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes text as it is.
    package static func write(_ text: String) throws(Failure) { try write(Array(text.utf8)) }

    /// Writes bytes.
    package static func write(_ bytes: [UInt8]) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(STDOUT_FILENO, bytes.baseAddress?.advanced(by: start), bytes.count - start)
            }
            if count >= 0 {
                start += count
            } else if errno == EAGAIN {
                // Somebody else has made the descriptor one that does not block.
                var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                unsafe poll(&entry, 1, -1)
            } else if errno != EINTR {
                throw errno == EPIPE ? .closed : .system(errno)
            }
        }
    }

    /// Writes lines.
    package static func write(lines: [String]) throws(Failure) {
        if !lines.isEmpty { try write(lines.joined(separator: "\n") + "\n") }
    }

    /// Writes a line of text to standard error; where that does not work nobody can be told.
    package static func note(_ program: String, _ text: String) {
        let bytes = Array("\(program): \(text.safeLines)\n".utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    /// Asks a person whether to go on.
    ///
    /// - Returns: nil where there is nobody to ask, because standard input or standard error is no terminal.
    package static func confirm(_ question: String) -> Bool? {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return nil }
        ask("\(question.safe) [y/N] ")
        let answer = (readLine() ?? "").lowercased()
        return answer == "y" || answer == "yes"
    }

    /// Writes a question, which may be shown, to standard error, without a line end.
    package static func ask(_ question: String) {
        let text = Array(question.utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, text, text.count)
    }

    /// Makes the three standard descriptors ones of nobody else, where the process was started without them: a connection would get the
    /// number of one, and what is meant for standard output would be sent there. To be called before anything is opened.
    package static func claimDescriptors() {
        for number in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(number, F_GETFD) < 0 {
            // The lowest number that is free is this one. To use it fails as it would without.
            _ = unsafe open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Ends the process as one ends whose output nobody reads.
    package static func endAsClosed() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        _exit(0)
    }
}

extension StandardOutput {
    /// Whether it is a pipe that nobody reads any more. Of anything else that is not known before something is written.
    package static var isAbandoned: Bool {
        guard let pipe else { return false }
        var entry = pollfd(fd: pipe, events: 0, revents: 0)
        return unsafe poll(&entry, 1, 0) > 0 && Int32(entry.revents) & POLLERR != 0
    }

    /// The descriptor that has an error once nobody reads; nil where it is no pipe.
    package static let pipe: Int32? = {
        var status = stat()
        return unsafe fstat(STDOUT_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO ? STDOUT_FILENO : nil
    }()
}
