/// Reads a command line, word by word.
package struct OptionReader {
    private var rest: ArraySlice<String>

    package init(_ arguments: ArraySlice<String>) { rest = arguments }

    /// The next option; nil at the end.
    package mutating func next() -> String? { rest.popFirst() }

    /// The value of an option.
    package mutating func value(of option: String) throws(BenchFailure) -> String {
        guard let value = rest.popFirst() else { throw BenchFailure("\(option) wants a value") }
        return value
    }

    /// The value of an option that is a count, 1 or more.
    package mutating func count(of option: String) throws(BenchFailure) -> Int {
        let text = try value(of: option)
        guard let count = Int(text), count > 0 else { throw BenchFailure("\(option): \(text) is not a count") }
        return count
    }

    /// The value of an option that names cases, as in `a,c`.
    package mutating func cases<Case: RawRepresentable<String>>(of option: String) throws(BenchFailure) -> [Case] {
        var cases: [Case] = []
        for letter in try value(of: option).split(separator: ",") {
            guard let known = Case(rawValue: String(letter)) else { throw BenchFailure("\(option): there is no case \(letter)") }
            cases.append(known)
        }
        return cases
    }
}
