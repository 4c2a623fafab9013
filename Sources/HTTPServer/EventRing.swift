/// The last events of a stream, as they are sent, in memory of a fixed size.
///
/// An offset counts all bytes since the beginning; that of a client is always the border of an event.
struct EventRing {
    /// The end of an event, and the number of the last event up to there.
    private struct Border {
        let end: Int
        let id: UInt64
        /// Whether the events before have lower numbers.
        let isFirst: Bool
    }

    /// Empty until there is an event.
    private var memory: [UInt8] = []
    private let capacity: Int
    private var borders: [Border] = []
    /// The borders before this one are of events that are overwritten.
    private var first = 0
    /// The border before the oldest event.
    private var oldest: Border

    /// An empty ring.
    ///
    /// - Parameters:
    ///   - capacity: its bytes.
    ///   - id: the number of the last event that is not in it.
    init(capacity: Int, after id: UInt64) {
        self.capacity = capacity
        oldest = Border(end: 0, id: id, isFirst: true)
    }

    /// The offset before the oldest event.
    var start: Int { oldest.end }
    /// The offset behind the newest event.
    var end: Int { newest.end }
    /// The number of the newest event.
    var lastID: UInt64 { newest.id }

    private var newest: Border { borders.count > first ? borders[borders.count - 1] : oldest }

    /// Forgets all events. Of what was before an event of a greater number, nothing is known.
    mutating func begin(after id: UInt64) {
        oldest = Border(end: end, id: max(id, lastID), isFirst: false)
        borders = []
        first = 0
        memory = []
    }

    /// Adds an event; the oldest make room for it. One that is larger than the ring is lost, and so is all before it.
    ///
    /// - Parameter id: its number; nil for that of the event before.
    mutating func append(_ bytes: [UInt8], id: UInt64? = nil) {
        let border = Border(end: end + bytes.count, id: id ?? lastID, isFirst: id.map { $0 != lastID } ?? false)
        while border.end - oldest.end > capacity, first < borders.count {
            oldest = borders[first]
            first += 1
        }
        if bytes.count > capacity {
            oldest = border
            return
        }
        if memory.isEmpty { memory = [UInt8](repeating: 0, count: capacity) }
        if first > 1024, first > borders.count / 2 {
            borders.removeFirst(first)
            first = 0
        }
        let place = end % memory.count
        let head = min(bytes.count, memory.count - place)
        memory.replaceSubrange(place..<place + head, with: bytes[..<head])
        memory.replaceSubrange(0..<bytes.count - head, with: bytes[head...])
        borders.append(border)
    }

    /// The offset behind the first event of a number, for a client that has got it and may not have the others of this number; nil where
    /// events behind it are lost, or there was no such event.
    func offset(after id: UInt64) -> Int? {
        if id < oldest.id || id > lastID { return nil }
        if id == oldest.id { return oldest.isFirst ? oldest.end : nil }
        let place = partition { $0.id >= id }
        if place < borders.count, borders[place].id == id { return borders[place].end }
        return place == first ? oldest.end : borders[place - 1].end
    }

    /// The offset up to which whole events fit into so many bytes; the same where there are none, or the first does not fit.
    func border(from offset: Int, room: Int) -> Int {
        let place = partition { $0.end > offset + room }
        return place == first ? offset : max(offset, borders[place - 1].end)
    }

    /// The offset behind the event that begins there.
    func eventEnd(from offset: Int) -> Int {
        let place = partition { $0.end > offset }
        return place < borders.count ? borders[place].end : end
    }

    /// The first border for which this is so, of those for which it is so from one on.
    private func partition(_ isBehind: (Border) -> Bool) -> Int {
        var (low, high) = (first, borders.count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(borders[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Copies the bytes between two offsets that are in the ring. There is room for them.
    func copy(_ offsets: Range<Int>, to buffer: UnsafeMutableRawBufferPointer) {
        let place = offsets.lowerBound % memory.count
        let head = min(offsets.count, memory.count - place)
        unsafe memory.withUnsafeBytes { memory in
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[place..<place + head]))
            guard head < offsets.count else { return }
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[head...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: memory[..<(offsets.count - head)]))
        }
    }

    /// The bytes between two offsets that are in the ring.
    func bytes(_ offsets: Range<Int>) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: offsets.count) { buffer, count in
            unsafe copy(offsets, to: UnsafeMutableRawBufferPointer(buffer))
            count = offsets.count
        }
    }
}
