import BenchSupport

/// What can be measured.
enum BenchCase: String, CaseIterable {
    case a, b, c, d, e, f, g, h

    /// Measures it.
    func measure(on bench: Bench) throws -> [Section] {
        switch self {
        case .a: [try oneInFlight(bench).measure(on: bench)]
        case .b: [try withStore(bench)]
        case .c: try [4, 16, 64].map { try manyInFlight(bench, connections: $0).measure(on: bench) }
        case .d: [try bigUpdates(bench).measure(on: bench)]
        case .e: [try MemoryCase().measure(on: bench)]
        case .f: [try StartCase().measure(on: bench)]
        case .g: [try bursts(bench).measure(on: bench)]
        case .h: [try InstructionsCase().measure(on: bench)]
        }
    }

    private func oneInFlight(_ bench: Bench) -> PairedCase {
        PairedCase(
            title: "a. One job in flight, 4 connections, state in memory",
            load: Load(inFlight: 1, jobs: bench.options.scaled(8000), warmup: bench.options.scaled(1000)), connections: 4, state: .none,
            target: .ratio(0.85))
    }

    /// One job in flight pays for a commit each, so what the disk takes stands beside it.
    private func withStore(_ bench: Bench) throws -> Section {
        let load = Load(inFlight: 1, jobs: bench.options.scaled(2000), warmup: bench.options.scaled(200))
        var section = try PairedCase(
            title: "b. One job in flight, 4 connections, state on disk", load: load, connections: 4, state: .new
        ).measure(on: bench)
        let disk = try syncCost(folder: bench.folder, count: bench.options.scaled(500))
        section.body += """


            One 4 KiB `fdatasync` on that disk, just after, took \(disk.written.text()) µs over bytes that were there before and
            \(disk.grown.text()) µs at the end of a growing file.
            """
        section.rows.append(
            SummaryRow(what: "b. One 4 KiB fdatasync on that disk, µs (over old bytes)", ours: disk.written.text()))
        return section
    }

    private func manyInFlight(_ bench: Bench, connections: Int) -> PairedCase {
        PairedCase(
            title: "c. 64 jobs in flight, \(connections) connections, state on disk",
            load: Load(inFlight: 64, jobs: bench.options.scaled(30_000), warmup: bench.options.scaled(2000)), connections: connections,
            state: .new, target: connections == 4 ? .ratio(0.8) : .none)
    }

    /// As a client works that calls `gearman_client_run_tasks`.
    private func bursts(_ bench: Bench) -> PairedCase {
        PairedCase(
            title: "g. Bursts of 64 jobs from one client, 4 connections, state on disk",
            load: Load(inFlight: 64, jobs: bench.options.scaled(30_000), warmup: bench.options.scaled(2000), isBursts: true),
            connections: 4, state: .new, target: .ratio(0.9))
    }

    private func bigUpdates(_ bench: Bench) -> PairedCase {
        PairedCase(
            title: "d. UPDATE of 500 nodes, 8 in flight, 8 connections, state on disk",
            load: Load(kind: "update", nodes: 500, inFlight: 8, jobs: bench.options.scaled(4000), warmup: bench.options.scaled(200)),
            connections: 8, state: .new, target: .rate(1000))
    }
}
