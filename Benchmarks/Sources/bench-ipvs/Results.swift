import BenchSupport

/// What the samples say.
struct Results {
    let samples: [Sample]
    /// What a system call and a new page cost on the machine itself.
    let hostCosts: [String: [Double]]
    let options: Options

    /// What makes figures of the booted kernel differ from those of a machine's own.
    var costs: String {
        let inside = samples.first { $0.run == "costs" }?.figures ?? [:]
        func text(_ name: String) -> String {
            "\((inside[name]?[0] ?? 0).text(digits: 1)) µs there and \((hostCosts[name]?[0] ?? 0).text(digits: 2)) µs on the machine itself"
        }
        return "- a system call that does nothing costs \(text("call")); a page of memory that is new to a process \(text("page"))"
    }

    var sections: [Section] {
        options.cases.map { benchCase in
            do throws(BenchFailure) {
                switch benchCase {
                case .a: return try fill()
                case .b: return try resync()
                case .c: return try change()
                case .d: return try schedulers()
                case .e: return try wholeProgram()
                }
            } catch {
                return Section(failed: benchCase.rawValue, because: error)
            }
        }
    }

    /// The figures of each run of a contestant, made one by `reduce`.
    func figures(
        _ run: String, _ contestant: Contestant, _ name: String, _ reduce: ([Double]) -> Double = { Spread($0).median }
    ) throws(BenchFailure) -> [Double] {
        let figures = samples.filter { $0.run == run && $0.contestant == contestant }.compactMap { $0.figures[name] }
        guard !figures.isEmpty, figures.allSatisfy({ !$0.isEmpty }) else {
            throw BenchFailure("\(run): \(contestant) has no figure '\(name)'")
        }
        return figures.map(reduce)
    }

    /// A comparison of the C program and the driver.
    func pairs(
        _ run: TableRun, _ name: String, _ reduce: ([Double]) -> Double = { Spread($0).median }
    ) throws(BenchFailure) -> Pairs {
        let pairs = Pairs(raw: try figures(run.name, .raw, name, reduce), driver: try figures(run.name, .driver, name, reduce))
        guard pairs.raw.count == pairs.driver.count else { throw BenchFailure("\(run.name): a run is missing") }
        return pairs
    }
}

/// Figures of the C program and of the driver, run by run, in microseconds.
struct Pairs {
    let raw: [Double]
    let driver: [Double]

    var ratio: Spread { Spread(zip(raw, driver).map { $1 / $0 }) }

    /// A line of the table on top.
    ///
    /// - Parameter most: what the ratio may be at most; nil for anything.
    func row(_ what: String, unit: Unit, most: Double? = nil) -> SummaryRow {
        SummaryRow(
            what: "\(what), \(unit)", yardstick: unit.text(raw), ours: unit.text(driver), ratio: ratio.median.text(digits: 2),
            target: most.map { "ratio ≤ \($0)" } ?? "–", isMet: most.map { (ratio.median * 100).rounded() <= $0 * 100 })
    }

    /// Every pair.
    func rows(_ what: String, unit: Unit) -> [[String]] {
        zip(raw, driver).enumerated().map { index, pair in
            [
                "\(what), pair \(index + 1), \(unit)", unit.text(pair.0), unit.text(pair.1), (pair.1 / pair.0).text(digits: 2),
            ]
        } + [["\(what), all pairs, \(unit)", unit.text(raw), unit.text(driver), ratio.text(digits: 2)]]
    }
}

/// A unit that times are told in.
enum Unit: String, CustomStringConvertible {
    case milliseconds = "ms"
    case microseconds = "µs"

    var description: String { rawValue }

    func text(_ microseconds: Double) -> String { (self == .milliseconds ? microseconds / 1000 : microseconds).text(digits: 1) }

    /// The median, with the least and the most.
    func text(_ microseconds: [Double]) -> String {
        Spread(self == .milliseconds ? microseconds.map { $0 / 1000 } : microseconds).text(digits: 1)
    }
}
