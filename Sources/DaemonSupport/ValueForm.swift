/// A text that is not a value of its setting. The sentence says what would be right.
package struct BadValue: Error, Sendable, Equatable {
    /// What is wrong, and what would be right.
    package let sentence: String

    /// A bad value, described by this sentence.
    package init(_ sentence: String) { self.sentence = sentence }
}

/// The text form of a setting's value, both ways.
package struct ValueForm<Value>: Sendable {
    /// Turns text into the value.
    package let read: @Sendable (String) throws(BadValue) -> Value
    /// Turns the value into text that reads as the same value.
    package let write: @Sendable (Value) -> String

    /// A form that is read and written so.
    package init(read: @escaping @Sendable (String) throws(BadValue) -> Value, write: @escaping @Sendable (Value) -> String) {
        self.read = read
        self.write = write
    }
}

/// Whole numbers of decimal digits.
package enum WholeNumber {
    /// The number that the text stands for; nil where it is none, or not in the range.
    package static func read(_ text: some StringProtocol, in range: ClosedRange<Int>) -> Int? {
        // `Int` by itself would take a sign too.
        guard text.utf8.first != UInt8(ascii: "+"), let number = Int(text), range.contains(number) else { return nil }
        return number
    }
}

extension ValueForm where Value == Int {
    /// A whole number within a range.
    package static func wholeNumber(_ range: ClosedRange<Int>) -> Self {
        Self { text throws(BadValue) in
            guard let number = WholeNumber.read(text, in: range) else {
                throw BadValue("'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        } write: {
            "\($0)"
        }
    }
}

extension ValueForm where Value == Double {
    /// A time in seconds, of at least `least` and at most a day.
    package static func seconds(atLeast least: Double) -> Self {
        Self { text throws(BadValue) in
            let isDecimal = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".") }
            guard isDecimal, let number = Double(text), (least...86400).contains(number) else {
                throw BadValue("'\(text)' is not a number of seconds from \(withoutZero(least)) to 86400")
            }
            return number
        } write: {
            withoutZero($0)
        }
    }

    /// `5` for 5.0, and `0.1` for 0.1.
    private static func withoutZero(_ number: Double) -> String {
        Int(exactly: number).map { "\($0)" } ?? "\(number)"
    }
}

extension ValueForm where Value: Equatable & Sendable {
    /// One of some words; the first word of a value is the one that is written.
    package static func choice(_ words: [(word: String, value: Value)]) -> Self {
        Self { text throws(BadValue) in
            guard let found = words.first(where: { $0.word == text }) else {
                throw BadValue("'\(text)' is not one of \(words.map(\.word).joined(separator: ", "))")
            }
            return found.value
        } write: { value in
            words.first { $0.value == value }?.word ?? ""
        }
    }
}

extension ValueForm where Value == Bool {
    /// Yes or no.
    package static var truth: Self {
        choice([("true", true), ("false", false), ("yes", true), ("no", false), ("on", true), ("off", false)])
    }
}

extension ValueForm where Value: CaseIterable & Equatable & Sendable {
    /// One of the cases of an enumeration, by its name.
    package static var name: Self { choice(Value.allCases.map { ("\($0)", $0) }) }
}

extension ValueForm where Value == String {
    /// Any text but none.
    package static var text: Self {
        Self { text throws(BadValue) in
            guard !text.isEmpty, !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
                throw BadValue("'\(text)' is empty or has control characters in it; leave the setting out to get its default")
            }
            return text
        } write: {
            $0
        }
    }

    /// A path that begins at the root: a service has no folder of its own to start from.
    package static var path: Self {
        Self { text throws(BadValue) in
            guard text.utf8.first == UInt8(ascii: "/") else { throw BadValue("'\(text)' does not begin with a /; write the whole path") }
            return try Self.text.read(text)
        } write: {
            $0
        }
    }
}

extension ValueForm where Value == String? {
    /// Any text but none, where the word `none` stands for no value.
    package static var textOrNone: Self {
        Self { text throws(BadValue) in
            text == "none" ? nil : try ValueForm<String>.text.read(text)
        } write: {
            $0 ?? "none"
        }
    }
}
