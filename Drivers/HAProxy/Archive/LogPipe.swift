import Glibc

/// The pipe that haproxy's log lines come through.
///
/// It has a name, and haproxy holds it open at both ends as its standard input. So lines wait in it while the worker is not there, and
/// the next worker finds them. It is read by one thread at a time.
final class LogPipe: Sendable {
    /// Written at once, so many bytes stay together whoever else writes.
    static let mostTogether = 4096

    /// How many bytes are to wait in it. What a user may have without privileges is 1 MiB, by default.
    private static let capacities: [Int32] = [16 << 20, 1 << 20]
    /// fcntl's `F_SETPIPE_SZ`, which Swift does not see.
    private static let setCapacity: Int32 = 1031

    private let end: Descriptor

    /// Opens the pipe, and makes it where there is none.
    init(path: String) throws(ApplianceError) {
        if unsafe mkfifo(path, 0o600) != 0, errno != EEXIST { throw .system("cannot make the pipe \(path)") }
        // At both ends, so that it neither waits for haproxy nor ends with it.
        end = try Descriptor(
            unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW), "cannot open the pipe \(path)")
        var status = stat()
        guard unsafe fstat(end.number, &status) == 0, status.st_mode & S_IFMT == S_IFIFO, status.st_uid == geteuid(),
            status.st_mode & 0o077 == 0
        else { throw .system("\(path) is not a pipe of this user alone; move it away", EEXIST) }
        for capacity in Self.capacities where fcntl(end.number, Self.setCapacity, capacity) >= 0 { break }
    }

    /// The descriptor, to be handed to haproxy.
    var descriptor: Int32 { end.number }

    /// Reads what waits, as far as the buffer has room.
    ///
    /// - Returns: the number of bytes; 0 where none wait.
    func read(into buffer: inout [UInt8]) -> Int {
        while true {
            let count = unsafe Glibc.read(end.number, &buffer, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { return 0 }
        }
    }

    /// Adds bytes, no more than stay together.
    ///
    /// - Returns: false where the pipe is full.
    func write(_ bytes: ArraySlice<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            while true {
                if unsafe Glibc.write(end.number, buffer.baseAddress, buffer.count) >= 0 { return true }
                if errno != EINTR { return false }
            }
        }
    }
}
