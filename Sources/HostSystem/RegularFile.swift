import Glibc

/// A regular file at a path that somebody else chose.
///
/// Nothing but a regular file is opened: to open a FIFO can wait for ever, and to open a device can have effects. Calls can block where the
/// file system does, such as one on a network: they belong on a thread that nothing else depends on.
package enum RegularFile {
    /// Tells whether a path still names the same contents.
    package struct Identity: Hashable, Sendable {
        private let device: UInt64
        private let inode: UInt64
        private let modified: [Int]
        /// The size in bytes.
        package let size: Int

        fileprivate init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            modified = [status.st_mtim, status.st_ctim].flatMap { [$0.tv_sec, $0.tv_nsec] }
            size = Int(status.st_size)
        }
    }

    /// Why a file cannot be read.
    package enum Failure: Error, Hashable, Sendable {
        /// The system does not give it: a code of `errno.h`.
        case unreadable(Int32)
        /// It is a folder, a FIFO, a socket or a device.
        case notRegular
        /// It has more bytes than the limit.
        case tooLarge(limit: Int)
    }

    /// The identity of the file at a path, which is not opened.
    package static func identity(of path: String) throws(Failure) -> Identity {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw .unreadable(errno) }
        return Identity(try regular(status))
    }

    /// Reads a whole file.
    ///
    /// - Parameter limit: the most bytes that it may have.
    package static func read(_ path: String, limit: Int) throws(Failure) -> (bytes: [UInt8], identity: Identity) {
        // Looked at before it is opened, for to open a device can have effects, and after it, for another file can be there by then.
        _ = try identity(of: path)
        let file = Descriptor(owning: unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))
        if file.number < 0 { throw .unreadable(errno) }
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else { throw .unreadable(errno) }
        let identity = Identity(try regular(status))
        if identity.size > limit { throw .tooLarge(limit: limit) }
        // One byte more than is allowed, for it can grow meanwhile.
        var bytes = [UInt8](repeating: 0, count: min(identity.size, limit) + 1)
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(file.number, bytes.baseAddress?.advanced(by: filled), bytes.count - filled)
            }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw .unreadable(errno) }
            if count == 0 { break }
            filled += count
            if filled == bytes.count, filled <= limit { bytes += [UInt8](repeating: 0, count: min(filled, limit + 1 - filled)) }
        }
        if filled > limit { throw .tooLarge(limit: limit) }
        bytes.removeLast(bytes.count - filled)
        return (bytes, identity)
    }

    /// Whether a path names a regular file that this process may run.
    package static func isExecutable(_ path: String) -> Bool {
        guard (try? identity(of: path)) != nil else { return false }
        return unsafe access(path, X_OK) == 0
    }

    private static func regular(_ status: stat) throws(Failure) -> stat {
        if status.st_mode & S_IFMT != S_IFREG { throw .notRegular }
        return status
    }
}
