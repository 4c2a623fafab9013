import Synchronization

/// What was recorded, in order.
public final class Record<Item: Sendable>: Sendable {
    private let items = Mutex<[Item]>([])

    /// An empty record.
    public init() {}

    /// Everything so far.
    public var all: [Item] { items.withLock { $0 } }

    /// Adds an item.
    public func add(_ item: Item) { items.withLock { $0.append(item) } }

    /// Forgets everything so far.
    public func clear() { items.withLock { $0 = [] } }
}
