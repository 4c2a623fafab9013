import Glibc

/// A terminal, for programs that behave otherwise on one. Used by one thread at a time.
package final class PseudoTerminal {
    private let master: Int32
    /// The path of the end that a program uses.
    package let path: String
    /// All that was written to it.
    package private(set) var text = ""
    private var bytes: [UInt8] = []

    /// A terminal of a size.
    package init(columns: UInt16, lines: UInt16 = 24) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (locked, number): (Int32, UInt32) = (0, 0)
        // TIOCSPTLCK and TIOCGPTN, which Swift does not see: what unlockpt and ptsname do.
        guard master >= 0, ioctl(master, 0x4004_5431, &locked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw systemError("cannot make a terminal")
        }
        path = "/dev/pts/\(number)"
        try resize(columns: columns, lines: lines)
        _ = fcntl(master, F_SETFL, O_NONBLOCK)
    }

    deinit { close(master) }

    /// Gives it another size.
    package func resize(columns: UInt16, lines: UInt16 = 24) throws {
        var size = winsize(ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(master, UInt(TIOCSWINSZ), &size) == 0 else { throw systemError("cannot set the size of a terminal") }
    }

    /// Types a text.
    package func type(_ text: String) throws {
        guard write(master, text, text.utf8.count) == text.utf8.count else { throw systemError("cannot write to a terminal") }
    }

    /// Reads until the text is as it is waited for.
    package func wait(_ what: String, until isThere: (String) -> Bool) throws {
        try waitUntil("\(what) in \(String(reflecting: self.text))") {
            read()
            return isThere(text)
        }
    }

    /// Forgets what was written so far.
    package func clear() {
        read()
        (bytes, text) = ([], "")
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = Glibc.read(master, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        text = String(decoding: bytes, as: UTF8.self)
    }
}
