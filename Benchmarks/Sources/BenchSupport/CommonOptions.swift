/// What the command lines of benchmarks have in common: paths that must be there, cases, how often each is measured, and where the report goes.
package struct CommonOptions<Case: RawRepresentable<String> & CaseIterable & Sendable>: Sendable where Case.AllCases == [Case] {
    /// The cases to measure.
    package private(set) var cases = Case.allCases
    /// Whether it is only to be seen that it runs.
    package private(set) var isQuick = false
    /// A folder for states and logs; nil for one beside the program.
    package private(set) var scratch: String?
    /// A file that the report is written to as well.
    package private(set) var output: String?
    private var paths: [String: String] = [:]
    private var repeats: Int?
    private let usual: Int

    /// Reads a command line.
    ///
    /// - Parameters:
    ///   - paths: the options that must be there, such as `--worker`.
    ///   - repeats: the option that tells how often each case is measured.
    ///   - usual: how often that is where it is not there.
    ///   - other: takes an option that only this benchmark has, or answers false.
    package init(
        _ arguments: ArraySlice<String>, paths: [String], repeats: String, usual: Int,
        other: (String, inout OptionReader) throws(BenchFailure) -> Bool = { _, _ throws(BenchFailure) in false }
    ) throws(BenchFailure) {
        self.usual = usual
        var words = OptionReader(arguments)
        while let option = words.next() {
            switch option {
            case "--case": cases = try words.cases(of: option)
            case repeats: self.repeats = try words.count(of: option)
            case "--quick": isQuick = true
            case "--scratch": scratch = try words.value(of: option)
            case "--output": output = try words.value(of: option)
            case _ where paths.contains(option): self.paths[option] = try words.value(of: option)
            default:
                if try !other(option, &words) { throw BenchFailure("unknown option: \(option)") }
            }
        }
        for path in paths where self.paths[path, default: ""].isEmpty { throw BenchFailure("\(path) is missing") }
    }

    /// The value of an option that must be there.
    package func path(_ option: String) -> String { paths[option] ?? "" }

    /// How often each case is measured.
    package var count: Int { repeats ?? (isQuick ? 1 : usual) }

    /// So many in a full run, a tenth in a quick one.
    package func scaled(_ count: Int) -> Int { isQuick ? max(count / 10, 1) : count }
}
