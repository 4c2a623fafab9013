package import LBaaS

/// The elements at the edge, each with the number of those that need it.
struct EdgeCounts {
    private var counts: [EdgeElement: Int] = [:]

    /// The elements that somebody needs, of those that are meant.
    func all(where isMeant: (EdgeElement) -> Bool = { _ in true }) -> Set<EdgeElement> {
        var all = Set<EdgeElement>(minimumCapacity: counts.keys.count(where: isMeant))
        for element in counts.keys where isMeant(element) { all.insert(element) }
        return all
    }

    /// Whether somebody needs an element.
    func has(_ element: EdgeElement) -> Bool { counts[element] != nil }

    /// Makes room for so many elements.
    mutating func reserve(_ count: Int) { counts.reserveCapacity(count) }

    /// Takes out what somebody needed, and puts in what is needed now.
    mutating func replace(_ old: Set<EdgeElement>, by new: Set<EdgeElement>, noting change: inout ClusterChange) {
        for element in new where !old.contains(element) {
            counts[element, default: 0] += 1
            if counts[element] == 1 { change.note(added: element) }
        }
        for element in old where !new.contains(element) {
            guard let count = counts[element] else { continue }
            counts[element] = count == 1 ? nil : count - 1
            if count == 1 { change.note(removed: element) }
        }
    }
}

/// The difference between what this host should do before and after some changes of a cluster.
package struct ClusterChange: Hashable, Sendable {
    /// Whether what changes is noted here. Not where everything is new, and is read of the table.
    private let isNoted: Bool
    /// Virtual services that are new, or otherwise than before.
    package internal(set) var services: [Listener: VirtualService] = [:]
    /// Virtual services that are gone, as they were.
    package internal(set) var removed: [Listener: VirtualService] = [:]
    /// What is new at the edge.
    package internal(set) var addedEdge: Set<EdgeElement> = []
    /// What is gone from the edge.
    package internal(set) var removedEdge: Set<EdgeElement> = []
    /// The health ports of services that changed; nil for one that is gone.
    package internal(set) var healthPorts: [ObjectKey: HealthPort?] = [:]
    /// The services whose faults may have changed.
    package internal(set) var concerned: Set<ObjectKey> = []

    init(isNoted: Bool = true) { self.isNoted = isNoted }

    /// Whether this host does the same as before.
    package var isEmpty: Bool {
        services.isEmpty && removed.isEmpty && addedEdge.isEmpty && removedEdge.isEmpty && healthPorts.isEmpty
    }

    /// Makes room for so many virtual services.
    mutating func reserve(_ count: Int) {
        if !isNoted { return }
        services.reserveCapacity(count)
        addedEdge.reserveCapacity(count * 2)
        concerned.reserveCapacity(count)
    }

    /// Notes services whose faults may have changed.
    mutating func note(concerned keys: some Sequence<ObjectKey>) {
        if isNoted { concerned.formUnion(keys) }
    }

    /// Notes what became of a listener.
    mutating func note(_ listener: Listener, from old: VirtualService?, to new: VirtualService?) {
        if !isNoted { return }
        services[listener] = new
        removed[listener] = new == nil ? old : nil
    }

    fileprivate mutating func note(added element: EdgeElement) {
        if !isNoted { return }
        if removedEdge.remove(element) == nil { addedEdge.insert(element) }
    }

    fileprivate mutating func note(removed element: EdgeElement) {
        if addedEdge.remove(element) == nil { removedEdge.insert(element) }
    }
}
