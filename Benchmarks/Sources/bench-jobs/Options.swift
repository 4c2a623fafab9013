import BenchSupport

/// What the command line asks for.
@dynamicMemberLookup
struct Options {
    static let usage = """
        usage: bench-jobs --worker PATH [options]
          --worker PATH            the worker to measure beside echo-worker
          --worker-arguments TEXT  its arguments, parted by spaces, with {server}, {function}, {connections} and {state} filled in
          --any-answer             take any answer of the worker that is not empty, not only a PASS
          --case LETTERS           only these cases, as in a,c (of a b c d e f g h i)
          --pairs N                pairs of runs for each comparison (default 5)
          --quick                  one pair and few jobs: tells whether it runs, not how fast
          --scratch FOLDER         where states and logs go (default: beside this program); its disk is part of what is measured
          --output FILE            write the report there too

        """

    private let common: CommonOptions<BenchCase>
    private(set) var workerArguments =
        "--driver dummy --server {server} --function {function} --concurrency {connections} --state-dir {state}"
    private(set) var expectPass = true

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var (workerArguments, expectPass) = (workerArguments, expectPass)
        common = try CommonOptions(arguments, paths: ["--worker"], repeats: "--pairs", usual: 5) { option, words throws(BenchFailure) in
            switch option {
            case "--worker-arguments": workerArguments = try words.value(of: option)
            case "--any-answer": expectPass = false
            default: return false
            }
            return true
        }
        (self.workerArguments, self.expectPass) = (workerArguments, expectPass)
    }

    var worker: String { common.path("--worker") }

    func scaled(_ count: Int) -> Int { common.scaled(count) }

    subscript<Value>(dynamicMember path: KeyPath<CommonOptions<BenchCase>, Value>) -> Value { common[keyPath: path] }
}
