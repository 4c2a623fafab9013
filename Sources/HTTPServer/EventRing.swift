/// The last events of a stream, as they are sent, in memory of a fixed size.
///
/// An offset counts all bytes since the beginning; that of a client is always the border of an event.
struct EventRing {
    /// The end of an event, and the number of the last event up to there.
    private struct Border {
        let end: Int
        let id: UInt64
    }

    private var memory: [UInt8]
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
        memory = [UInt8](repeating: 0, count: capacity)
        oldest = Border(end: 0, id: id)
    }

    /// The offset before the oldest event.
    var start: Int { oldest.end }
    /// The offset behind the newest event.
    var end: Int { newest.end }
    /// The number of the newest event.
    var lastID: UInt64 { newest.id }

    private var newest: Border { borders.count > first ? borders[borders.count - 1] : oldest }

    /// Adds an event; the oldest make room for it. One that is larger than the ring is lost, and so is all before it.
    ///
    /// - Parameter id: its number; nil for what is none, such as a comment.
    mutating func append(_ bytes: [UInt8], id: UInt64? = nil) {
        let border = Border(end: end + bytes.count, id: id ?? lastID)
        while border.end - oldest.end > memory.count, first < borders.count {
            oldest = borders[first]
            first += 1
        }
        if bytes.count > memory.count {
            oldest = border
            return
        }
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

    /// The offset behind an event; nil where events behind it are lost, or there was no such event.
    func offset(after id: UInt64) -> Int? {
        if id < oldest.id || id > lastID { return nil }
        // The last border whose number is not greater.
        let place = partition { $0.id > id }
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
