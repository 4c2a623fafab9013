import LBaaS
import Testing

@Suite("Patches")
struct PatchTests {
    @Test("are none where nothing changes")
    func same() {
        #expect(Patch<Int>(from: nil, to: nil) == nil)
        #expect(Patch(from: 1, to: 1) == nil)
        #expect(LoadBalancerPatch(from: balancer("a"), to: balancer("a")) == nil)
    }

    @Test("know what was and what is to be", arguments: [(nil, 2), (1, nil), (1, 2)] as [(Int?, Int?)])
    func ends(old: Int?, new: Int?) throws {
        let patch = try #require(Patch(from: old, to: new))
        #expect(patch.old == old)
        #expect(patch.new == new)
    }

    @Test("have a way back", arguments: [Patch.create(1), .update(from: 1, to: 2), .delete(1)])
    func reversed(patch: Patch<Int>) {
        #expect(patch.reversed.old == patch.new)
        #expect(patch.reversed.new == patch.old)
        #expect(patch.reversed.reversed == patch)
    }

    @Test("are of one load balancer")
    func identity() throws {
        #expect(try step(from: nil, to: balancer("a")).id.text == "a")
        #expect(try step(from: balancer("a"), to: nil).id.text == "a")
        #expect(try step(from: balancer("a"), to: balancer("a", port: 81)).id.text == "a")
    }

    @Test("change settings where more than nodes and suspension changes")
    func settings() throws {
        let old = balancer("a")
        let turned = balancer("a") { balancer in
            balancer.isSuspended = true
            balancer.nodes = [node("n")]
        }
        #expect(try step(from: nil, to: old).changesSettings == false)
        #expect(try step(from: old, to: nil).changesSettings == false)
        #expect(try step(from: old, to: turned).changesSettings == false)
        #expect(try step(from: old, to: balancer("a") { $0.hysteresis = 1 }).changesSettings)
    }
}

@Suite("Node patches")
struct NodePatchTests {
    private func nodes(from old: [Node], to new: [Node]) throws -> [Patch<Node>] {
        // The port differs, so that there is a step even where the nodes are the same.
        try step(from: balancer("a") { $0.nodes = old }, to: balancer("a", port: 81) { $0.nodes = new }).nodes
    }

    @Test("of a new load balancer are creations, of one that goes removals")
    func wholeLoadBalancer() throws {
        let full = balancer("a") { $0.nodes = [node("1"), node("2")] }
        #expect(try step(from: nil, to: full).nodes == [.create(node("1")), .create(node("2"))])
        #expect(try step(from: full, to: nil).nodes == [.delete(node("1")), .delete(node("2"))])
    }

    @Test("are removals in the old order, then the rest in the new order")
    func order() throws {
        let old = [node("gone"), node("same"), node("heavier"), node("lost")]
        let new = [node("new"), node("heavier", weight: 9), node("newer"), node("same")]
        #expect(
            try nodes(from: old, to: new) == [
                .delete(node("gone")), .delete(node("lost")),
                .create(node("new")), .update(from: node("heavier"), to: node("heavier", weight: 9)), .create(node("newer")),
            ])
    }

    @Test("hold only what differs where the list stays as it is")
    func sameList() throws {
        let old = [node("1"), node("2"), node("3")]
        let new = [node("1"), node("2", condition: .draining), node("3")]
        #expect(try nodes(from: old, to: new) == [.update(from: old[1], to: new[1])])
    }

    @Test("do not see the order of the list")
    func reordered() throws {
        #expect(try nodes(from: [node("1"), node("2")], to: [node("2"), node("1")]).isEmpty)
    }

    @Test("replace a node whose id changes")
    func renamed() throws {
        #expect(try nodes(from: [node("1")], to: [node("2")]) == [.delete(node("1")), .create(node("2"))])
    }
}
