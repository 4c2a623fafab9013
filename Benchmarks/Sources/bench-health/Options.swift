import BenchSupport

/// What the command line asks for.
struct Options {
    static let usage = """
        usage: bench-health --checker PATH --worker PATH --rig PATH [options]
          --checker PATH  checker-health
          --worker PATH   lbaas-worker
          --rig PATH      what boots a kernel that has IPVS, and runs a command on it
          --case LETTERS  only these cases, as in a,c (of a b c d e f)
          --rounds N      how often each is measured (default 3)
          --quick         one round, a tenth of the nodes, and of the deaths: tells whether it runs, not how well
          --output FILE   write the report there too

        """

    var checker = ""
    var worker = ""
    var rig = ""
    var cases = BenchCase.allCases
    var rounds: Int?
    var isQuick = false
    var output: String?
    /// What this process is to do on the kernel that was booted; nil where it is to boot it.
    var inside: DeathRun?

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var words = OptionReader(arguments)
        while let option = words.next() {
            switch option {
            case "--checker": checker = try words.value(of: option)
            case "--worker": worker = try words.value(of: option)
            case "--rig": rig = try words.value(of: option)
            case "--inside": inside = try DeathRun(words.value(of: option))
            case "--case": cases = try words.cases(of: option)
            case "--rounds": rounds = try words.count(of: option)
            case "--quick": isQuick = true
            case "--output": output = try words.value(of: option)
            default: throw BenchFailure("unknown option: \(option)")
            }
        }
        for (option, value) in [("--checker", checker), ("--worker", worker), ("--rig", rig)] where value.isEmpty {
            throw BenchFailure("\(option) is missing")
        }
    }

    /// The same for what is done on the kernel that is booted.
    func arguments(inside run: DeathRun) -> [String] {
        ["--checker", checker, "--worker", worker, "--rig", rig, "--inside", run.text]
    }

    /// How often each case is measured.
    var roundCount: Int { rounds ?? (isQuick ? 1 : 3) }

    /// So many in a full run, a tenth in a quick one.
    func scaled(_ count: Int) -> Int { isQuick ? max(count / 10, 1) : count }
}
