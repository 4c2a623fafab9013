import LBaaS

/// The marks of clients inside the cluster, one for each listener that serves them otherwise than those from outside.
///
/// The highest bit of the mask is in each of them, and the others count. Which mark a listener gets depends on itself as far as it is free, so
/// that a start gives the same ones.
struct InsideMarks {
    private let top: UInt32
    private let bits: [UInt32]
    private var owners: [UInt32: Listener] = [:]
    private var marks: [Listener: UInt32] = [:]

    /// - Parameter mask: has two bits at least.
    init(mask: UInt32) {
        let all = (0..<32).map { UInt32(1) << $0 }.filter { mask & $0 != 0 }
        top = all.last ?? 1 << 31
        bits = all.dropLast()
    }

    /// The mark of a listener, which it keeps; nil where all are taken.
    mutating func mark(of listener: Listener) -> UInt32? {
        if let mark = marks[listener] { return mark }
        // A mark without any other bit could be anybody's.
        let count = UInt32(truncatingIfNeeded: (UInt64(1) << UInt64(bits.count)) - 1)
        let first = Self.hash("\(listener)") % count
        for step in 0..<count {
            let number = (first + step) % count + 1
            let mark = bits.indices.reduce(top) { number & (1 << UInt32($1)) != 0 ? $0 | bits[$1] : $0 }
            if owners[mark] != nil { continue }
            (owners[mark], marks[listener]) = (listener, mark)
            return mark
        }
        return nil
    }

    /// Gives the mark of a listener back.
    ///
    /// - Returns: the mark; nil where it had none.
    mutating func release(_ listener: Listener) -> UInt32? {
        guard let mark = marks.removeValue(forKey: listener) else { return nil }
        owners[mark] = nil
        return mark
    }

    /// The same in every process, unlike Swift's own: FNV-1a.
    private static func hash(_ text: String) -> UInt32 {
        text.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}
