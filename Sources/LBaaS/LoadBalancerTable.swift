/// Values by the identities of load balancers, in parts: whoever keeps a copy costs the next change a copy of one part, and not of all. So a
/// reader of thousands takes a copy under a lock, and goes through it without.
public struct LoadBalancerTable<Value: Sendable>: Sendable {
    @usableFromInline static var partCount: Int { 64 }

    @usableFromInline var parts: [[LoadBalancerID: Value]]
    /// How many there are.
    public internal(set) var count = 0

    /// An empty table.
    public init() { parts = Array(repeating: [:], count: Self.partCount) }

    /// A table of these, of which each identity is there once.
    public init(_ values: some Sequence<(key: LoadBalancerID, value: Value)>) {
        self.init()
        for (id, value) in values { self[id] = value }
    }

    /// Whether there are none.
    public var isEmpty: Bool { count == 0 }

    /// The value of an identity; nil where there is none.
    public subscript(id: LoadBalancerID) -> Value? {
        @inlinable get { parts[Self.part(of: id)][id] }
        set {
            if let newValue { updateValue(newValue, forKey: id) } else { removeValue(forKey: id) }
        }
    }

    /// Sets a value.
    ///
    /// - Returns: the one that was there.
    @discardableResult public mutating func updateValue(_ value: Value, forKey id: LoadBalancerID) -> Value? {
        let old = parts[Self.part(of: id)].updateValue(value, forKey: id)
        if old == nil { count += 1 }
        return old
    }

    /// Removes a value.
    ///
    /// - Returns: the one that was there.
    @discardableResult public mutating func removeValue(forKey id: LoadBalancerID) -> Value? {
        let old = parts[Self.part(of: id)].removeValue(forKey: id)
        if old != nil { count -= 1 }
        return old
    }

    /// Every identity, in no order.
    public var keys: [LoadBalancerID] { gathered { $0.keys } }

    /// Every value, in no order.
    public var values: [Value] { gathered { $0.values } }

    private func gathered<Element>(_ elements: ([LoadBalancerID: Value]) -> some Collection<Element>) -> [Element] {
        var all: [Element] = []
        all.reserveCapacity(count)
        for part in parts { all.append(contentsOf: elements(part)) }
        return all
    }

    @inlinable static func part(of id: LoadBalancerID) -> Int { id.code & (partCount - 1) }
}

extension LoadBalancerTable: Sequence {
    /// Goes through all of it, in no order.
    public func makeIterator() -> FlattenSequence<[[LoadBalancerID: Value]]>.Iterator { parts.joined().makeIterator() }

    /// How many there are.
    public var underestimatedCount: Int { count }
}

extension LoadBalancerTable: Equatable where Value: Equatable {}

extension LoadBalancerTable: ExpressibleByDictionaryLiteral {
    /// A table of these, of which each identity is there once.
    public init(dictionaryLiteral elements: (LoadBalancerID, Value)...) { self.init(elements.lazy.map { (key: $0, value: $1) }) }
}
