import CNamespaces
import Foundation
import StateStore
import Synchronization
import TestSupport
import Testing

@Suite("Commits are all or nothing")
struct DurabilityTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The limit is of a process of its own, and a real one: the kernel refuses the write in the middle of the commit.
    @Test("A commit that the disk has no room for leaves the old state, and the next that fits is carried out")
    func fullDisk() async throws {
        await #expect(processExitsWith: .success) { [state = folder.state as String] in
            let old = [row("a", "old"), row("b", "old")]
            let new: [StateWrite] =
                [.put(row("a", "new")), .delete(id: "b"), .traffic(traffic("a")), .isEmptyByDelete(true)]
                + (0..<200).map { .put(row("c\($0)", String(repeating: "x", count: 500))) }
            let store = try StateStore(folder: state)
            try store.commit(old.map { .put($0) })
            try limitFiles(to: 40_000)
            for _ in 0..<3 {
                #expect {
                    try store.commit(new)
                } throws: { error in
                    let error = error as? StateStoreError
                    return error?.code == .inaccessible && error?.message.contains("free space") == true
                }
                let state = try store.load()
                #expect(state.loadBalancers == old)
                #expect(state.traffic.isEmpty && state.deleted.isEmpty && !state.isEmptyByDelete)
            }
            try store.commit([.put(row("small"))])
            #expect(try store.load().loadBalancers == old + [row("small")])
            try limitFiles(to: .max)
            try store.commit([.delete(id: "b")])
        }
        let state = try folder.reopened()
        #expect(state.loadBalancers == [row("a", "old"), row("small")])
        #expect(state.deleted == ["b"])
    }

    /// The kernel refuses to synchronize, in a process of its own that is killed behind it: all that was written is in the files.
    @Test("A commit that could not be synchronized, and was refused, is not there after a crash", arguments: [1, 200])
    func notSynchronized(count: Int) async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [state = folder.state as String, count = count as Int] in
            let store = try StateStore(folder: state)
            try store.commit([.put(row("a", "old"))])
            try #require(deny_system_call(UInt32(FDATASYNC), UInt32(EIO)) == 0)
            let new = (0..<count).map { StateWrite.put(row("b\($0)", String(repeating: "x", count: 500))) }
            for _ in 0..<2 {
                #expect(throws: StateStoreError.self) { try store.commit([.put(row("a", "new"))] + new) }
                #expect(try store.load().loadBalancers == [row("a", "old")])
            }
            kill(getpid(), SIGKILL)
        }
        #expect(try folder.reopened().loadBalancers == [row("a", "old")])
    }

    @Test(
        "A write that SQLite refuses takes the writes before it back, whether or not SQLite rolled back by itself",
        arguments: ["ABORT", "FAIL", "ROLLBACK"])
    func refusedWrite(kind: String) throws {
        try folder.commit([.put(row("a", "old")), .put(row("b", "old"))])
        try folder.alter("CREATE TRIGGER no BEFORE INSERT ON traffic WHEN new.id = 'bad' BEGIN SELECT RAISE(\(kind), 'told so'); END")
        let store = try StateStore(folder: folder.state)
        let old = try store.load()
        #expect {
            try store.commit([.put(row("a", "new")), .delete(id: "b"), .traffic(traffic("bad")), .put(row("c"))])
        } throws: {
            ($0 as? StateStoreError)?.message.contains("told so") == true
        }
        #expect(try store.load() == old)
        try store.commit([.put(row("c")), .traffic(traffic("good"))])
        #expect(try store.load().loadBalancers == [row("a", "old"), row("b", "old"), row("c")])
        #expect(try store.load().traffic == [traffic("good")])
    }

    /// The child is killed by a thread of its own at some point of a commit. After each commit it notes the number of the commit in
    /// a file, so that what was acknowledged is known: the state is that or, where the kill came between commit and note, one more.
    @Test("A kill in the middle of commits loses nothing that was acknowledged and leaves nothing half done", arguments: 0..<8)
    func killed(round: Int) async throws {
        let notes = folder.path + "/notes"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [state = folder.state as String, notes = notes as String, round = round as Int] in
            let acknowledged = Atomic(0)
            let store = try StateStore(folder: state)
            let file = open(notes, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            try #require(file >= 0)
            Thread.detachNewThread { [notes] in
                // Later rounds come past a checkpoint, which is made each 1,000 pages.
                let last = 1 + 15 * round
                while ((try? FileManager.default.attributesOfItem(atPath: notes))?[.size] as? Int ?? 0) < last * 4 {}
                for _ in 0..<Int.random(in: 0..<20_000) { sched_yield() }
                kill(getpid(), SIGKILL)
            }
            while true {
                let number = acknowledged.add(1, ordering: .relaxed).newValue
                try store.commit(numbered(number))
                var note = Int32(number)
                try #require(write(file, &note, 4) == 4)
            }
        }
        let acknowledged = try FileManager.default.attributesOfItem(atPath: notes)[.size] as? Int ?? 0
        let store = try StateStore(folder: folder.state)
        let state = try store.load()
        let number = state.traffic.first?.readings.first.map { Int($0.bytes) } ?? 0
        #expect(number == acknowledged / 4 || number == acknowledged / 4 + 1)
        #expect(state.loadBalancers.count == 50)
        #expect(state.loadBalancers.allSatisfy { $0.createdAt == number })
        #expect(state.isEmptyByDelete == (number % 2 == 0))
        #expect(state.deleted == (number > 1 ? ["\(number - 1)"] : []))
        try store.commit(numbered(number + 1))
        #expect(try store.load().loadBalancers.allSatisfy { $0.createdAt == number + 1 })
    }
}

/// A commit that changes every table, with this number in each.
private func numbered(_ number: Int) -> [StateWrite] {
    let text = String(repeating: "\(number) ", count: 200)
    return (0..<50).map { .put(row("lb\($0)", text, createdAt: Int64(number))) } + [
        .traffic(traffic("lb0", bytes: UInt64(number))), .isEmptyByDelete(number % 2 == 0),
        .delete(id: "\(number - 1)"), .forgetDeleted(id: "\(number - 2)"), .forgetDeleted(id: "0"),
    ]
}
