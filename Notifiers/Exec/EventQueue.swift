import LBaaS

/// The events that wait for the program, in order.
struct EventQueue: Sendable {
    /// An event, and whether it tells how a service was at the start.
    struct Entry: Equatable, Sendable {
        let event: ServiceEvent
        let isInitial: Bool
    }

    /// How many may wait. Where there are more, of each service only the last one is kept.
    let limit: Int
    private var entries: [Entry] = []
    private var first = 0

    init(limit: Int) { self.limit = limit }

    /// How many wait.
    var count: Int { entries.count - first }

    /// Adds events.
    ///
    /// - Returns: how many that waited are not told any more, because a later one of the same service replaces them.
    mutating func add(_ events: [ServiceEvent], isInitial: Bool) -> Int {
        entries += events.map { Entry(event: $0, isInitial: isInitial) }
        if count <= limit { return 0 }
        let before = count
        var seen: Set<Service> = []
        entries = entries[first...].reversed().filter { seen.insert($0.event.service).inserted }.reversed()
        first = 0
        return before - count
    }

    /// Takes the first one out; nil where none waits.
    mutating func next() -> Entry? {
        if first == entries.count {
            entries.removeAll(keepingCapacity: true)
            first = 0
            return nil
        }
        defer { first += 1 }
        return entries[first]
    }
}
