/// Takes lines out of a stream that comes in pieces.
package struct LineReader: Sendable {
    /// What is known to have no line end.
    private var searched = 0

    /// A reader at the beginning of a stream.
    package init() {}

    /// Takes the complete lines out of a buffer; not those that are empty.
    package mutating func lines(in buffer: inout [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        while let end = buffer[max(start, searched)...].firstIndex(of: 0x0A) {
            if end > start { lines.append(Array(buffer[start..<end])) }
            start = end + 1
            searched = start
        }
        if start > 0 { buffer.removeSubrange(..<start) }
        searched = buffer.count
        return lines
    }

    /// Takes what is left at the end, which is a line too: the last one has no line end.
    package mutating func rest(of buffer: inout [UInt8]) -> [UInt8]? {
        defer { (searched, buffer) = (0, []) }
        return buffer.isEmpty ? nil : buffer
    }
}
