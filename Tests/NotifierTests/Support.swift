import Foundation
import LBaaS
import TestSupport

/// An address that is right.
func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { fatalError("\(text) is not an address") }
    return address
}

/// A folder of its own for one test, removed afterwards.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "lbaas-notifier-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    /// Writes a script for the shell and answers its path.
    func script(_ text: String) throws -> String {
        try Data("\(text)\n".utf8).write(to: URL(fileURLWithPath: file("script")))
        return file("script")
    }

    /// The lines of a file; none where there is no such file.
    func lines(_ name: String) -> [String] {
        ((try? String(contentsOfFile: file(name), encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }
}

/// Asks again and again until the answer is yes.
///
/// - Throws: where it is not in time.
func eventually(_ what: String, within seconds: Double = 20, _ condition: () throws -> Bool) async throws {
    try await TestSupport.eventually(what, within: seconds, condition)
}
