/// Text that may grow large, in parts: it is never copied as a whole, and takes no more memory than it has bytes.
package struct PartedText: Sendable {
    /// A part ends with what makes it so long, in bytes. Longer pieces of memory are mapped for each text anew (`M_MMAP_THRESHOLD`).
    private static let length = 64 << 10

    private var ended: [[UInt8]] = []
    /// The part that is written.
    package var last: [UInt8]

    /// A text that begins so.
    package init(_ beginning: [UInt8] = []) { last = beginning }

    /// What is written, in parts.
    package var parts: [[UInt8]] { ended + [last] }

    /// Begins another part where the last one is long. To be called between pieces of the text.
    package mutating func step() {
        if last.count < Self.length { return }
        ended.append(last)
        last = []
        last.reserveCapacity(Self.length + Self.length / 16)
    }
}
