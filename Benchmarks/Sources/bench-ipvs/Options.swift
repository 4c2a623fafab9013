import BenchSupport

/// What the command line asks for.
@dynamicMemberLookup
struct Options {
    static let usage = """
        usage: bench-ipvs --rig PATH --driver PATH --worker PATH [options]
          --rig PATH      what boots a kernel that has IPVS, and runs a command on it
          --driver PATH   driver-ipvs
          --worker PATH   lbaas-worker
          --case LETTERS  only these cases, as in a,c (of a b c d e)
          --pairs N       pairs of runs for each comparison (default 7)
          --quick         one pair and few nodes: tells whether it runs, not how fast
          --output FILE   write the report there too

        """

    private let common: CommonOptions<BenchCase>
    /// What this process is to do on the kernel that was booted; nil for to boot it.
    let part: Part?

    /// What is done on the kernel that was booted.
    enum Part: String {
        /// Everything.
        case all
        /// One run of the whole program, in a network namespace of its own.
        case whole
    }

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var part: Part?
        common = try CommonOptions(arguments, paths: ["--rig", "--driver", "--worker"], repeats: "--pairs", usual: 7) {
            option, words throws(BenchFailure) in
            if option != "--part" { return false }
            part = Part(rawValue: try words.value(of: option))
            return true
        }
        self.part = part
    }

    /// The same for a part of the work.
    func arguments(for part: Part) -> [String] {
        var arguments = ["--rig", rig, "--driver", driver, "--worker", worker, "--part", part.rawValue]
        arguments += ["--case", common.cases.map(\.rawValue).joined(separator: ","), "--pairs", "\(common.count)"]
        return common.isQuick ? arguments + ["--quick"] : arguments
    }

    var rig: String { common.path("--rig") }
    var driver: String { common.path("--driver") }
    var worker: String { common.path("--worker") }

    func scaled(_ count: Int) -> Int { common.scaled(count) }

    subscript<Value>(dynamicMember path: KeyPath<CommonOptions<BenchCase>, Value>) -> Value { common[keyPath: path] }
}
