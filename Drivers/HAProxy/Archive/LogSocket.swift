import Glibc

/// The datagram socket for a haproxy that the worker did not start, and that so has no pipe to it.
///
/// It is a door to the pipe and no more, so that a slow disk never keeps a line waiting here: the system holds few of them
/// (`net.unix.max_dgram_qlen`, which is 512 under systemd), and haproxy drops what it cannot send at once.
final class LogSocket: Sendable {
    private static let longestDatagram = 65_536

    private let end: Descriptor

    /// Binds the socket; one that an earlier worker left there goes.
    init(path: String) throws(ApplianceError) {
        let what = "cannot make the socket \(path)"
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        end = try Descriptor(socket(AF_UNIX, type, 0), what)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let longest = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard bytes.count <= longest, !bytes.contains(0) else { throw .system(what, ENAMETOOLONG) }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        try Self.clear(path)
        // Before it has a name, so that nobody else can ever send to it.
        fchmod(end.number, 0o600)
        let code = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(end.number, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if code != 0 { throw .system(what) }
    }

    private static func clear(_ path: String) throws(ApplianceError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .system("\(path) is not a socket; move it away", EEXIST) }
        if unsafe unlink(path) != 0, errno != ENOENT { throw .system("cannot take away the old socket \(path)") }
    }

    /// The descriptor, to wait for lines with.
    var descriptor: Int32 { end.number }

    /// Puts the lines that wait into the pipe, each on a line of its own and cut where it is too long to stay together.
    ///
    /// - Returns: how many the pipe had no room for.
    func forward(to pipe: LogPipe) -> Int {
        var lost = 0
        var buffer = [UInt8](repeating: 0, count: Self.longestDatagram)
        while true {
            let count = unsafe recv(end.number, &buffer, buffer.count, 0)
            if count < 0 {
                if errno == EINTR { continue }
                return lost
            }
            var end = min(count, LogPipe.mostTogether - 1)
            while end > 0, buffer[end - 1] == newline { end -= 1 }
            for index in 0..<end where buffer[index] == newline { buffer[index] = UInt8(ascii: " ") }
            if end == 0 { continue }
            if end == buffer.count { buffer.append(newline) } else { buffer[end] = newline }
            if !pipe.write(buffer[...end]) { lost += 1 }
        }
    }
}

/// What ends a line.
let newline = UInt8(ascii: "\n")
