import Glibc
import HostSystem

/// The file that holds the number of this process, for as long as this value lives.
///
/// The file is locked, so that a file left behind by a process that died does no harm, and two processes cannot hold it at once.
///
/// A wrong path must not cost the operator a file, and a file of digits can be anything. So a pid file has a mark that other files do not
/// have: its sticky bit, which means nothing on a regular file. A file without it is left alone.
package struct PidFile: ~Copyable {
    /// Where it is.
    package let path: String
    private let descriptor: Int32

    /// Makes the file and locks it, or refuses where another process holds it. To be called as the user that removes it at the end.
    package init(_ path: String) throws(StartupFailure) {
        descriptor = try Self.make(path)
        self.path = path
    }

    deinit {
        unsafe unlink(path)
        close(descriptor)
    }

    /// Removes the file at once.
    package consuming func remove() {}

    /// The mark, and who may read it: everybody.
    private static let mode: mode_t = 0o1644

    /// The open and locked file, with the number of this process in it.
    private static func make(_ path: String) throws(StartupFailure) -> Int32 {
        let descriptor = try openLocked(path)
        do throws(StartupFailure) {
            try checkFolder(of: path)
            try write(getpid(), to: descriptor, path: path)
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func openLocked(_ path: String) throws(StartupFailure) -> Int32 {
        while true {
            var isNew = true
            var descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if descriptor < 0, errno == EEXIST {
                isNew = false
                descriptor = unsafe open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
                if descriptor < 0, errno == ENOENT { continue }
            }
            guard descriptor >= 0 else {
                throw StartupFailure(
                    .cantCreate,
                    "the pid file \(path) cannot be made by user \(geteuid()): \(systemError()); "
                        + "name one in a folder of this user's own, such as one that systemd-tmpfiles makes")
            }
            do throws(StartupFailure) {
                if try lock(descriptor, path: path, isNew: isNew) { return descriptor }
            } catch {
                close(descriptor)
                throw error
            }
            close(descriptor)
        }
    }

    /// Locks the open file.
    ///
    /// - Returns: false where it lost its name meanwhile: whoever held it may have removed it between our open and our lock.
    private static func lock(_ descriptor: Int32, path: String, isNew: Bool) throws(StartupFailure) -> Bool {
        var status = stat()
        let isKnown = unsafe fstat(descriptor, &status) == 0
        guard isNew || isKnown && status.st_mode & (S_IFMT | S_ISVTX) == S_IFREG | S_ISVTX else {
            throw StartupFailure(.cantCreate, "\(path) exists and is not a pid file of this program; remove it or name another one")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = contents(of: descriptor)
            throw StartupFailure(
                .tempFail, "the pid file \(path) is held by a process that runs\(holder.isEmpty ? "" : ", number \(holder)")")
        }
        // A mark that whoever made it did not live to set; then nobody else can lock it either.
        if isNew { fchmod(descriptor, mode) }
        return isStill(path, descriptor)
    }

    /// Whether the path still leads to the open file.
    private static func isStill(_ path: String, _ descriptor: Int32) -> Bool {
        var (named, opened) = (stat(), stat())
        guard unsafe stat(path, &named) == 0, unsafe fstat(descriptor, &opened) == 0 else { return false }
        return named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
    }

    /// Refuses a folder from which this process cannot remove the file.
    private static func checkFolder(of path: String) throws(StartupFailure) {
        let folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/" : "."
        guard unsafe faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 else {
            throw StartupFailure(
                .cantCreate, "the pid file \(path) could not be removed at the end: its folder cannot be written by user \(geteuid())")
        }
    }

    private static func write(_ process: pid_t, to descriptor: Int32, path: String) throws(StartupFailure) {
        let text = Array("\(process)\n".utf8)
        guard ftruncate(descriptor, 0) == 0, unsafe pwrite(descriptor, text, text.count, 0) == text.count else {
            throw StartupFailure(.ioError, "the pid file \(path) cannot be written: \(systemError())")
        }
    }

    /// The beginning of the file, without the end of the line.
    private static func contents(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
