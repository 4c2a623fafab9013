import BenchSupport

/// What the command line asks for.
@dynamicMemberLookup
struct Options {
    static let usage = """
        usage: bench-api --worker PATH [options]
          --worker PATH     the worker to measure, beside which is lbaasctl
          --case LETTERS    only these cases, as in a,c (of a b c d e f g)
          --pairs N         pairs of runs for each comparison (default 3)
          --quick           one pair and little of everything: tells whether it runs, not how fast
          --scratch FOLDER  where states and logs go (default: beside this program); its disk is part of what is measured
          --output FILE     write the report there too

        """

    private let common: CommonOptions<BenchCase>

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        common = try CommonOptions(arguments, paths: ["--worker"], repeats: "--pairs", usual: 3)
    }

    var worker: String { common.path("--worker") }

    func scaled(_ count: Int) -> Int { common.scaled(count) }

    subscript<Value>(dynamicMember path: KeyPath<CommonOptions<BenchCase>, Value>) -> Value { common[keyPath: path] }
}
