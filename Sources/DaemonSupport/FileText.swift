import Glibc
import HostSystem

/// The contents of small files that somebody else chose.
enum FileText {
    /// The most that is read, far above any file that a person writes.
    private static let most = 16 << 20

    /// All bytes of a file. Nil where there is none and it need not exist.
    ///
    /// Only a regular file is read: a pipe, a device or a socket would keep the program waiting, or have no end.
    static func read(_ path: String, mustExist: Bool) throws(StartupFailure) -> [UInt8]? {
        // Opening a pipe that nobody writes to would wait, and opening a terminal would make it that of this process.
        let file = Descriptor(owning: unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))
        guard file.number >= 0 else {
            if errno == ENOENT, !mustExist { return nil }
            throw failure(path, "cannot be read: \(systemError())")
        }
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else { throw failure(path, "cannot be read: \(systemError())") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "Is a directory" : "it is not a regular file"
            throw failure(path, "cannot be read: \(kind)")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while bytes.count <= most {
            let count = unsafe Glibc.read(file.number, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += chunk[..<count]
            } else if errno != EINTR {
                throw failure(path, "cannot be read: \(systemError())")
            }
        }
        throw failure(path, "is larger than \(most) bytes")
    }

    private static func failure(_ path: String, _ sentence: String) -> StartupFailure {
        StartupFailure(.config, "the configuration file \(path) \(sentence)")
    }
}
