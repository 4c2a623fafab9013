import LBaaS

/// The logs of all load balancers, in a folder each.
struct LogStore {
    private let path: String
    private let limit: UInt64
    private let log: Log
    private var folders: [String: LogFolder] = [:]
    /// The names of the load balancers there are; nil as long as nobody told.
    private var kept: Set<String>?
    /// The load balancers whose last lines could not be written.
    private var failing: Set<String> = []
    /// How many bytes could not be written since all could.
    private var lost = 0

    init(path: String, limit: UInt64, log: Log) {
        self.path = path
        self.limit = limit
        self.log = log
    }

    /// Keeps lines. What cannot be written is lost, and that is said once for each time that the disk is full.
    mutating func append(_ lines: [UInt8], of name: String, now: Timestamp) {
        if kept?.contains(name) == false { return }
        do throws(ApplianceError) {
            let dropped = try withFolder(name) { [limit] folder throws(ApplianceError) in
                try folder.append(lines, now: now, limit: limit)
            }
            if dropped > 0 {
                log.write(
                    .warning, "a load balancer's log is as long as it may be: its oldest lines were dropped; archive it or raise log_limit",
                    [("frontend", name), ("dropped", "\(dropped) bytes"), ("log_limit", "\(limit >> 20)")])
            }
            if failing.remove(name) != nil { tellIfMended() }
        } catch {
            if failing.isEmpty {
                log.write(
                    .warning, "the log of a load balancer cannot be kept: its lines are lost until it can; look at the disk",
                    [("frontend", name), ("reason", error.message)])
            }
            failing.insert(name)
            lost += lines.count
        }
    }

    private mutating func tellIfMended() {
        if !failing.isEmpty { return }
        log.write(.warning, "the logs of all load balancers are kept again", [("lost", "\(lost) bytes")])
        lost = 0
    }

    /// Keeps the logs of these load balancers alone; those of others go.
    mutating func keep(only names: Set<String>) {
        let files = Set(names.map(Self.fileName))
        if let before = kept {
            for name in before.subtracting(names) { removeAll(Self.fileName(name)) }
        } else {
            for file in fileNames(in: path) where !files.contains(file) { removeAll(file) }
        }
        folders = folders.filter { names.contains($0.key) }
        kept = names
        if !failing.isEmpty {
            failing.formIntersection(names)
            tellIfMended()
        }
    }

    /// The segments of a load balancer's log that take no more lines.
    mutating func sealed(of name: String) -> [LogSegment] { withFolder(name) { $0.sealed } }

    /// Lets the next line of a load balancer begin a new segment.
    mutating func seal(_ name: String) { withFolder(name) { $0.seal() } }

    /// Takes a segment away that is stored elsewhere.
    mutating func remove(_ segment: LogSegment, of name: String) {
        let isRemoved = withFolder(name) { $0.remove(segment) }
        if isRemoved { return }
        log.write(.debug, "an archived part of a log was gone already", [("path", segment.path)])
    }

    private func removeAll(_ file: String) {
        var folder = LogFolder(path: path + "/" + file)
        folder.removeAll()
    }

    private mutating func withFolder<Result, Failure: Error>(
        _ name: String, _ body: (inout LogFolder) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var folder = folders.removeValue(forKey: name) ?? LogFolder(path: path + "/" + Self.fileName(name))
        defer { if kept?.contains(name) != false { folders[name] = folder } }
        return try body(&folder)
    }

    /// The name of a load balancer's folder: its own where that is a plain file name, else a fingerprint of it.
    static func fileName(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
        if isPlain, !name.hasPrefix("."), 1...255 ~= name.utf8.count { return name }
        return "~" + Digest.name(of: name)
    }
}
