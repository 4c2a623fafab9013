/// A real server that finishes what it has on one listener: it gets nothing new, and it goes when its last connection has ended.
public struct Leaving: Hashable, Sendable {
    /// Where its clients come in.
    public var listener: Listener
    /// Where it is.
    public var endpoint: Endpoint

    /// A real server that leaves a listener.
    public init(listener: Listener, endpoint: Endpoint) {
        self.listener = listener
        self.endpoint = endpoint
    }
}

/// A fact: a real server drains, until then at the latest.
public struct Drain: Hashable, Sendable {
    /// Where it is.
    public var endpoint: Endpoint
    /// When it goes, whatever connections it still has.
    public var deadline: Timestamp

    /// A real server that drains.
    public init(endpoint: Endpoint, deadline: Timestamp) {
        self.endpoint = endpoint
        self.deadline = deadline
    }
}

/// The real servers that drain, by the listener that they drain on.
///
/// A listener's drains belong to the load balancer that listens there, or, where none does any more, to the one that did last.
public struct DrainTable: Sendable {
    /// The drains on one listener.
    public struct Entry: Hashable, Sendable {
        /// Whose they are.
        public var owner: LoadBalancerID
        /// The real servers, in the order in which they began to drain.
        public var drains: [Drain]

        /// Drains of this owner.
        public init(owner: LoadBalancerID, drains: [Drain]) {
            self.owner = owner
            self.drains = drains
        }
    }

    private var entries: [Listener: Entry] = [:]
    private var listeners: [LoadBalancerID: [Listener]] = [:]

    /// A table in which nothing drains.
    public init() {}

    /// Whether nothing drains.
    public var isEmpty: Bool { entries.isEmpty }

    /// Everything that drains.
    public var all: [Listener: Entry] { entries }

    /// The drains on a listener; nil where there is none. An entry without drains counts as none.
    public subscript(listener: Listener) -> Entry? {
        get { entries[listener] }
        set {
            let new = newValue?.drains.isEmpty ?? true ? nil : newValue
            let old = entries[listener]
            if old?.owner != new?.owner {
                if let owner = old?.owner {
                    let rest = listeners[owner]?.filter { $0 != listener } ?? []
                    listeners[owner] = rest.isEmpty ? nil : rest
                }
                if let owner = new?.owner { listeners[owner, default: []].append(listener) }
            }
            entries[listener] = new
        }
    }

    /// The listeners on which something of this load balancer drains, each with its drains; in an order that does not depend on which came
    /// first, so that a restart finds the same load balancer.
    public func drains(of id: LoadBalancerID) -> [(listener: Listener, drains: [Drain])] {
        let found = listeners[id]?.compactMap { listener in entries[listener].map { (listener, $0.drains) } } ?? []
        return found.count < 2 ? found : found.sorted { $0.0.description < $1.0.description }
    }

    /// The load balancers of which something drains.
    public var owners: some Collection<LoadBalancerID> { listeners.keys }
}
