import Glibc

/// A file that is only ever replaced as a whole, and is for this user alone.
struct WholeFile: Sendable {
    let path: String

    /// Where a new one is made: beside it, so that it can be renamed.
    var candidate: String { path + ".new" }

    /// The folder that it is in.
    var folder: String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }

    /// The most bytes that are read: a configuration of 100,000 servers has 30 MB.
    private static let largest = 256 << 20

    /// Its bytes; nil where there is no such file.
    ///
    /// - Throws: where it is no regular file, or too large.
    func read() throws(ApplianceError) -> [UInt8]? {
        // Without it, opening a FIFO would wait for somebody who writes.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw .system("cannot read \(path)")
        }
        defer { close(descriptor) }
        var status = stat()
        if unsafe fstat(descriptor, &status) != 0 { throw .system("cannot read \(path)") }
        if status.st_mode & S_IFMT != S_IFREG { throw ApplianceError(.foreign, "\(path) is not a regular file; move it away") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > Self.largest - bytes.count {
                throw ApplianceError(.foreign, "\(path) has more than \(Self.largest >> 20) MiB; move it away")
            }
            if count > 0 { bytes += buffer[..<count] } else if errno != EINTR { throw .system("cannot read \(path)") }
        }
    }

    /// Whether nobody but its owner may read or change it.
    var isPrivate: Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & 0o077 == 0
    }

    /// Writes the candidate, which is on the disk then.
    func prepare(_ bytes: [UInt8]) throws(ApplianceError) {
        unsafe unlink(candidate)
        let descriptor = unsafe open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw .system("cannot write \(candidate)") }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { throw .system("cannot write \(candidate)") }
        }
        if fsync(descriptor) != 0 { throw .system("cannot write \(candidate)") }
    }

    /// Puts the candidate in place; that it is there is on the disk then.
    func install() throws(ApplianceError) {
        if unsafe rename(candidate, path) != 0 { throw .system("cannot rename \(candidate) to \(path)") }
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { throw .system("cannot open \(folder)") }
        defer { close(descriptor) }
        if fsync(descriptor) != 0 { throw .system("cannot write \(folder)") }
    }

    /// Replaces it.
    func write(_ bytes: [UInt8]) throws(ApplianceError) {
        try prepare(bytes)
        try install()
    }

    /// Replaces it.
    func write(_ text: String) throws(ApplianceError) { try write(Array(text.utf8)) }

    /// Takes a candidate away that is not to be installed.
    func dropCandidate() { unsafe unlink(candidate) }

    /// Takes it away.
    func remove() { unsafe unlink(path) }
}

/// Makes a folder for this user alone, with those above it; one that is there stays as it is.
func makeFolder(_ path: String) throws(ApplianceError) {
    if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
        try makeFolder(String(path[..<slash]))
        if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    }
    let failure = ApplianceError.system("cannot make \(path)")
    throw ApplianceError(.system, "\(failure.message); make it for the user of the worker, or name another with run_dir, config or log_dir")
}
