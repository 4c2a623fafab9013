import BenchSupport

/// What the command line asks for.
@dynamicMemberLookup
struct Options: Sendable {
    static let usage = """
        usage: bench-vip --lab PATH --worker PATH --recipe PATH [options]
          --lab PATH      virtual-ip-lab
          --worker PATH   lbaas-worker
          --recipe PATH   link-recipe.sh
          --case LETTERS  only these cases, as in a,c (of a b c d e f g h i)
          --repeats N     how often each is measured (default 20)
          --quick         twice each: tells whether it runs, not how well
          --output FILE   write the report there too

        """

    private let common: CommonOptions<BenchCase>

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        common = try CommonOptions(arguments, paths: ["--lab", "--worker", "--recipe"], repeats: "--repeats", usual: 20)
    }

    var lab: String { common.path("--lab") }
    var worker: String { common.path("--worker") }
    var recipe: String { common.path("--recipe") }
    /// How often each case is measured.
    var repeats: Int { common.isQuick ? 2 : common.count }

    /// Runs the lab with some words, and answers its figures.
    func figures(_ words: String...) throws -> Figures {
        // A failure is told in lines that are no figures.
        let found = try BenchSupport.figures(of: ["env", "LBAAS_WORKER=\(worker)", lab, "measure"] + words)
        return Figures(values: found, name: words.joined(separator: " "))
    }

    subscript<Value>(dynamicMember path: KeyPath<CommonOptions<BenchCase>, Value>) -> Value { common[keyPath: path] }
}

/// What a case of the lab has printed.
struct Figures {
    let values: [String: [Double]]
    let name: String

    /// The figures of a name, one for each time.
    func callAsFunction(_ figure: String) throws(BenchFailure) -> [Double] {
        guard let found = values[figure], !found.isEmpty else { throw BenchFailure("\(name) has no figures \(figure)") }
        return found
    }
}
