import Foundation

/// A folder of its own for one test, removed afterwards.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let path: String

    /// A new folder, for this user alone. Its path is short, as those of Unix sockets in it have to be.
    ///
    /// - Parameter parent: where it is made.
    public init(in parent: String = NSTemporaryDirectory()) throws {
        path = (parent.hasSuffix("/") ? parent : parent + "/") + "lbaas-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the folder.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and answers its path.
    public func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}
