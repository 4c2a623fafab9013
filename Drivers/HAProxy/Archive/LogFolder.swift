import Glibc
import LBaaS

/// A part of a load balancer's log: one file, and one object of the store once it is archived.
///
/// Its time makes it unique, so that storing it a second time, where nobody knows whether the first went well, replaces it by itself.
struct LogSegment: Hashable, Sendable {
    /// When it was begun.
    let begun: Timestamp
    /// Where it is.
    let path: String
}

/// The log of one load balancer: a folder of segments, the last of which takes the next lines until it is sealed.
struct LogFolder: Sendable {
    private static let suffix = ".log"
    private static let digits = 20

    private struct Part {
        let segment: LogSegment
        var size: UInt64
    }

    private let path: String
    private var parts: [Part] = []
    private var isLastSealed = false

    /// A log with what is in its folder, if there is one.
    init(path: String) {
        self.path = path
        for name in fileNames(in: path) {
            guard name.hasSuffix(Self.suffix), let time = Int64(name.dropLast(Self.suffix.count)), time >= 0 else { continue }
            var status = stat()
            let file = path + "/" + name
            if unsafe lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
                parts.append(Part(segment: LogSegment(begun: Timestamp(microseconds: time), path: file), size: UInt64(status.st_size)))
            }
        }
        parts.sort { $0.segment.begun < $1.segment.begun }
    }

    /// The segments that take no more lines, the oldest first.
    var sealed: [LogSegment] { parts.dropLast(isLastSealed ? 0 : 1).map(\.segment) }

    /// Lets the next line begin a new segment.
    mutating func seal() { isLastSealed = true }

    /// Adds lines: all of them or none.
    ///
    /// - Parameters:
    ///   - now: when a segment begins, if one does.
    ///   - limit: how many bytes the log may have. The oldest segments go where it has more.
    /// - Returns: how many bytes went.
    mutating func append(_ lines: [UInt8], now: Timestamp, limit: UInt64) throws(ApplianceError) -> UInt64 {
        var part = parts.last.flatMap { isLastSealed ? nil : $0 } ?? Part(segment: next(now), size: 0)
        part.size = try write(lines, to: part.segment.path)
        if parts.last?.segment == part.segment { parts.removeLast() }
        parts.append(part)
        // A quarter, so that no more than that goes at once.
        isLastSealed = part.size >= limit / 4
        return drop(beyond: limit)
    }

    /// Takes a sealed segment away; false where it is gone already.
    mutating func remove(_ segment: LogSegment) -> Bool {
        guard let index = parts.firstIndex(where: { $0.segment == segment }) else { return false }
        parts.remove(at: index)
        return unsafe unlink(segment.path) == 0
    }

    /// Takes everything away.
    mutating func removeAll() {
        for part in parts { unsafe unlink(part.segment.path) }
        parts = []
        unsafe rmdir(path)
    }

    /// Where the next lines go. Later than the last, also where the clock was set back.
    private func next(_ now: Timestamp) -> LogSegment {
        let last = parts.last?.segment.begun.microseconds ?? -1
        let begun = max(now.microseconds, last &+ 1)
        let number = String(begun)
        let name = String(repeating: "0", count: max(0, Self.digits - number.count)) + number + Self.suffix
        return LogSegment(begun: Timestamp(microseconds: begun), path: path + "/" + name)
    }

    /// Appends to a file; its size then. Where that fails, the file is as it was.
    private func write(_ lines: [UInt8], to path: String) throws(ApplianceError) -> UInt64 {
        let what = "cannot write \(path)"
        if unsafe mkdir(self.path, 0o700) != 0, errno != EEXIST { throw .system("cannot make the folder \(self.path)") }
        let file = try Descriptor(unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600), what)
        var status = stat()
        if unsafe fstat(file.number, &status) != 0 { throw .system(what) }
        var rest = lines[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file.number, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                let failure = ApplianceError.system(what)
                _ = ftruncate(file.number, status.st_size)
                throw failure
            }
        }
        return UInt64(status.st_size) + UInt64(lines.count)
    }

    private mutating func drop(beyond limit: UInt64) -> UInt64 {
        var size = parts.reduce(0) { $0 + $1.size }
        var dropped: UInt64 = 0
        while size > limit, parts.count > 1 {
            let oldest = parts.removeFirst()
            unsafe unlink(oldest.segment.path)
            size -= oldest.size
            dropped += oldest.size
        }
        return dropped
    }
}

/// The names in a folder, without those that begin with a dot; none where it cannot be read.
func fileNames(in folder: String) -> [String] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}
