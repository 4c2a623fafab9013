import Foundation
import Testing

@testable import StateStore

@Suite struct VersionTests {
    @Test("The page for operations and the list of changes name the version of the state file")
    func pages() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        func text(_ page: String) throws -> String { try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8) }
        #expect(try text("docs/operations.md").contains("the current version is \(StateFile.version))"))
        #expect(try text("CHANGELOG.md").contains("The state file has version \(StateFile.version)."))
    }
}
