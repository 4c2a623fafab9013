/// What becomes of one thing: the whole step from what it was to what it is to be.
@frozen public enum Patch<Value: Hashable & Sendable>: Hashable, Sendable {
    /// It did not exist.
    case create(Value)
    /// It exists and changes.
    case update(from: Value, to: Value)
    /// It goes.
    case delete(Value)

    /// The step from `old` to `new`, either of which may be nothing; nil where they are the same.
    @inlinable public init?(from old: Value?, to new: Value?) {
        switch (old, new) {
        case (nil, nil): return nil
        case (nil, let new?): self = .create(new)
        case (let old?, nil): self = .delete(old)
        case (let old?, let new?):
            if old == new { return nil }
            self = .update(from: old, to: new)
        }
    }

    /// The step from `old` to `new`, either of which may be nothing, even where they are the same: then it is to be put right. Nil where both
    /// are nothing.
    @inlinable public init?(restoring old: Value?, to new: Value?) {
        switch (old, new) {
        case (let old?, let new?): self = .update(from: old, to: new)
        default: self.init(from: old, to: new)
        }
    }

    /// What it was, if it was.
    @inlinable public var old: Value? {
        switch self {
        case .create: nil
        case .update(let old, _), .delete(let old): old
        }
    }

    /// What it is to be, if anything.
    @inlinable public var new: Value? {
        switch self {
        case .create(let new), .update(_, let new): new
        case .delete: nil
        }
    }

    /// The way back.
    @inlinable public var reversed: Patch {
        switch self {
        case .create(let new): .delete(new)
        case .update(let old, let new): .update(from: new, to: old)
        case .delete(let old): .create(old)
        }
    }
}

/// The step of one load balancer. It holds the whole load balancer, before and after; `nodes` tells what that means for each node.
public struct LoadBalancerPatch: Hashable, Sendable {
    /// The load balancer's own step.
    public let loadBalancer: Patch<LoadBalancer>
    /// Whether the connections of what it takes out end at once, where they could be finished otherwise. A driver whose drains the worker
    /// ends (`Upkeep.drainTimeout`) need not heed it.
    public let isForced: Bool

    /// A step of this load balancer, of which connections may be finished.
    public init(_ loadBalancer: Patch<LoadBalancer>) { self.init(loadBalancer, isForced: false) }

    /// A step of this load balancer.
    public init(_ loadBalancer: Patch<LoadBalancer>, isForced: Bool) {
        self.loadBalancer = loadBalancer
        self.isForced = isForced
        switch loadBalancer {
        case .create(let it), .update(_, let it), .delete(let it): id = it.id
        }
    }

    /// The step from `old` to `new`, which have the same identity; nil where they are the same.
    public init?(from old: LoadBalancer?, to new: LoadBalancer?, isForced: Bool = false) {
        guard let patch = Patch(from: old, to: new) else { return nil }
        self.init(patch, isForced: isForced)
    }

    /// The step from `old` to `new`, which have the same identity, even where they are the same: then it is to be put right.
    public init?(restoring old: LoadBalancer?, to new: LoadBalancer?, isForced: Bool = false) {
        guard let patch = Patch(restoring: old, to: new) else { return nil }
        self.init(patch, isForced: isForced)
    }

    /// Whose step it is.
    public let id: LoadBalancerID

    /// The steps of its nodes: removals first, then changes and creations in the order of the new list.
    ///
    /// Nodes are matched by their id; that they are in another order is none of their steps.
    public var nodes: [Patch<Node>] {
        let old = loadBalancer.old?.nodes ?? []
        let new = loadBalancer.new?.nodes ?? []
        // Most changes leave the list of nodes as it was; then no table is needed.
        if old.count == new.count, zip(old, new).allSatisfy({ $0.id == $1.id }) {
            return zip(old, new).compactMap { Patch(from: $0, to: $1) }
        }
        let oldByID = Dictionary(old.map { ($0.id, $0) }) { first, _ in first }
        let newIDs = Set(new.map(\.id))
        return old.filter { !newIDs.contains($0.id) }.map { .delete($0) }
            + new.compactMap { Patch(from: oldByID[$0.id], to: $0) }
    }

    /// True where anything but the nodes, those that leave among them, and the suspension changes.
    public var changesSettings: Bool {
        guard case .update(var old, let new) = loadBalancer else { return false }
        old.nodes = new.nodes
        old.leaving = new.leaving
        old.isSuspended = new.isSuspended
        return old != new
    }
}

/// All that belongs together: the steps that work only side by side. Groups are independent of each other: a driver may carry
/// them out in any order.
///
/// A group has one load balancer, but where a listener moves from one load balancer to another; then it has those. Within a
/// group what gives up a listener comes before what takes it or a part of it, unless they exchange theirs.
public struct PatchGroup: Hashable, Sendable {
    /// The steps, in the order to take them.
    public let patches: [LoadBalancerPatch]
    /// Those addresses of its load balancers that are virtual IPs: to be listened on also while this host does not have them.
    public var virtualIPs: Set<IPAddress> = []

    /// A group of these steps.
    public init(_ patches: [LoadBalancerPatch]) { self.patches = patches }
}
