import Foundation
import StateStore
import TestSupport
import Testing

@Suite("Opening the state")
struct OpeningTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("makes the folder, for this user alone, and leaves nothing but the state in it")
    func makesFolder() throws {
        try folder.commit([.put(row("a"))])
        let mode = try FileManager.default.attributesOfItem(atPath: folder.state)[.posixPermissions] as? Int
        #expect(mode == 0o700)
        #expect(try folder.contents().keys.sorted() == ["state.sqlite"])
    }

    @Test("uses a folder that is there, and does not touch what else is in it")
    func usesFolder() throws {
        try FileManager.default.createDirectory(atPath: folder.state, withIntermediateDirectories: false)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.state + "/notes"))
        try folder.commit([.put(row("a"))])
        #expect(try folder.contents()["notes"] == Data("mine".utf8))
        #expect(try folder.reopened().loadBalancers == [row("a")])
    }

    @Test("does not make the folder's parent")
    func missingParent() throws {
        let missing = folder.path + "/no/state"
        #expect {
            _ = try StateStore(folder: missing)
        } throws: { error in
            let error = error as? StateStoreError
            let message = error?.message ?? ""
            return error?.code == .inaccessible && message.contains(missing) && message.contains("--state-dir")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("refuses a file in place of the folder, and a folder in place of the file")
    func wrongKinds() throws {
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.state))
        let refusal = try #require(folder.refusal())
        #expect(refusal.code == .inaccessible && refusal.message.hasSuffix(": \(folder.state) is no folder"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.state)) == Data("mine".utf8))
        try FileManager.default.removeItem(atPath: folder.state)
        try FileManager.default.createDirectory(atPath: folder.file, withIntermediateDirectories: true)
        #expect(folder.refusal()?.code == .inaccessible)
    }

    @Test("is refused to a second one, which disturbs the first in nothing")
    func second() throws {
        let first = try StateStore(folder: folder.state)
        try first.commit([.put(row("a"))])
        let refusal = try #require(folder.refusal())
        #expect(refusal.code == .inUse)
        #expect(refusal.message.contains(folder.file))
        #expect(refusal.message.contains("another"))
        #expect(refusal.description == refusal.message)
        try first.commit([.put(row("b"))])
        #expect(try first.load().loadBalancers == [row("a"), row("b")])
    }

    @Test("is refused while another process has it, and not any more once that is gone")
    func secondProcess() async throws {
        try folder.commit([.put(row("a"))])
        let first = try StateStore(folder: folder.state)
        await #expect(processExitsWith: .success) { [state = folder.state as String] in
            #expect {
                _ = try StateStore(folder: state)
            } throws: {
                ($0 as? StateStoreError)?.code == .inUse
            }
        }
        #expect(try first.load().loadBalancers == [row("a")])
        withExtendedLifetime(first) {}
    }

    @Test("goes on after a start that was cut short while the file was made")
    func interruptedCreation() throws {
        try FileManager.default.createDirectory(atPath: folder.state, withIntermediateDirectories: false)
        try Data(repeating: 0x55, count: 5000).write(to: URL(fileURLWithPath: folder.file + ".new"))
        try Data(repeating: 0x55, count: 600).write(to: URL(fileURLWithPath: folder.file + ".new-journal"))
        try folder.commit([.put(row("a"))])
        #expect(try folder.reopened().loadBalancers == [row("a")])
    }
}
