import LBaaS
import TestSupport
import Testing

private typealias AppliedState = [LoadBalancerID: LoadBalancer]

@Suite("The difference of two states")
struct StateDifferenceTests {
    @Test("turns the first into the second, in any order of the groups", arguments: 0..<300 as Range<UInt64>)
    func turns(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let old = randomState(using: &generator)
        let new = randomState(using: &generator)
        let patches = difference(from: old, to: new, using: &generator)
        let groups = PatchGroup.groups(of: patches)

        #expect(patches.count == Set(old.keys).union(new.keys).count { old[$0] != new[$0] })
        #expect(groups.map(\.patches.count).reduce(0, +) == patches.count)
        #expect(groups.allSatisfy { $0.patches.count == 1 || $0.isHandover })
        for order in [groups, groups.reversed(), groups.shuffled(using: &generator)] {
            var state = old
            for group in order { carryOut(group, on: &state) }
            #expect(state == new)
            #expect(difference(from: state, to: new, using: &generator).isEmpty)
        }
    }
}

/// Up to eight load balancers on as many listeners, so that most listeners pass from one to another between two states.
private func randomState(using generator: inout SeededGenerator) -> AppliedState {
    let ports = (UInt16(1)...8).shuffled(using: &generator)
    var state: AppliedState = [:]
    for (number, port) in ports.enumerated() where Int.random(in: 0..<3, using: &generator) > 0 {
        let nodes = (UInt8(1)...4).shuffled(using: &generator).prefix(.random(in: 0...4, using: &generator))
        let built = balancer("\(number)", port: port) { balancer in
            balancer.nodes = nodes.map { node("\($0)", host: $0, weight: .random(in: 0...2, using: &generator)) }
            balancer.isSuspended = .random(using: &generator)
            balancer.algorithm = Algorithm.allCases.randomElement(using: &generator) ?? .roundRobin
        }
        state[built.id] = built
    }
    return state
}

private func difference(
    from old: AppliedState, to new: AppliedState, using generator: inout SeededGenerator
) -> [LoadBalancerPatch] {
    // Sorted first: the order of a set is another one in every run, and the seed would not tell it.
    Set(old.keys).union(new.keys).sorted().shuffled(using: &generator).compactMap { LoadBalancerPatch(from: old[$0], to: new[$0]) }
}

/// Takes the steps one by one. No two load balancers hold one listener after the group, and but for an exchange not even within it.
private func carryOut(_ group: PatchGroup, on state: inout AppliedState) {
    for patch in group.patches {
        #expect(state[patch.id] == patch.loadBalancer.old)
        state[patch.id] = patch.loadBalancer.new
        if !group.isExchange { #expect(state.hasNoSharedListener) }
        #expect(nodes(after: patch) == Set(patch.loadBalancer.new?.nodes ?? []))
    }
    #expect(state.hasNoSharedListener)
}

private func nodes(after patch: LoadBalancerPatch) -> Set<Node> {
    var nodes = Set(patch.loadBalancer.old?.nodes ?? [])
    for step in patch.nodes {
        if let old = step.old { #expect(nodes.remove(old) != nil) }
        if let new = step.new { nodes.insert(new) }
    }
    return nodes
}

extension AppliedState {
    fileprivate var hasNoSharedListener: Bool { Set(values.map(\.listener)).count == count }
}

extension PatchGroup {
    /// Each step takes the listener that the one before it gave up.
    fileprivate var isHandover: Bool {
        zip(patches, patches.dropFirst()).allSatisfy { $0.loadBalancer.old?.listener == $1.loadBalancer.new?.listener }
    }

    /// A ring: the first step takes what the last gives up.
    fileprivate var isExchange: Bool {
        guard patches.count > 1, let taken = patches.first?.loadBalancer.new?.listener else { return false }
        return patches.last?.loadBalancer.old?.listener == taken
    }
}
