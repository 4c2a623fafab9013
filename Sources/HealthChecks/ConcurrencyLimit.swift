/// A limit to how many tries are under way at a time. Tries beyond it wait in a queue, first in, first out.
final class ConcurrencyLimit {
    private let limit: Int
    /// How many places are taken by something else.
    private let taken: () -> Int
    private var running = 0
    private var waiting: [Ticket] = []
    /// Where the first of those that wait is.
    private var first = 0

    init(limit: Int, taken: @escaping () -> Int = { 0 }) {
        self.limit = max(limit, 1)
        self.taken = taken
    }

    /// Whether one more can begin without overtaking one that waits.
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
        // The entries taken out are removed when they are half of all, so that each of the others is moved once.
        if first * 2 >= waiting.count {
            waiting.removeSubrange(..<first)
            first = 0
        }
        return ticket
    }
}
