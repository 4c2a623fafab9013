import Foundation
import StateStore
import TestSupport
import Testing

/// What can be wrong with the file.
enum Damage: String, CaseIterable {
    case zeroLength, shortText, longText, cutToHeader, cutToHalf, cutInPage, cutLastPage, magicGone, middleFlipped, everyPageFlipped
    /// An identity differs between the table and its index.
    case identityFlipped
    case tableMissing, columnMissing, anotherApplication, anotherApplicationWithLog, newer, newerAndUnknown

    /// Does it to a state file that is whole and closed.
    func inflict(on folder: TemporaryFolder) throws {
        let url = URL(fileURLWithPath: folder.file)
        var bytes = try Data(contentsOf: url)
        let pages = bytes.count / 4096
        try #require(pages > 8)
        switch self {
        case .zeroLength: bytes = Data()
        case .shortText: bytes = Data("hello\n".utf8)
        case .longText: bytes = Data(String(repeating: "not a database\n", count: 1000).utf8)
        case .cutToHeader: bytes = bytes.prefix(100)
        case .cutToHalf: bytes = bytes.prefix(pages / 2 * 4096)
        case .cutInPage: bytes = bytes.prefix(pages / 2 * 4096 + 1000)
        case .cutLastPage: bytes = bytes.prefix((pages - 1) * 4096)
        case .magicGone: bytes[0] ^= 1
        case .middleFlipped: Self.flip(&bytes, page: pages / 2)
        case .everyPageFlipped: for page in 1..<pages { Self.flip(&bytes, page: page) }
        case .identityFlipped:
            let found = try #require(bytes.range(of: Data("lb77".utf8)))
            try #require(bytes.range(of: Data("lb77".utf8), in: found.upperBound..<bytes.endIndex) != nil)
            bytes[found.lowerBound] ^= 1
        case .tableMissing: return try folder.alter("DROP TABLE traffic")
        case .columnMissing: return try folder.alter("ALTER TABLE load_balancer DROP COLUMN is_suspended")
        case .newer: return try folder.alter("PRAGMA user_version = 9")
        case .newerAndUnknown: return try folder.alter("PRAGMA user_version = 10; DROP TABLE traffic; CREATE TABLE more (x)")
        case .anotherApplication, .anotherApplicationWithLog:
            try FileManager.default.removeItem(at: url)
            let mode = self == .anotherApplication ? "DELETE" : "WAL"
            return try folder.alter("PRAGMA journal_mode = \(mode); CREATE TABLE load_balancer (id); INSERT INTO load_balancer VALUES (1)")
        }
        try bytes.write(to: url)
    }

    private static func flip(_ bytes: inout Data, page: Int) {
        for offset in 0..<64 { bytes[page * 4096 + offset] ^= 0xFF }
    }

    var code: StateStoreError.Code {
        switch self {
        case .newer, .newerAndUnknown: .newer
        default: .damaged
        }
    }
}

@Suite("State that cannot be trusted")
struct DamageTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.commit((0..<200).map { .put(row("lb\($0)", String(repeating: "\($0) ", count: 100))) })
    }

    @Test("is refused with the right code and a sentence, and left byte for byte as it is", arguments: Damage.allCases)
    func refused(damage: Damage) throws {
        try damage.inflict(on: folder)
        let before = try folder.contents()
        for _ in 0..<2 {
            let refusal = try #require(folder.refusal(), "it is opened")
            #expect(refusal.code == damage.code)
            #expect(refusal.message.hasPrefix(folder.file + ": "))
            #expect(refusal.message.contains("backup"))
            #expect(!refusal.message.contains("\n"))
            let after = try folder.contents()
            #expect(after.keys.sorted() == before.keys.sorted())
            #expect(after["state.sqlite"]?.count == before["state.sqlite"]?.count)
            #expect(after["state.sqlite"] == before["state.sqlite"])
        }
    }

    @Test("is left byte for byte as it is with the log that a crash left beside it", arguments: [Damage.newer, .middleFlipped])
    func refusedWithLog(damage: Damage) throws {
        try damage.inflict(on: folder)
        var files: [String: Data] = [:]
        // The page that is flipped is not one that this writes.
        try folder.alter("PRAGMA synchronous = FULL; UPDATE worker SET is_empty_by_delete = 1") { files = try folder.contents() }
        let crashed = try TemporaryFolder()
        files["state.sqlite-shm"] = nil
        try crashed.place(files)
        try #require(files.keys.sorted() == ["state.sqlite", "state.sqlite-wal"])
        #expect(try #require(crashed.refusal()).code == damage.code)
        let after = try crashed.contents()
        #expect(after.keys.sorted() == files.keys.sorted())
        #expect(after["state.sqlite"] == files["state.sqlite"])
        #expect(after["state.sqlite-wal"] == files["state.sqlite-wal"])
    }

    @Test("names the version that is needed")
    func newer() throws {
        try Damage.newer.inflict(on: folder)
        let message = try #require(folder.refusal()?.message)
        #expect(message.contains("version 9"))
        #expect(message.contains("up to 8"))
    }

    @Test("is a log without its file, which is not taken for a first start")
    func logAlone() throws {
        try FileManager.default.removeItem(atPath: folder.file)
        try Data(repeating: 1, count: 4152).write(to: URL(fileURLWithPath: folder.log))
        let before = try folder.contents()
        let refusal = try #require(folder.refusal())
        #expect(refusal.code == .damaged)
        #expect(refusal.message.contains(folder.file))
        #expect(refusal.message.contains("-wal"))
        #expect(try folder.contents() == before)
    }

    /// A log that no commit of ours wrote is what a crash before the first commit leaves: SQLite passes over it.
    @Test("is not a log that was never filled", arguments: [0, 32, 600])
    func emptyLog(length: Int) throws {
        try Data(repeating: 0, count: length).write(to: URL(fileURLWithPath: folder.log))
        #expect(try folder.reopened().loadBalancers.count == 200)
    }

    /// The log is written front to back, so one that is cut is one whose last commit did not come to its end.
    @Test("is not a log whose last commit is cut short: that commit was not acknowledged")
    func cutLog() throws {
        let store = try StateStore(folder: folder.state)
        try store.commit([.put(row("lb0", "first"))])
        let first = try folder.contents()
        try store.commit([.put(row("lb0", "second")), .put(row("lb199", "second"))])
        let second = try folder.contents()
        let (firstLog, secondLog) = (try #require(first["state.sqlite-wal"]), try #require(second["state.sqlite-wal"]))
        try #require(firstLog.count < secondLog.count)
        for length in [firstLog.count, firstLog.count + 24, secondLog.count - 1, secondLog.count] {
            let crashed = try TemporaryFolder()
            try crashed.place(["state.sqlite": try #require(second["state.sqlite"]), "state.sqlite-wal": secondLog.prefix(length)])
            let rows = try crashed.reopened().loadBalancers
            let isWhole = length == secondLog.count
            #expect(rows.count == 200)
            #expect(rows.first { $0.id == "lb0" } == row("lb0", isWhole ? "second" : "first"))
            #expect((rows.first { $0.id == "lb199" } == row("lb199", "second")) == isWhole)
        }
        withExtendedLifetime(store) {}
    }
}
