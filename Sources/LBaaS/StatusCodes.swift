extension [ClosedRange<UInt16>] {
    /// Reads a list of HTTP status codes and of ranges of them, as in `200-299, 301`, in one pass; nil where it is no such list.
    ///
    /// A short list stays as it is. A longer one is merged into the fewest ranges of the same codes, of which there are at most 250.
    package init?(statusCodes text: String) {
        var codes = StatusCodes()
        var item = StatusCodes.Item()
        for byte in text.utf8 {
            if byte == UInt8(ascii: ",") {
                guard let range = item.range else { return nil }
                codes.insert(range)
                item = StatusCodes.Item()
            } else if !item.take(byte) {
                return nil
            }
        }
        guard let last = item.range else { return nil }
        codes.insert(last)
        self = codes.ranges
    }
}

/// HTTP status codes, as they are read from a list.
private struct StatusCodes {
    /// The codes that there are.
    static let all: ClosedRange<UInt16> = 100...599

    /// A list of so many ranges stays as it is.
    private static let short = 32

    /// The ranges, in the order given, up to one more than in a short list.
    private var listed: [ClosedRange<UInt16>] = []
    /// Whether each code is listed, in a list that is not short.
    private var isListed: [Bool] = []

    /// Takes the next range.
    mutating func insert(_ range: ClosedRange<UInt16>) {
        if listed.count <= Self.short {
            listed.append(range)
            if listed.count <= Self.short { return }
            isListed = [Bool](repeating: false, count: Self.all.count)
            for range in listed { mark(range) }
        } else {
            mark(range)
        }
    }

    private mutating func mark(_ range: ClosedRange<UInt16>) {
        for code in range { isListed[Int(code - Self.all.lowerBound)] = true }
    }

    /// The ranges to be kept.
    var ranges: [ClosedRange<UInt16>] {
        if listed.count <= Self.short { return listed }
        var merged: [ClosedRange<UInt16>] = []
        for code in Self.all where isListed[Int(code - Self.all.lowerBound)] {
            if let last = merged.last, last.upperBound + 1 == code {
                merged[merged.count - 1] = last.lowerBound...code
            } else {
                merged.append(code...code)
            }
        }
        return merged
    }

    /// A code or a range, with blanks around each code at the most.
    struct Item {
        private enum Place {
            case before, within, behind
        }

        private var first: UInt16?
        private var code: UInt16 = 0
        private var place = Place.before

        /// Takes the next byte.
        ///
        /// - Returns: false where it cannot stand there.
        mutating func take(_ byte: UInt8) -> Bool {
            switch (byte, place) {
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), .before), (UInt8(ascii: "0")...UInt8(ascii: "9"), .within):
                // Beyond that it is no code, whatever follows.
                code = min(code, 999) * 10 + UInt16(byte - UInt8(ascii: "0"))
                place = .within
            case (UInt8(ascii: " "), .within), (UInt8(ascii: " "), .behind): place = .behind
            case (UInt8(ascii: " "), .before): break
            case (UInt8(ascii: "-"), .within), (UInt8(ascii: "-"), .behind):
                if first != nil { return false }
                first = code
                (code, place) = (0, .before)
            default: return false
            }
            return true
        }

        /// The range that was read; nil where that is none.
        var range: ClosedRange<UInt16>? {
            let first = first ?? code
            guard place != .before, StatusCodes.all.contains(first), StatusCodes.all.contains(code), first <= code else { return nil }
            return first...code
        }
    }
}
