import TestSupport
import Testing

@testable import FleetStore

@Suite struct ContractTests {
    @Test("Every store keeps the contract of stores", arguments: StoreKind.allCases)
    func contract(_ kind: StoreKind) async throws {
        try await StoreMaker.run(kind) { maker in
            for rule in Contract.rules {
                do {
                    try await rule.check(maker)
                } catch {
                    Issue.record("\(rule.sentence): \(error)")
                }
            }
        }
    }
}

/// What holds for every store.
struct Contract {
    let sentence: String
    let check: @Sendable (StoreMaker) async throws -> Void

    init(_ sentence: String, _ check: @escaping @Sendable (StoreMaker) async throws -> Void) {
        (self.sentence, self.check) = (sentence, check)
    }

    /// A rule that needs an empty store only, on a thread of its own.
    init(_ sentence: String, on check: @escaping @Sendable (any FleetStore) throws -> Void) {
        self.init(sentence) { maker in
            let store = try maker.make()
            try await onThread { try check(store) }
        }
    }

    static let rules: [Contract] = [
        Contract("A value is read as it was put, by every server, and the revision grows", values),
        Contract("A transaction that expects another revision is refused, and does nothing", on: conflicts),
        Contract("A deleted key is absent; deleting an absent key changes nothing", on: deletions),
        Contract("Keys are listed in the order of their bytes, by pages, and none with another prefix", on: lists),
        Contract("Large values come in several pages", on: largeValues),
        Contract("What is outside of the limits is refused with a sentence", on: limits),
        Contract("Servers that count in one key at a time lose no step", counting),
        Contract("Random transactions do what a dictionary does", on: randomTransactions),
        Contract("A watch tells the changes of its prefix in order, until it is cancelled", watching),
        Contract("A watch behind a revision tells what has changed since; one behind forgotten changes is lost", resuming),
        Contract("A key with a lifetime is there for so long, and is deleted then", lifetimes),
    ]
}

extension Contract {
    private static func values(_ maker: StoreMaker) async throws {
        let (store, other) = (try maker.make(), try maker.another())
        try await onThread {
            #expect(try store.get("a") == nil)
            let all = (0...255).map { UInt8($0) }
            let first = try store.commit(.replacing("a", 0, all))
            #expect(try other.get("a") == StoreEntry(key: "a", value: all, revision: first))
            var both = StoreTransaction()
            both.create("b", [])
            both.replace("a", revision: first, with: [1])
            let second = try other.commit(both)
            #expect(second > first)
            #expect(try store.get("b") == StoreEntry(key: "b", value: [], revision: second))
            #expect(try store.get("a") == StoreEntry(key: "a", value: [1], revision: second))
            #expect(try store.list("").revision == second)
            #expect(try store.commit(StoreTransaction()) == second)
        }
    }

    private static func conflicts(_ store: any FleetStore) throws {
        let revision = try store.commit(.replacing("k", 0, [1]))
        for (expected, words) in [(0, "is there already"), (revision + 1, "revision \(revision + 1) was expected")] {
            var transaction = StoreTransaction.replacing("k", expected, [2])
            transaction.put("other", [3])
            let error = try storeError { try store.commit(transaction) }
            #expect(error.code == .conflict && !error.mayBeApplied)
            #expect(error.message.contains("k ") && error.message.contains(words), "\(error)")
        }
        #expect(try storeError { try store.commit(.replacing("none", 7, [])) }.message.hasPrefix("none is absent"))
        var checked = StoreTransaction.putting("other", [4])
        checked.expect("k", revision: revision)
        checked.expect("none", revision: 1)
        #expect(try storeError { try store.commit(checked) }.code == .conflict)
        #expect(try store.get("other") == nil)
        #expect(try store.get("k")?.value == [1])
        checked.expect("none", revision: 0)
        try store.commit(checked)
        #expect(try store.get("other")?.value == [4] && store.get("k")?.revision == revision)
    }

    private static func deletions(_ store: any FleetStore) throws {
        let revision = try store.commit(.putting("k", [1]))
        #expect(try storeError { try store.commit(.deleting("k", revision + 1)) }.code == .conflict)
        let deleted = try store.commit(.deleting("k", revision))
        #expect(try deleted > revision && store.get("k") == nil)
        #expect(try store.commit(.deleting("k")) == deleted)
        #expect(try store.list("").revision == deleted)
        #expect(try store.commit(.replacing("k", 0, [2])) > deleted)
        var both = StoreTransaction.deleting("k")
        both.create("l", [3])
        let last = try store.commit(both)
        #expect(try store.all("") == StorePage(entries: [StoreEntry(key: "l", value: [3], revision: last)], revision: last, hasMore: false))
    }

    private static func lists(_ store: any FleetStore) throws {
        let keys = ["!", "a", "a!", "a/", "a/B", "a/a", "a/~", "a/~~", "a0", "b", "~"]
        var transaction = StoreTransaction()
        for key in keys.shuffled() { transaction.create(key, Array(key.utf8)) }
        let revision = try store.commit(transaction)
        for prefix in ["", "a", "a/", "a/~", "c", "~"] {
            let expected = keys.filter { $0.hasPrefix(prefix) }
            for most in [1, 2, 5, 1000] {
                var found: [StoreEntry] = []
                while true {
                    let page = try store.list(prefix, after: found.last?.key, most: most)
                    found += page.entries
                    #expect(page.revision == revision && page.entries.count <= most)
                    if !page.hasMore { break }
                }
                #expect(found == expected.map { StoreEntry(key: $0, value: Array($0.utf8), revision: revision) }, "\(prefix) \(most)")
            }
        }
        #expect(try store.list("a/", after: "a").entries.count == 5)
        #expect(try store.list("a/", after: "b").entries.isEmpty)
    }

