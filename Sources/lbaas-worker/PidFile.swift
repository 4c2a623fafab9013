import Glibc

/// The file that holds the number of this process, for as long as this value lives.
///
/// The file is locked, so that a file left behind by a process that died does no harm, and two processes cannot hold it at once.
struct PidFile: ~Copyable {
    /// Where it is.
    let path: String
    private let descriptor: Int32

    /// Makes the file and locks it, or refuses where another process holds it.
    init(_ path: String) throws(StartupFailure) {
        descriptor = try Self.make(path)
        self.path = path
    }

    deinit {
        // After a change of user the folder may not be ours: then at least the number goes.
        if unsafe unlink(path) != 0 { ftruncate(descriptor, 0) }
        close(descriptor)
    }

    /// Removes the file at once.
    consuming func remove() {}

    /// The open and locked file, with the number of this process in it.
    private static func make(_ path: String) throws(StartupFailure) -> Int32 {
        let descriptor = try openLocked(path)
        do throws(StartupFailure) {
            try write(getpid(), to: descriptor, path: path)
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func openLocked(_ path: String) throws(StartupFailure) -> Int32 {
        while true {
            let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
            guard descriptor >= 0 else { throw StartupFailure(.cantCreate, "the pid file \(path) cannot be made: \(systemError())") }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let holder = contents(of: descriptor)
                close(descriptor)
                throw StartupFailure(
                    .tempFail, "the pid file \(path) is held by a process that runs\(holder.isEmpty ? "" : ", number \(holder)")")
            }
            // Whoever held it may have removed it between our open and our lock; then the lock is on a file without a name.
            if isStill(path, descriptor) { return descriptor }
            close(descriptor)
        }
    }

    /// Whether the path still leads to the open file.
    private static func isStill(_ path: String, _ descriptor: Int32) -> Bool {
        var (named, opened) = (stat(), stat())
        guard unsafe stat(path, &named) == 0, unsafe fstat(descriptor, &opened) == 0 else { return false }
        return named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
    }

    private static func write(_ process: pid_t, to descriptor: Int32, path: String) throws(StartupFailure) {
        // A wrong path must not cost the operator a file.
        guard contents(of: descriptor).allSatisfy({ $0.isNumber }) else {
            throw StartupFailure(.cantCreate, "\(path) exists and is not a pid file; remove it or name another one")
        }
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
