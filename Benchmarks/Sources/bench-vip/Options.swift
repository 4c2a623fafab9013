import BenchSupport

/// What the command line asks for.
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

    var lab = ""
    var worker = ""
    var recipe = ""
    var cases = BenchCase.allCases
    var repeats = 20
    var output: String?

    init(_ arguments: ArraySlice<String>) throws(BenchFailure) {
        var words = OptionReader(arguments)
        while let option = words.next() {
            switch option {
            case "--lab": lab = try words.value(of: option)
            case "--worker": worker = try words.value(of: option)
            case "--recipe": recipe = try words.value(of: option)
            case "--case": cases = try words.cases(of: option)
            case "--repeats": repeats = try words.count(of: option)
            case "--quick": repeats = 2
            case "--output": output = try words.value(of: option)
            default: throw BenchFailure("unknown option: \(option)")
            }
        }
        for (option, value) in [("--lab", lab), ("--worker", worker), ("--recipe", recipe)] where value.isEmpty {
            throw BenchFailure("\(option) is missing")
        }
    }

    /// Runs the lab with some words, and answers its figures.
    func figures(_ words: String...) throws -> Figures {
        // A failure is told in lines that are no figures.
        let found = try BenchSupport.figures(of: ["env", "LBAAS_WORKER=\(worker)", lab, "measure"] + words)
        return Figures(values: found, name: words.joined(separator: " "))
    }
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
