import LBaaS
import Testing

private func ids(_ names: some Sequence<Int>) -> [LoadBalancerID] { names.map { LoadBalancerID("\($0)") } }

@Suite("The wanted state")
struct WantedStateTests {
    private func entry(_ id: String, port: UInt16 = 80) -> WantedState.Entry {
        WantedState.Entry(loadBalancer: balancer(id, port: port), createdAt: Timestamp(microseconds: 7))
    }

    @Test("holds one load balancer of each identity")
    func put() {
        var state = WantedState(entries: [entry("a"), entry("b")])
        state.put(entry("a", port: 81))
        #expect(state.entries == [LoadBalancerID("a"): entry("a", port: 81), LoadBalancerID("b"): entry("b")])
    }

    @Test("remembers what was deleted, until it is wanted again")
    func delete() {
        let a = LoadBalancerID("a")
        var state = WantedState(entries: [entry("a"), entry("b")])
        #expect(!state.deleted.contains(a))
        state.delete(a)
        #expect(state.entries.keys.map(\.text) == ["b"])
        #expect(state.deleted.contains(a))
        state.put(entry("a"))
        #expect(!state.deleted.contains(a))
        #expect(state.entries.count == 2)
    }
}

@Suite("The identities that were deleted")
struct DeletedIdentitiesTests {
    private let capacity = DeletedIdentities.capacity

    private func remembered(_ deleted: DeletedIdentities, among names: Range<Int>) -> [LoadBalancerID] {
        ids(names).filter(deleted.contains)
    }

    @Test("are the last 10,000")
    func last() {
        #expect(capacity == 10_000)
        var deleted = DeletedIdentities(ids(0..<capacity))
        #expect(remembered(deleted, among: 0..<capacity).count == capacity)
        for id in ids(capacity..<capacity + 3) { deleted.insert(id) }
        #expect(remembered(deleted, among: 0..<capacity + 3) == ids(3..<capacity + 3))
    }

    @Test("are the last of a longer list")
    func longList() {
        #expect(remembered(DeletedIdentities(ids(0..<3 * capacity)), among: 0..<3 * capacity) == ids(2 * capacity..<3 * capacity))
    }

    @Test("are young again when they are deleted again")
    func again() {
        var deleted = DeletedIdentities(ids(0..<capacity))
        deleted.insert(LoadBalancerID("0"))
        deleted.insert(LoadBalancerID("new"))
        #expect(deleted.contains(LoadBalancerID("0")))
        #expect(!deleted.contains(LoadBalancerID("1")))
        #expect(deleted.contains(LoadBalancerID("2")))
    }

    @Test("leave room when they are removed")
    func remove() {
        var deleted = DeletedIdentities(ids(0..<capacity))
        deleted.remove(LoadBalancerID("5"))
        deleted.remove(LoadBalancerID("never"))
        deleted.insert(LoadBalancerID("new"))
        #expect(remembered(deleted, among: 0..<capacity) == ids((0..<capacity).filter { $0 != 5 }))
        deleted.insert(LoadBalancerID("newer"))
        #expect(!deleted.contains(LoadBalancerID("0")))
        #expect(deleted.contains(LoadBalancerID("1")))
    }

    @Test("are as many after a long life of deletions and creations")
    func longLife() {
        var deleted = DeletedIdentities()
        for id in ids(0..<3 * capacity) {
            deleted.insert(id)
            if id.text.hasSuffix("7") { deleted.remove(id) }
        }
        #expect(remembered(deleted, among: 0..<3 * capacity).count == capacity)
    }

    @Test("are not remembered where they are too long: that is told at once")
    func tooLong() {
        var deleted = DeletedIdentities([LoadBalancerID(String(repeating: "x", count: 300))])
        let long = LoadBalancerID(String(repeating: "y", count: DeletedIdentities.longest + 1))
        #expect(deleted.insert(long) == long)
        #expect(!deleted.contains(long))
        let fits = LoadBalancerID(String(repeating: "z", count: DeletedIdentities.longest))
        #expect(deleted.insert(fits) == nil)
        #expect(deleted.contains(fits))
    }

    @Test(
        "tell what they forget, each once and the oldest first",
        arguments: [
            (0..<10_000, [10_000, 10_001]), (0..<9_999, [10_000, 10_001, 10_002]), (0..<10_000, [0, 2, 10_000, 10_001]),
            (0..<9_998, [0, 1, 20_000, 20_001, 20_002]), (0..<5, Array(100..<10_200)), (0..<0, Array(0..<10_005)),
            (0..<10_000, Array(20_000..<31_000)), (0..<10_000, [3, 0]), (0..<10_000, []),
        ])
    func told(held: Range<Int>, added: [Int]) {
        var deleted = DeletedIdentities(ids(held))
        let forgotten = ids(added).compactMap { deleted.insert($0) }
        let gone = Set(ids(held) + ids(added)).filter { !deleted.contains($0) }
        #expect(Set(forgotten) == gone)
        #expect(forgotten.count == gone.count)
        // The names are numbers, and so is their age.
        #expect(forgotten == forgotten.sorted { (Int($0.text) ?? 0) < (Int($1.text) ?? 0) })
    }
}
