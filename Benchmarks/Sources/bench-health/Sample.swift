import BenchSupport

/// What one run of a checker took.
struct Sample {
    /// Checks a second.
    var rate: Double
    /// Processor time a second, in seconds: how many cores it used.
    var cores: Double
    /// Resident memory, in MB.
    var memory: Double
    /// How late half of the checks began at most, 99 of 100, and all, in ms; nil where only the checker could tell.
    var lateness: (half: Double, most: Double, all: Double)?

    /// Processor time a check, in µs.
    var cost: Double { cores / rate * 1e6 }
}

extension [Sample] {
    /// The middle and the ends of one figure.
    func spread(_ figure: (Sample) -> Double) -> Spread { Spread(map(figure)) }
}
