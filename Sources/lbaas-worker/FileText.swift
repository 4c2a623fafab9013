import Glibc

/// The contents of small files.
enum FileText {
    /// The most that is read, far above any file that a person writes.
    private static let most = 16 << 20

    /// All bytes of a file. Nil where there is none and it need not exist.
    static func read(_ path: String, mustExist: Bool) throws(StartupFailure) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT, !mustExist { return nil }
            throw StartupFailure(.config, "the configuration file \(path) cannot be read: \(systemError())")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while bytes.count <= most {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += chunk[..<count]
            } else if errno != EINTR {
                throw StartupFailure(.config, "the configuration file \(path) cannot be read: \(systemError())")
            }
        }
        throw StartupFailure(.config, "the configuration file \(path) is larger than \(most) bytes")
    }
}
