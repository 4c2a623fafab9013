import TestSupport
import Testing

@testable import FleetStore

// The rules of watches and lifetimes, which hold for every store.
extension Contract {
    static func watching(_ maker: StoreMaker) async throws {
        let (store, other) = (try maker.make(), try maker.another())
        let updates = Updates()
        let revision = try await onThread { try store.commit(.putting("w/0", [0])) }
        let watch = try store.watch("w/", after: revision, updates.add)
        let (last, batch) = try await onThread {
            var several = StoreTransaction()
            for number in 1...80 { several.create("w/\(number)", [UInt8(number)]) }
            several.create("elsewhere", [])
            let batch = try other.commit(several)
            try store.commit(.putting("w/1", [100]))
            try store.commit(.putting("w0", [100]))
            try other.commit(.deleting("w/2"))
            try store.commit(.replacing("w/2", 0, [7]))
            return (try other.commit(.deleting("w/0")), batch)
        }
        try await eventually("the changes") { updates.revisions.last == last }
        var expected = Dictionary(uniqueKeysWithValues: (3...80).map { ("w/\($0)", [UInt8($0)]) })
        expected["w/1"] = [100]
        expected["w/2"] = [7]
        #expect(updates.values == expected)
        #expect(updates.changes.contains(.deletion(key: "w/0", revision: last)))
        #expect(!updates.changes.contains { $0.revision <= revision } && updates.losses.isEmpty)
        let revisions = updates.changes.map(\.revision)
        #expect(revisions == revisions.sorted() && revisions.count { $0 == batch } >= 78)
        watch.cancel()
        #expect(try await onThread { watch.join(within: .seconds(60)) })
        let (told, second) = (updates.changes.count, Updates())
        let later = try store.watch("w/", after: last, second.add)
        _ = try await onThread { try store.commit(.putting("w/late", [])) }
        try await eventually("the other watch") { second.values["w/late"] == [] }
        #expect(updates.changes.count == told)
        later.cancel()
    }

    static func resuming(_ maker: StoreMaker) async throws {
        let store = try maker.make()
        let (before, after) = try await onThread {
            try store.commit(.putting("r/gone", [1]))
            let before = try store.commit(.putting("r/old", [1]))
            try store.commit(.putting("r/a", [1]))
            try store.commit(.putting("r/a", [2]))
            try store.commit(.deleting("r/gone"))
            return (before, try store.commit(.putting("r/b", [3])))
        }
        let updates = Updates()
        let watch = try store.watch("r/", after: before, updates.add)
        try await eventually("what has changed") { updates.revisions.last == after }
        #expect(updates.values == ["r/a": [2], "r/b": [3]])
        #expect(updates.changes.contains { if case .deletion("r/gone", _) = $0 { true } else { false } })
        watch.cancel()

        try await maker.compact(store)
        let late = Updates()
        let lateWatch = try store.watch("r/", after: before, late.add)
        try await eventually("the loss") { !late.losses.isEmpty }
        #expect(late.losses.map(\.code) == [.compacted] && late.changes.isEmpty)
        #expect(late.losses[0].message.contains("read everything again"), "\(late.losses)")

        let page = try await onThread { try store.list("r/") }
        let future = Updates()
        let futureWatch = try store.watch("r/", after: page.revision + 1000, future.add)
        try await eventually("the loss") { !future.losses.isEmpty }
        #expect(future.losses[0].code == .compacted && future.losses[0].message.contains("backup"), "\(future.losses)")

        // One behind the page goes on.
        let next = Updates()
        let nextWatch = try store.watch("r/", after: page.revision, next.add)
        let last = try await onThread { try store.commit(.putting("r/c", [4])) }
        try await eventually("the change") { next.revisions == [last] }
        #expect(updates.losses.isEmpty && next.losses.isEmpty)
        for each in [lateWatch, futureWatch, nextWatch] { each.cancel() }
    }

    static func lifetimes(_ maker: StoreMaker) async throws {
        let (store, other) = (try maker.make(), try maker.another())
        let updates = Updates()
        let start = ContinuousClock.now
        let revision = try await onThread {
            var transaction = StoreTransaction()
            transaction.create("t/short", [1], lifetime: 2)
            transaction.create("t/kept", [2], lifetime: 2)
            transaction.create("t/renewed", [3], lifetime: 2)
            let revision = try store.commit(transaction)
            try other.commit(.putting("t/kept", [4]))
            try other.commit(.putting("t/renewed", [5], lifetime: 600))
            return revision
        }
        let watch = try other.watch("t/", after: revision, updates.add)
        try await eventually("the end of the lifetime") {
            updates.changes.contains { if case .deletion = $0 { true } else { false } }
        }
        #expect(ContinuousClock.now - start >= .seconds(2))
        try await onThread {
            #expect(try store.get("t/short") == nil)
            #expect(try store.list("t/").entries.map(\.value) == [[4], [5]])
            try store.commit(.replacing("t/short", 0, [6]))
        }
        watch.cancel()
    }
}
