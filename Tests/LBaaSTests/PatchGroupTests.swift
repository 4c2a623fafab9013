import LBaaS
import Testing

/// The ids of each group, in order.
private func ids(_ groups: [PatchGroup]) -> [[String]] {
    groups.map { $0.patches.map(\.id.text) }
}

/// Steps that move each load balancer from one port to another; 0 stands for not being there.
private func groups(_ moves: [(id: String, from: UInt16, to: UInt16)]) -> [[String]] {
    let patches = moves.compactMap { move in
        LoadBalancerPatch(
            from: move.from == 0 ? nil : balancer(move.id, port: move.from),
            to: move.to == 0 ? nil : balancer(move.id, port: move.to))
    }
    return ids(PatchGroup.groups(of: patches))
}

@Suite("Patch groups")
struct PatchGroupTests {
    @Test("have one load balancer each where no listener moves to another")
    func independent() {
        #expect(groups([]).isEmpty)
        #expect(groups([("a", 0, 1)]) == [["a"]])
        #expect(groups([("a", 0, 1), ("b", 2, 3), ("c", 4, 0)]) == [["a"], ["b"], ["c"]])
    }

    @Test("have who gives a listener before who takes it, whatever is deleted, changed or created")
    func handover() {
        #expect(groups([("taker", 0, 1), ("giver", 1, 0)]) == [["giver", "taker"]])
        #expect(groups([("taker", 0, 1), ("giver", 1, 2)]) == [["giver", "taker"]])
        #expect(groups([("taker", 2, 1), ("giver", 1, 0)]) == [["giver", "taker"]])
        #expect(groups([("taker", 2, 1), ("giver", 1, 3)]) == [["giver", "taker"]])
        #expect(groups([("giver", 1, 3), ("taker", 2, 1)]) == [["giver", "taker"]])
    }

    @Test("hold a whole chain of moves, however its steps are mixed")
    func chain() {
        #expect(groups([("c", 3, 2), ("x", 0, 9), ("d", 0, 3), ("b", 2, 1), ("a", 1, 0)]) == [["a", "b", "c", "d"], ["x"]])
        #expect(groups([("a", 1, 0), ("b", 2, 1), ("c", 3, 2), ("d", 0, 3), ("x", 0, 9)]) == [["a", "b", "c", "d"], ["x"]])
        #expect(groups([("b", 2, 1), ("d", 0, 3), ("a", 1, 4), ("c", 3, 2)]) == [["a", "b", "c", "d"]])
    }

    @Test("hold load balancers that exchange their listeners, from the first of them on")
    func rings() {
        #expect(groups([("a", 1, 2), ("b", 2, 1)]) == [["a", "b"]])
        #expect(groups([("x", 0, 9), ("b", 2, 1), ("a", 1, 2)]) == [["x"], ["b", "a"]])
        #expect(groups([("a", 1, 2), ("b", 2, 3), ("c", 3, 1)]) == [["a", "c", "b"]])
    }

    @Test("hold two chains apart")
    func chains() {
        #expect(groups([("d", 4, 3), ("b", 2, 1), ("c", 3, 0), ("a", 1, 0)]) == [["c", "d"], ["a", "b"]])
    }

    @Test("lose no step where the states break the rules")
    func brokenStates() {
        #expect(groups([("a", 1, 0), ("b", 0, 1), ("c", 0, 1)]) == [["a", "b", "c"]])
        #expect(groups([("a", 1, 0), ("b", 1, 0), ("c", 0, 1)]) == [["a", "b", "c"]])
    }

    @Test("do not take another transport for the same listener")
    func transports() throws {
        let old = balancer("a", port: 53) { $0.serviceProtocol = .udp }
        let patches = [try step(from: old, to: nil), try step(from: nil, to: balancer("b", port: 53))]
        #expect(ids(PatchGroup.groups(of: patches)) == [["a"], ["b"]])
    }
}
