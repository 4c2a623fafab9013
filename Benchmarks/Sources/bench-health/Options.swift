import BenchSupport

/// What the command line asks for.
struct Options {
    static let usage = """
        usage: bench-health --checker PATH [options]
          --checker PATH  checker-health
          --case LETTERS  only these cases, as in a,c (of a b c d)
          --rounds N      how often each is measured (default 3)
          --quick         one round and a tenth of the nodes: tells whether it runs, not how well
          --output FILE   write the report there too

        """

    var checker = ""
    var cases = BenchCase.allCases
    var rounds: Int?
    var isQuick = false
    var output: String?

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var words = OptionReader(arguments)
        while let option = words.next() {
            switch option {
            case "--checker": checker = try words.value(of: option)
            case "--case": cases = try words.cases(of: option)
            case "--rounds": rounds = try words.count(of: option)
            case "--quick": isQuick = true
            case "--output": output = try words.value(of: option)
            default: throw BenchFailure("unknown option: \(option)")
            }
        }
        if checker.isEmpty { throw BenchFailure("--checker is missing") }
    }

    /// How often each case is measured.
    var roundCount: Int { rounds ?? (isQuick ? 1 : 3) }

    /// So many in a full run, a tenth in a quick one.
    func scaled(_ count: Int) -> Int { isQuick ? max(count / 10, 1) : count }
}
