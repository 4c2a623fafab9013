import BenchSupport

/// What the command line asks for.
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

    var rig = ""
    var driver = ""
    var worker = ""
    var cases = BenchCase.allCases
    var pairs: Int?
    var isQuick = false
    var output: String?
    /// What this process is to do on the kernel that was booted; nil for to boot it.
    var part: Part?

    /// What is done on the kernel that was booted.
    enum Part: String {
        /// Everything.
        case all
        /// One run of the whole program, in a network namespace of its own.
        case whole
    }

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var words = OptionReader(arguments)
        while let option = words.next() {
            switch option {
            case "--rig": rig = try words.value(of: option)
            case "--driver": driver = try words.value(of: option)
            case "--worker": worker = try words.value(of: option)
            case "--case": cases = try words.cases(of: option)
            case "--pairs": pairs = try words.count(of: option)
            case "--quick": isQuick = true
            case "--output": output = try words.value(of: option)
            case "--part": part = Part(rawValue: try words.value(of: option))
            default: throw BenchFailure("unknown option: \(option)")
            }
        }
        for (option, value) in [("--rig", rig), ("--driver", driver), ("--worker", worker)] where value.isEmpty {
            throw BenchFailure("\(option) is missing")
        }
    }

    /// The same for a part of the work.
    func arguments(for part: Part) -> [String] {
        var arguments = ["--rig", rig, "--driver", driver, "--worker", worker, "--part", part.rawValue]
        arguments += ["--case", cases.map(\.rawValue).joined(separator: ","), "--pairs", "\(pairCount)"]
        return isQuick ? arguments + ["--quick"] : arguments
    }

    /// How many pairs of runs a comparison has.
    var pairCount: Int { pairs ?? (isQuick ? 1 : 7) }

    /// So many in a full run, a tenth in a quick one.
    func scaled(_ count: Int) -> Int { isQuick ? max(count / 10, 1) : count }
}
