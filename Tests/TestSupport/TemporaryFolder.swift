import Foundation

/// A folder of its own for one test, removed afterwards.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let path: String

    /// Makes the folder, empty.
    public init() throws {
        path = NSTemporaryDirectory() + "lbaas-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
