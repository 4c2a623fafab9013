import CSQLite
import Foundation
import HostSystem
import Synchronization
import TestSupport
import Testing

@testable import FleetStore

@Suite struct SQLiteStoreTests {
    @Test("Processes that count in one file lose no step, whichever is killed, and what was acknowledged is there")
    func processes() async throws {
        let folder = try TemporaryFolder(in: "/dev/shm")
        let store = try SQLiteStore(folder: folder.file("store"))
        let updates = Updates()
        let watch = try store.watch("", after: 0, updates.add)
        let victim = try process(folder, "victim", 1_000_000)
        let other = try process(folder, "other", 150)
        // The first is killed between two writes or within one, wherever it is.
        try await eventually("some steps of both") {
            acknowledged(folder, "victim").count > 20 && acknowledged(folder, "other").count > 5
        }
        await victim.destroy()
        let end = try await other.end()
        #expect(end == .exit(0))

        let entries = try await onThread { try store.all("").entries }
        let values = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, Int(String(decoding: $0.value, as: UTF8.self)) ?? -1) })
        let total = try #require(values["count"])
        // Both keys of a transaction are there, or neither.
        #expect(values["same"] == total)
        #expect(entries.allSatisfy { $0.key != "count" && $0.key != "same" || $0.revision == entries[0].revision })
        #expect(values["other"] == 150)
        let victims = acknowledged(folder, "victim")
        let all = victims + acknowledged(folder, "other")
        #expect(Set(all).count == all.count && all.allSatisfy { $0 <= total })
        // The last step of the victim may have been committed and not acknowledged.
        #expect(values["victim"].map { $0 == victims.count || $0 == victims.count + 1 } == true)
        #expect(total == 150 + (values["victim"] ?? 0))
        try await eventually("all changes by other processes") { updates.revisions.last == entries[0].revision }
        #expect(updates.values["count"] == Array("\(total)".utf8) && updates.losses.isEmpty)
        watch.cancel()
    }

    private func process(_ folder: TemporaryFolder, _ name: String, _ count: Int) throws -> ChildProcess {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("fleet-store-process").path
        return try ChildProcess(
            program, [folder.file("store"), name, String(count)], folder: folder.path, output: folder.file(name),
            errors: folder.file("\(name).errors"))
    }

    /// The numbers that a process has written; without one that it was killed in the middle of.
    private func acknowledged(_ folder: TemporaryFolder, _ name: String) -> [Int] {
        let text = (try? String(contentsOfFile: folder.file(name), encoding: .utf8)) ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap { Int($0) }
    }

    @Test("A store outlives its process, and only its user can read it")
    func durability() async throws {
        let folder = try TemporaryFolder(in: "/dev/shm")
        try await onThread {
            let revision = try SQLiteStore(folder: folder.file("store")).commit(.putting("k", [1]))
            let store = try SQLiteStore(folder: folder.file("store"))
            #expect(try store.get("k") == StoreEntry(key: "k", value: [1], revision: revision))
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.file("store")) {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("store/\(file)"))
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(file)")
            }
        }
    }

    @Test("Lifetimes are counted from the start of the host, and begin anew where it was restarted")
    func lifetimes() async throws {
        let folder = try TemporaryFolder(in: "/dev/shm")
        let time = Mutex(Duration.seconds(1000))
        @Sendable func open(_ boot: String) throws -> SQLiteStore {
            try SQLiteStore(folder: folder.file("store"), clock: StoreClock(boot: boot, now: { time.withLock { $0 } }))
        }
        try await onThread {
            let store = try open("first")
            try store.commit(.putting("k", [1], lifetime: 60))
            try store.commit(.putting("kept", [2]))
            time.withLock { $0 += .seconds(59) }
            #expect(try open("first").get("k") != nil)
            // The clock is at 5 s since the second start, when the key has the whole time again.
            time.withLock { $0 = .seconds(5) }
            let restarted = try open("second")
            time.withLock { $0 = .seconds(64) }
            #expect(try restarted.get("k") != nil)
            time.withLock { $0 = .seconds(66) }
            #expect(try restarted.get("k") == nil && restarted.list("").entries.map(\.key) == ["kept"])
            #expect(try restarted.commit(.replacing("k", 0, [3])) > 0)
        }
    }

    @Test("A store that another process holds is unavailable within the limit, and serves reads meanwhile")
    func busy() async throws {
        let folder = try TemporaryFolder(in: "/dev/shm")
        try await onThread {
            let store = try SQLiteStore(folder: folder.file("store"))
            try store.commit(.putting("k", [1]))
            var holder: OpaquePointer?
            #expect(sqlite3_open(folder.file("store/fleet.sqlite"), &holder) == SQLITE_OK)
            defer { sqlite3_close(holder) }
            #expect(sqlite3_exec(holder, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
            let start = ContinuousClock.now
            let error = try storeError { try store.commit(.putting("k", [2]), within: .milliseconds(200)) }
            #expect(error.code == .unavailable && !error.mayBeApplied && error.message.contains("another process"), "\(error)")
            #expect(ContinuousClock.now - start >= .milliseconds(150))
            #expect(try store.get("k")?.value == [1])
            #expect(sqlite3_exec(holder, "ROLLBACK", nil, nil, nil) == SQLITE_OK)
            try store.commit(.putting("k", [3]))
        }
    }

    @Test("A file that cannot be used is refused with a sentence")
    func refusals() async throws {
        let folder = try TemporaryFolder(in: "/dev/shm")
        @Sendable func refusal(_ name: String) throws -> FleetStoreError {
            try storeError { _ = try SQLiteStore(folder: folder.file(name)) }
        }
        try await onThread {
            _ = try SQLiteStore(folder: folder.file("newer"))
            _ = try runProgram("/usr/bin/sqlite3", [folder.file("newer/fleet.sqlite"), "PRAGMA user_version = 9"])
            #expect(try refusal("newer").code == .damaged && refusal("newer").message.contains("run the newer lbaas-server"))

            try FileManager.default.createDirectory(atPath: folder.file("other"), withIntermediateDirectories: false)
            _ = try runProgram("/usr/bin/sqlite3", [folder.file("other/fleet.sqlite"), "CREATE TABLE a (b)"])
            #expect(try refusal("other").code == .damaged && refusal("other").message.contains("not a store of lbaas-server"))

            try FileManager.default.createDirectory(atPath: folder.file("text"), withIntermediateDirectories: false)
            _ = try folder.write(String(repeating: "no database ", count: 500), to: "text/fleet.sqlite")
            #expect(try refusal("text").code == .damaged)

            _ = try folder.write("", to: "file")
            #expect(try refusal("file").code == .denied && refusal("none/store").code == .denied)
            try FileManager.default.createDirectory(atPath: folder.file("link"), withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(atPath: folder.file("link/fleet.sqlite"), withDestinationPath: folder.file("file"))
            #expect(try refusal("link").code == .denied)

            try FileManager.default.createDirectory(
                atPath: folder.file("open"), withIntermediateDirectories: false, attributes: [:])
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder.file("open"))
            #expect(try refusal("open").code == .denied && refusal("open").message.contains("mode 777"))
        }
    }

    @Test("A store that was restored from an older backup loses its watches")
    func rollback() async throws {
        let folder = try TemporaryFolder(in: "/dev/shm")
        let path = folder.file("store/fleet.sqlite")
        let store = try SQLiteStore(folder: folder.file("store"))
        let revision = try await onThread {
            try store.commit(.putting("k", [1]))
            _ = try runProgram("/usr/bin/sqlite3", [path, ".backup \(folder.file("backup"))"])
            return try store.commit(.putting("k", [2]))
        }
        let updates = Updates()
        let watch = try store.watch("", after: revision, updates.add)
        _ = try await onThread { try runProgram("/usr/bin/sqlite3", [path, ".restore \(folder.file("backup"))"]) }
        try await eventually("the loss") { !updates.losses.isEmpty }
        #expect(updates.losses[0].code == .compacted && updates.losses[0].message.contains("backup"))
        #expect(try await onThread { try store.get("k")?.value } == [1])
        watch.cancel()
    }
}

