/// A bound to how many tries are under way at a time. Those that have to wait begin in the order in which they were due.
struct Lane {
    private let limit: Int
    private var running = 0
    private var waiting: [Ticket] = []
    /// Where the first of those that wait is.
    private var first = 0

    init(limit: Int) { self.limit = limit }

    /// Whether one more can begin.
    var hasRoom: Bool { running < limit }

    /// Takes a place.
    mutating func enter() { running += 1 }

    /// Gives a place back.
    mutating func leave() { running -= 1 }

    /// Lets a try wait.
    mutating func wait(_ ticket: Ticket) { waiting.append(ticket) }

    /// Takes out the next that waited, where there is a place for it.
    mutating func next() -> Ticket? {
        guard hasRoom, first < waiting.count else { return nil }
        defer {
            first += 1
            // What is behind is thrown away when it is half of all, so that each is moved once.
            if first * 2 >= waiting.count {
                waiting.removeSubrange(..<first)
                first = 0
            }
        }
        return waiting[first]
    }
}
