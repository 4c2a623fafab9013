package import LBaaS

/// The elements at the edge, each with the number of those that need it.
struct EdgeCounts {
    private var counts: [EdgeElement: Int] = [:]

    /// The elements that somebody needs.
    var all: Set<EdgeElement> { Set(counts.keys) }

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

    /// Whether this host does the same as before.
    package var isEmpty: Bool {
        services.isEmpty && removed.isEmpty && addedEdge.isEmpty && removedEdge.isEmpty && healthPorts.isEmpty
    }

    /// Makes room for so many virtual services.
    mutating func reserve(_ count: Int) {
        services.reserveCapacity(count)
        addedEdge.reserveCapacity(count * 2)
        concerned.reserveCapacity(count)
    }

    fileprivate mutating func note(added element: EdgeElement) {
        if removedEdge.remove(element) == nil { addedEdge.insert(element) }
    }

    fileprivate mutating func note(removed element: EdgeElement) {
        if addedEdge.remove(element) == nil { removedEdge.insert(element) }
    }
}