@Suite struct StoreKeyTests {
    @Test("Any text is a part of a key, without a slash, and different texts have different parts")
    func parts() throws {
        #expect(storeKeyPart("Az09-_.~") == "Az09-_.~")
        #expect(storeKeyPart("a b/c%\u{E9}") == "a%20b%2Fc%25%C3%A9")
        // Swift takes both for the same text, and a store does not.
        #expect(storeKeyPart("\u{E9}") != storeKeyPart("e\u{301}"))
        for scalar in ["\0", "\n", "/", "%", "\u{10FFFF}", "\u{202E}", ""] {
            try StoreLimits.check(key: "k" + storeKeyPart(scalar))
            #expect(!storeKeyPart(scalar).contains("/"))
        }
    }

    @Test("The memory of a lifetime that was replaced has no effect")
    func memoryLifetimes() throws {
        let time = Mutex(Duration.zero)
        let store = MemoryStore { time.withLock { $0 } }
        for _ in 0..<3 { try store.commit(.putting("k", [1], lifetime: 10)) }
        time.withLock { $0 = .seconds(5) }
        try store.commit(.putting("k", [2], lifetime: 10))
        time.withLock { $0 = .seconds(12) }
        #expect(try store.get("k")?.value == [2])
        time.withLock { $0 = .seconds(15) }
        #expect(try store.get("k") == nil)
        #expect(try store.commit(.replacing("k", 0, [3])) > 0)
    }
}
