/// When something is due for each of many owners: at most one time each (a binary heap that knows where everybody is).
struct TimerQueue {
    /// A point in time.
    typealias Instant = ContinuousClock.Instant

    private var heap: [(at: Instant, owner: Int)] = []
    /// Where each owner is in the heap; -1 where it has no time.
    private var places: [Int] = []

    /// The earliest time.
    var earliest: Instant? { heap.first?.at }

    /// Sets the time of an owner, a small number of 0 or more.
    mutating func set(_ owner: Int, at instant: Instant) {
        while owner >= places.count { places.append(-1) }
        if places[owner] < 0 {
            places[owner] = heap.count
            heap.append((instant, owner))
        } else {
            heap[places[owner]].at = instant
        }
        settle(places[owner])
    }

    /// Takes the time of an owner away.
    mutating func remove(_ owner: Int) {
        guard owner < places.count, places[owner] >= 0 else { return }
        let place = places[owner]
        places[owner] = -1
        let last = heap.removeLast()
        if place == heap.count { return }
        put(last, at: place)
        settle(place)
    }

    /// Takes out the owner with the earliest time; nil where that is still to come.
    mutating func popDue(at now: Instant) -> Int? {
        guard let first = heap.first, first.at <= now else { return nil }
        remove(first.owner)
        return first.owner
    }

    private mutating func put(_ entry: (at: Instant, owner: Int), at place: Int) {
        heap[place] = entry
        places[entry.owner] = place
    }

    /// Moves an entry to where it belongs: nothing above is later, nothing below earlier.
    private mutating func settle(_ start: Int) {
        let entry = heap[start]
        var place = start
        while place > 0, heap[(place - 1) / 2].at > entry.at {
            put(heap[(place - 1) / 2], at: place)
            place = (place - 1) / 2
        }
        while let child = earlierChild(of: place), heap[child].at < entry.at {
            put(heap[child], at: place)
            place = child
        }
        put(entry, at: place)
    }

    private func earlierChild(of place: Int) -> Int? {
        let left = 2 * place + 1
        guard left < heap.count else { return nil }
        let right = left + 1
        return right < heap.count && heap[right].at < heap[left].at ? right : left
    }
}
