import BenchSupport

/// What the command line asks for.
struct Options {
    static let usage = """
        usage: bench-api --worker PATH [options]
          --worker PATH     the worker to measure
          --case LETTERS    only these cases, as in a,c (of a b c d e f)
          --pairs N         pairs of runs for each comparison (default 3)
          --quick           one pair and little of everything: tells whether it runs, not how fast
          --scratch FOLDER  where states and logs go (default: beside this program); its disk is part of what is measured
          --output FILE     write the report there too

        """

    var worker = ""
    var cases = BenchCase.allCases
    var pairs: Int?
    var isQuick = false
    var scratch: String?
    var output: String?

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var words = OptionReader(arguments)
        while let option = words.next() {
            switch option {
            case "--worker": worker = try words.value(of: option)
            case "--case": cases = try words.cases(of: option)
            case "--pairs": pairs = try words.count(of: option)
            case "--quick": isQuick = true
            case "--scratch": scratch = try words.value(of: option)
            case "--output": output = try words.value(of: option)
            default: throw BenchFailure("unknown option: \(option)")
            }
        }
        guard !worker.isEmpty else { throw BenchFailure("--worker is missing") }
    }

    /// How many pairs of runs a comparison has.
    var pairCount: Int { pairs ?? (isQuick ? 1 : 3) }

    /// So many in a full run, a tenth in a quick one.
    func scaled(_ count: Int) -> Int { isQuick ? max(count / 10, 1) : count }
}
