/// A bound to how many tries are under way at a time. Those that have to wait begin in the order in which they were due.
final class Lane {
    private let limit: Int
    /// How many places are taken besides.
    private let taken: () -> Int
    private var running = 0
    private var waiting: [Ticket] = []
    /// Where the first of those that wait is.
    private var first = 0

    init(limit: Int, taken: @escaping () -> Int = { 0 }) {
        self.limit = max(limit, 1)
        self.taken = taken
    }

    /// Whether one more can begin, for which nobody waits.
    var hasRoom: Bool { first == waiting.count && hasPlace }

    /// Whether one that waits can begin.
    var hasNext: Bool { first < waiting.count && hasPlace }

    private var hasPlace: Bool { running + taken() < limit }

    /// Takes a place.
    func enter() { running += 1 }

    /// Gives a place back.
    func leave() { running -= 1 }

    /// Lets a try wait.
    func wait(_ ticket: Ticket) { waiting.append(ticket) }

    /// Takes out the next that waits, where there is a place for it.
    func next() -> Ticket? {
        guard hasNext else { return nil }
        let ticket = waiting[first]
        first += 1
        // Those that have gone are thrown away when they are half of all, so that each of the others is moved once.
        if first * 2 >= waiting.count {
            waiting.removeSubrange(..<first)
            first = 0
        }
        return ticket
    }
}
