extension PatchGroup {
    /// Puts steps that pass a listener, or a part of it, from one load balancer to another into one group, and every other step into
    /// a group of its own.
    ///
    /// - Parameter patches: the steps, one per load balancer at most.
    /// - Returns: groups in the order of their first step.
    public static func groups(of patches: [LoadBalancerPatch]) -> [PatchGroup] {
        if patches.count < 2 { return patches.map { PatchGroup([$0]) } }
        var givers = ReleasedListeners()
        for (index, patch) in patches.enumerated() {
            for listener in patch.releasedListeners { givers.add(listener, of: index) }
        }
        if givers.isEmpty { return patches.map { PatchGroup([$0]) } }
        let giversOf = patches.indices.map { index in
            patches[index].takenListeners.flatMap { givers.overlapping($0).filter { $0 != index } }
        }
        return components(giversOf).map { members in PatchGroup(inOrder(members, giversOf).map { patches[$0] }) }
    }

    /// The steps that hang together, each component in the order of the steps.
    private static func components(_ giversOf: [[Int]]) -> [[Int]] {
        var leader = Array(giversOf.indices)
        func root(_ index: Int) -> Int {
            var index = index
            while leader[index] != index {
                leader[index] = leader[leader[index]]
                index = leader[index]
            }
            return index
        }
        for (taker, givers) in giversOf.enumerated() {
            for giver in givers {
                let (one, other) = (root(taker), root(giver))
                leader[max(one, other)] = min(one, other)
            }
        }
        var members: [[Int]] = giversOf.map { _ in [] }
        for index in giversOf.indices { members[root(index)].append(index) }
        return members.filter { !$0.isEmpty }
    }

    /// What gives before what takes. In a ring, where that cannot be, the step that was first begins.
    private static func inOrder(_ members: [Int], _ giversOf: [[Int]]) -> [Int] {
        if members.count == 1 { return members }
        var missing: [Int: Int] = [:]
        var takersOf: [Int: [Int]] = [:]
        for taker in members {
            missing[taker] = giversOf[taker].count
            for giver in giversOf[taker] { takersOf[giver, default: []].append(taker) }
        }
        var ordered: [Int] = []
        var ready = members.filter { missing[$0] == 0 }
        var nextReady = 0
        var inTurn = members.makeIterator()
        while ordered.count < members.count {
            while nextReady < ready.count {
                let step = ready[nextReady]
                nextReady += 1
                guard missing.removeValue(forKey: step) != nil else { continue }
                ordered.append(step)
                for taker in takersOf[step] ?? [] {
                    guard let count = missing[taker] else { continue }
                    missing[taker] = count - 1
                    if count == 1 { ready.append(taker) }
                }
            }
            if let next = inTurn.next(), missing[next] != nil { ready.append(next) }
        }
        return ordered
    }
}

/// The listeners that steps give up, to be found by what takes them or a part of them.
private struct ReleasedListeners {
    private struct Door: Hashable {
        let port: UInt16
        let transport: Transport
        let mark: UInt32?

        init(_ listener: Listener) {
            port = listener.port
            transport = listener.transport
            mark = listener.mark
        }
    }

    private struct Givers {
        /// By single addresses.
        var single: [IPAddress: [Int]] = [:]
        /// Those of every address, or every one of a family.
        var wide: [(listener: Listener, index: Int)] = []
    }

    private var doors: [Door: Givers] = [:]

    var isEmpty: Bool { doors.isEmpty }

    mutating func add(_ listener: Listener, of index: Int) {
        if let address = listener.address, !address.isUnspecified {
            doors[Door(listener), default: Givers()].single[address, default: []].append(index)
        } else {
            doors[Door(listener), default: Givers()].wide.append((listener, index))
        }
    }

    /// The steps that give up this listener, a part of it, or more than it.
    func overlapping(_ listener: Listener) -> [Int] {
        guard let givers = doors[Door(listener)] else { return [] }
        let wide = givers.wide.filter { $0.listener.overlaps(listener) }.map(\.index)
        if let address = listener.address, !address.isUnspecified { return wide + (givers.single[address] ?? []) }
        let single = givers.single.filter { address, _ in
            Listener(address: address, port: listener.port, transport: listener.transport, mark: listener.mark).overlaps(listener)
        }
        return wide + single.values.flatMap(\.self).sorted()
    }
}

extension LoadBalancerPatch {
    /// The listeners that the step gives up.
    fileprivate var releasedListeners: [Listener] { loadBalancer.old?.listeners(beyond: loadBalancer.new) ?? [] }

    /// The listeners that the step takes.
    fileprivate var takenListeners: [Listener] { loadBalancer.new?.listeners(beyond: loadBalancer.old) ?? [] }
}

extension LoadBalancer {
    /// Every place where it listens, those on which something only drains among them.
    private var listeners: [Listener] { [listener] + leaving.map(\.listener) }

    /// The places where it listens and the other does not.
    fileprivate func listeners(beyond other: LoadBalancer?) -> [Listener] {
        guard let other else { return leaving.isEmpty ? [listener] : Array(Set(listeners)) }
        if leaving.isEmpty, other.leaving.isEmpty { return listener == other.listener ? [] : [listener] }
        return Array(Set(listeners).subtracting(other.listeners))
    }
}
