import Glibc
import HostSystem

/// The contents of small files that somebody else chose.
enum FileText {
    /// The most that is read, far above any file that a person writes.
    private static let most = 16 << 20

    /// All bytes of a file. Nil where there is none and it need not exist.
    static func read(_ path: String, mustExist: Bool) throws(StartupFailure) -> [UInt8]? {
        let reason: String
        do throws(RegularFile.Failure) {
            return try RegularFile.read(path, limit: most).bytes
        } catch {
            switch error {
            case .unreadable(ENOENT) where !mustExist: return nil
            case .unreadable(let code): reason = "cannot be read: \(systemError(code))"
            case .notRegular: reason = "cannot be read: it is not a regular file"
            case .tooLarge(let limit): reason = "is larger than \(limit) bytes"
            }
        }
        throw StartupFailure(.config, "the configuration file \(path) \(reason)")
    }
}
