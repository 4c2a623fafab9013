import LBaaS

/// The real servers of a virtual service, each once.
///
/// Those of a load balancer are its nodes: they are worked out of them when they are asked for, and take no memory of their own. So what is
/// known of a large table costs little more than the load balancers, which are in memory anyway.
package struct Destinations: Hashable, Sendable {
    private enum Storage: Sendable {
        case table([DestinationKey: Destination])
        case nodes(NodesInTable)
    }

    private var storage: Storage

    /// These real servers.
    package init(_ table: [DestinationKey: Destination] = [:]) { storage = .table(table) }

    /// The real servers that nodes are.
    ///
    /// - Parameters:
    ///   - model: what all of them are like, but for the weight.
    ///   - hasOneWriter: whether only one backup may serve at a time.
    init(_ nodes: [Node], model: Destination, hasOneWriter: Bool) {
        let nodes = NodesInTable(nodes: nodes, model: model, hasOneWriter: hasOneWriter)
        storage = nodes.areDistinct ? .nodes(nodes) : .table(Dictionary(nodes) { _, last in last })
    }

    /// The real servers to look them up in.
    package var table: [DestinationKey: Destination] {
        switch storage {
        case .table(let table): table
        case .nodes(let nodes): Dictionary(nodes) { _, last in last }
        }
    }

    /// How many there are.
    package var count: Int {
        switch storage {
        case .table(let table): table.count
        case .nodes(let nodes): nodes.reduce(into: 0) { count, _ in count += 1 }
        }
    }

    /// Whether there is none.
    package var isEmpty: Bool {
        switch storage {
        case .table(let table): table.isEmpty
        case .nodes(let nodes): nodes.first { _ in true } == nil
        }
    }

    /// The real server of this key; nil where there is none.
    package subscript(key: DestinationKey) -> Destination? {
        get {
            switch storage {
            case .table(let table): table[key]
            case .nodes(let nodes): nodes.first { $0.0 == key }?.1
            }
        }
        set {
            var changed = table
            changed[key] = newValue
            storage = .table(changed)
        }
    }

    /// What tells them from each other.
    package var keys: some Collection<DestinationKey> { table.keys }

    /// Whether they are the same, in whatever way they are kept.
    package static func == (left: Destinations, right: Destinations) -> Bool {
        if case .nodes(let one) = left.storage, case .nodes(let other) = right.storage, one == other { return true }
        return left.table == right.table
    }

    /// Hashes the real servers, in whatever way they are kept.
    package func hash(into hasher: inout Hasher) { hasher.combine(table) }
}

extension Destinations: ExpressibleByDictionaryLiteral {
    /// These real servers, each once.
    package init(dictionaryLiteral elements: (DestinationKey, Destination)...) { self.init(Dictionary(uniqueKeysWithValues: elements)) }
}

extension Destinations: Sequence {
    package struct Iterator: IteratorProtocol {
        fileprivate var table: Dictionary<DestinationKey, Destination>.Iterator?
        fileprivate var nodes: NodesInTable.Iterator?

        package mutating func next() -> (DestinationKey, Destination)? {
            nodes?.next() ?? table?.next().map { ($0.key, $0.value) }
        }
    }

    /// Nodes in their order, others in any.
    package func makeIterator() -> Iterator {
        switch storage {
        case .table(let table): Iterator(table: table.makeIterator())
        case .nodes(let nodes): Iterator(nodes: nodes.makeIterator())
        }
    }
}

/// The nodes of a load balancer that are in the kernel's table: the enabled ones. One that is a backup is there without weight until it is
/// needed, so that its connections survive when it is not needed any more.
private struct NodesInTable: Hashable, Sendable, Sequence {
    let nodes: [Node]
    let model: Destination
    let hasOneWriter: Bool

    struct Iterator: IteratorProtocol {
        private let nodes: [Node]
        private let model: Destination
        private let serving: Range<Int>
        private var index = 0

        init(_ all: NodesInTable) {
            nodes = all.nodes
            model = all.model
            serving = all.nodes.servingBackups(hasOneWriter: all.hasOneWriter)
        }

        mutating func next() -> (DestinationKey, Destination)? {
            while index < nodes.count {
                defer { index += 1 }
                guard nodes[index].condition == .enabled, let key = DestinationKey(nodes[index].endpoint) else { continue }
                var destination = model
                destination.weight = !nodes[index].isBackup || serving.contains(index) ? UInt32(nodes[index].weight) : 0
                return (key, destination)
            }
            return nil
        }
    }

    func makeIterator() -> Iterator { Iterator(self) }

    /// Whether no two of them are the same real server. Where they come in the order of their addresses, no memory is needed to tell.
    var areDistinct: Bool {
        var last: DestinationKey?
        for (key, _) in self {
            if let last, !(last < key) { return !hasTwins }
            last = key
        }
        return true
    }

    private var hasTwins: Bool {
        var keys: Set<DestinationKey> = []
        keys.reserveCapacity(nodes.count)
        return contains { !keys.insert($0.0).inserted }
    }
}

extension DestinationKey {
    /// An order of real servers; of no meaning but that it is one.
    fileprivate static func < (left: DestinationKey, right: DestinationKey) -> Bool {
        switch (left.address, right.address) {
        case (.v4(let one), .v4(let other)): (one, left.port) < (other, right.port)
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)): (high, low, left.port) < (otherHigh, otherLow, right.port)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}
