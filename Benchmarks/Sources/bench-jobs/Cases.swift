import BenchSupport

/// What can be measured.
enum BenchCase: String, CaseIterable {
    case a, b, c, d, e, f, g, h, i

    /// Measures it.
    func measure(on bench: Bench) throws -> [Section] {
        switch self {
        case .a: [try oneInFlight(bench).measure(on: bench)]
        case .b: [try withStore(bench)]
        case .c: try withManyConnections(bench)
        case .d: [try bigUpdates(bench).measure(on: bench)]
        case .e: [try MemoryCase().measure(on: bench)]
        case .f: [try StartCase().measure(on: bench)]
        case .g: [try bursts(bench).measure(on: bench)]
        case .h: [try InstructionsCase().measure(on: bench)]
        case .i: try besideHalfBusyCore(bench)
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
        var inMemory: [PairedCase.Sample] = []
        var onDisk: [PairedCase.Sample] = []
        for _ in 0..<bench.options.count {
            inMemory.append(try oneInFlight(bench).sample(.worker, on: bench))
            onDisk.append(try PairedCase(title: "", load: load, connections: 4, state: .new).sample(.worker, on: bench))
        }
        let answers = [inMemory, onDisk].map { Spread($0.map(\.load.p50_us)).median }
        let costs = [inMemory, onDisk].map { Spread($0.map(\.cpu)).median }
        let added = (answers[1] - answers[0]) / disk.written.median
        section.rows += [
            SummaryRow(
                what: "b. Half of the answers within, µs: state on disk (ours) and in memory (beside)", yardstick: answers[0].text(),
                ours: answers[1].text(), ratio: "memory + \(added.text(digits: 2)) fdatasync", target: "memory + ≤ 1.3 fdatasync",
                isMet: added <= 1.3),
            SummaryRow(
                what: "b. CPU time a job, µs: state on disk (ours) and in memory (beside)", yardstick: costs[0].text(digits: 1),
                ours: costs[1].text(digits: 1), ratio: (costs[1] / costs[0]).text(digits: 2), target: "ratio ≤ 1.4",
                isMet: costs[1] / costs[0] <= 1.4),
        ]
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
            state: .new, target: connections == 4 ? .ratio(1.0) : .none)
    }

    /// With each number of connections, and the best of ours beside the best of the echo.
    private func withManyConnections(_ bench: Bench) throws -> [Section] {
        let cases = [4, 16, 64].map { manyInFlight(bench, connections: $0) }
        let samples = try cases.map { try $0.samples(on: bench) }
        var sections = zip(cases, samples).map { $0.section($1, bench.workerName) }
        let best = (echo: samples.map(\.rates.echo).max() ?? 1, worker: samples.map(\.rates.worker).max() ?? 0)
        let ratio = best.worker / best.echo
        sections[sections.count - 1].rows.append(
            SummaryRow(
                what: "c. the best of these, jobs/s", yardstick: best.echo.text(), ours: best.worker.text(), ratio: ratio.text(digits: 2),
                target: "ratio ≥ 0.75", isMet: ratio >= 0.75))
        return sections
    }

    /// What has a ratio to reach, while another process is busy half of the time.
    private func besideHalfBusyCore(_ bench: Bench) throws -> [Section] {
        let busy = try ChildProcess([bench.tools + "/half-busy"])
        defer { busy.stop() }
        return try [oneInFlight(bench), manyInFlight(bench, connections: 4), bursts(bench)].map { quiet in
            var loaded = quiet
            loaded.title = "i. \(quiet.title), with another process that is busy half of the time"
            return try loaded.measure(on: bench)
        }
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
