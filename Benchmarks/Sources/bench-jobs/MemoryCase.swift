import BenchSupport

/// Resident memory, at rest and with many load balancers.
struct MemoryCase {
    private let loadBalancers = 10_000
    private let mostAtRest = 40.0
    private let mostLoaded = 120.0

    func measure(on bench: Bench) throws -> Section {
        let count = bench.options.scaled(loadBalancers)
        let echo = try sample(.echo, count, on: bench)
        var runs: [[Double]] = []
        for _ in 0..<(bench.options.isQuick ? 1 : 3) { runs.append(try sample(.worker, count, on: bench)) }
        let spreads = (0..<3).map { figure in Spread(runs.map { $0[figure] }) }

        let names = ["at rest", "with \(Double(count).text()) load balancers of 10 nodes", "at most until then"]
        let rows = names.indices.map { [names[$0], echo[$0].text(digits: 1), spreads[$0].text(digits: 1)] }
        func row(_ figure: Int, most: Double) -> SummaryRow {
            SummaryRow(
                what: "e. Resident memory \(names[figure]), MB", yardstick: echo[figure].text(digits: 1),
                ours: spreads[figure].text(digits: 1), target: "< \(most.text())", isMet: spreads[figure].median < most)
        }
        return Section(
            title: "e. Resident memory, 4 connections, state on disk, MB",
            rows: [row(0, most: mostAtRest), row(1, most: mostLoaded)],
            body: table(["", "echo", bench.workerName], rows))
    }

    /// At rest, loaded, and the most until then.
    private func sample(_ contestant: Contestant, _ count: Int, on bench: Bench) throws -> [Double] {
        let running = try bench.start(contestant, connections: 4, state: .new)
        defer { running.process.stop() }
        let atRest = try running.process.megabytes("VmRSS")
        _ = try bench.run(Load(ids: count, inFlight: 16, jobs: count), on: running)
        return [atRest, try running.process.megabytes("VmRSS"), try running.process.megabytes("VmHWM")]
    }
}
