import Glibc
import HostSystem

/// Tells processes of one host apart, also over restarts of the host: `BOOT/NAMESPACE/NUMBER/START`.
enum ProcessIdentity {
    /// This process.
    static func own() -> String {
        let number = getpid()
        return "\(boot)/\(namespace)/\(number)/\(start(of: number) ?? "")"
    }

    /// Whether a process certainly ended: one of this host since it started, in the same namespace of process numbers, that is not there
    /// any more.
    static func isGone(_ process: String) -> Bool {
        let parts = process.parts(at: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, !boot.isEmpty, parts[0] == boot, !namespace.isEmpty, parts[1] == namespace, let number = Int32(parts[2])
        else {
            return false
        }
        if number == getpid(), let own = start(of: number), own == parts[3] { return false }
        return kill(number, 0) != 0 && errno == ESRCH || start(of: number).map { $0 != parts[3] } ?? false
    }

    private static let boot = text(of: "/proc/sys/kernel/random/boot_id")
    private static let namespace: String = {
        var target = [CChar](repeating: 0, count: 64)
        let count = unsafe readlink("/proc/self/ns/pid", &target, target.count)
        // `pid:[4026531836]`
        return count < 0
            ? "" : String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)).filter { (0x30...0x39).contains($0) }, as: UTF8.self)
    }()

    /// When a process started, in ticks since the host did; nil where it cannot be read.
    private static func start(of number: Int32) -> String? {
        // The name of the program, in parentheses, may have anything in it.
        let rest = text(of: "/proc/\(number)/stat").utf8.reversed().prefix { $0 != UInt8(ascii: ")") }.reversed()
        let fields = String(decoding: Array(rest), as: UTF8.self).parts(at: " ")
        return fields.count > 19 ? String(fields[19]) : nil
    }

    /// The first line of a file of the kernel's.
    private static func text(of path: String) -> String {
        guard let (bytes, _) = try? RegularFile.read(path, limit: 4096) else { return "" }
        return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }
}
