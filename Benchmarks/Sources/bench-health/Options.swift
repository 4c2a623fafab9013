import BenchSupport

/// What the command line asks for.
@dynamicMemberLookup
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

    private let common: CommonOptions<BenchCase>
    /// What this process is to do on the kernel that was booted; nil where it is to boot it.
    let inside: DeathRun?

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var inside: DeathRun?
        common = try CommonOptions(arguments, paths: ["--checker", "--worker", "--rig"], repeats: "--rounds", usual: 3) {
            option, words throws(BenchFailure) in
            if option != "--inside" { return false }
            inside = try DeathRun(words.value(of: option))
            return true
        }
        self.inside = inside
    }

    /// The same for what is done on the kernel that is booted.
    func arguments(inside run: DeathRun) -> [String] {
        ["--checker", checker, "--worker", worker, "--rig", rig, "--inside", run.text]
    }

    var checker: String { common.path("--checker") }
    var worker: String { common.path("--worker") }
    var rig: String { common.path("--rig") }

    func scaled(_ count: Int) -> Int { common.scaled(count) }

    subscript<Value>(dynamicMember path: KeyPath<CommonOptions<BenchCase>, Value>) -> Value { common[keyPath: path] }
}