    /// For requests with megabytes, which a busy machine takes seconds to write.
    private static let long = Duration.seconds(60)

    private static func largeValues(_ store: any FleetStore) throws {
        let value = [UInt8](repeating: 7, count: StoreLimits.valueSize)
        for number in 10..<30 { try store.commit(.putting("large/\(number)", value), within: long) }
        try store.commit(.putting("large/small", [1]), within: long)
        let all = try store.all("large/", within: long)
        #expect(all.entries.map(\.key) == (10..<30).map { "large/\($0)" } + ["large/small"])
        #expect(all.entries.allSatisfy { $0.value == value || $0.key == "large/small" })
    }

    private static func limits(_ store: any FleetStore) throws {
        let longest = String(repeating: "k", count: StoreLimits.keySize)
        try store.commit(.putting(longest, [1]), within: long)
        #expect(try store.get(longest)?.value == [1])
        var many = StoreTransaction()
        for number in 0..<StoreLimits.transactionKeys { many.create("many/\(number)", [0]) }
        try store.commit(many, within: long)
        many.put("one more", [])
        var heavy = StoreTransaction()
        for number in 0..<2 { heavy.put("heavy/\(number)", [UInt8](repeating: 1, count: StoreLimits.valueSize - 7)) }
        try store.commit(heavy, within: long)
        heavy.put("heavy/2", [1])
        var wrong = StoreTransaction()
        wrong.expect("k", revision: -1)
        let refused: [(StoreTransaction, FleetStoreError.Code, String)] = [
            (.putting("", []), .invalid, "one character at least"), (.putting(longest + "k", []), .tooLarge, "512 bytes at most"),
            (.putting("a b", []), .invalid, "no blanks"), (.putting("\u{E9}", []), .invalid, "ASCII"),
            (.putting("a\0", []), .invalid, "printable"),
            (.putting("v", [UInt8](repeating: 0, count: StoreLimits.valueSize + 1)), .tooLarge, "a value of the store"),
            (.putting("v", [], lifetime: 0), .invalid, "lifetime"),
            (.putting("v", [], lifetime: StoreLimits.lifetime + 1), .invalid, "lifetime"), (many, .tooLarge, "changes 101"),
            (heavy, .tooLarge, "1048576 bytes at most"), (wrong, .invalid, "-1 is not a revision"),
        ]
        for (transaction, code, words) in refused {
            let error = try storeError { try store.commit(transaction) }
            #expect(error.code == code && error.message.contains(words), "\(error)")
        }
        #expect(try storeError { _ = try store.get("") }.code == .invalid)
        #expect(try storeError { _ = try store.list("\n") }.code == .invalid)
        #expect(try storeError { _ = try store.list("", most: 0) }.code == .invalid)
        #expect(try storeError { _ = try store.list("", most: 1001) }.code == .invalid)
    }

    private static func counting(_ maker: StoreMaker) async throws {
        let stores = [try maker.make(), try maker.another()]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in 0..<4 {
                group.addTask {
                    try await onThread {
                        var done = 0
                        while done < 10 {
                            let entry = try stores[server % 2].get("count")
                            do throws(FleetStoreError) {
                                try stores[server % 2].commit(.replacing("count", entry?.revision ?? 0, [(entry?.value[0] ?? 0) + 1]))
                                done += 1
                            } catch {
                                if error.code != .conflict { throw error }
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await onThread { try stores[0].get("count")?.value } == [40])
    }

    private static func randomTransactions(_ store: any FleetStore) throws {
        var generator = SeededGenerator(seed: 1)
        var model: [String: StoreEntry] = [:]
        let keys = (0..<6).map { "k\($0)" }
        for number in 0..<150 {
            var transaction = StoreTransaction()
            for key in keys.shuffled(using: &generator).prefix(Int.random(in: 1...3, using: &generator)) {
                // One in eight expects a revision that the key does not have.
                let revision = (model[key]?.revision ?? 0) + (Int.random(in: 0..<8, using: &generator) == 0 ? 1 : 0)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: transaction.delete(key)
                case 1: transaction.delete(key, revision: revision)
                case 2: transaction.expect(key, revision: revision)
                case 3: transaction.put(key, [UInt8(number)])
                default: transaction.replace(key, revision: revision, with: [UInt8(number)])
                }
            }
            let isAllowed = transaction.expected.allSatisfy { model[$0.key]?.revision ?? 0 == $0.value }
            do throws(FleetStoreError) {
                let revision = try store.commit(transaction)
                #expect(isAllowed)
                for (key, change) in transaction.changes {
                    if case .put(let value, _) = change {
                        model[key] = StoreEntry(key: key, value: value, revision: revision)
                    } else {
                        model[key] = nil
                    }
                }
            } catch {
                #expect(error.code == .conflict && !isAllowed)
            }
            if number % 10 == 0 { #expect(try store.all("").entries == model.values.sorted { $0.key < $1.key }) }
        }
    }
}
