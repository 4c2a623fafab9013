import BenchSupport

/// A load that both workers carry in turn, A B A B …, each time in a new process, and what ours must reach.
struct PairedCase {
    /// What ours must reach.
    enum Target {
        case none
        /// This part of the echo's rate.
        case ratio(Double)
        /// So many jobs a second.
        case rate(Double)
    }

    var title: String
    var load: Load
    var connections: Int
    var state: StatePlace
    var target = Target.none

    /// One run of one worker.
    struct Sample {
        let load: LoadResult
        /// The worker's processor time for each job, in microseconds.
        let cpu: Double
    }

    /// The runs of both.
    struct Samples {
        var echo: [Sample] = []
        var worker: [Sample] = []

        /// The median rates of the echo and of ours.
        var rates: (echo: Double, worker: Double) { (Spread(echo.map(\.load.rate)).median, Spread(worker.map(\.load.rate)).median) }
    }

    func measure(on bench: Bench) throws -> Section { section(try samples(on: bench), bench.workerName) }

    func samples(on bench: Bench) throws -> Samples {
        var samples = Samples()
        for _ in 0..<bench.options.count {
            samples.echo.append(try sample(.echo, on: bench))
            samples.worker.append(try sample(.worker, on: bench))
        }
        return samples
    }

    func sample(_ contestant: Contestant, on bench: Bench) throws -> Sample {
        let running = try bench.start(contestant, connections: connections, state: state)
        defer { running.process.stop() }
        let before = running.process.cpuMicroseconds
        let result = try bench.run(load, on: running)
        let cpu = running.process.cpuMicroseconds - before
        return Sample(load: result, cpu: cpu / Double(load.jobs + load.warmup))
    }

    func section(_ samples: Samples, _ workerName: String) -> Section {
        let (echo, worker) = (samples.echo, samples.worker)
        let ratios = zip(echo, worker).map { $1.load.rate / $0.load.rate }
        let rates = [echo, worker].map { Spread($0.map(\.load.rate)) }
        let ratio = Spread(ratios)
        var row = SummaryRow(
            what: title + ", jobs/s", yardstick: rates[0].text(), ours: rates[1].text(), ratio: ratio.median.text(digits: 2))
        switch target {
        case .none: break
        case .ratio(let least): (row.target, row.isMet) = ("ratio ≥ \(least)", ratio.median >= least)
        case .rate(let least): (row.target, row.isMet) = ("≥ \(least.text())", rates[1].median >= least)
        }
        return Section(title: title, rows: [row], body: body(echo, worker, ratios, workerName))
    }

    private func body(_ echo: [Sample], _ worker: [Sample], _ ratios: [Double], _ workerName: String) -> String {
        var rows = ratios.indices.map { pair in
            [
                "pair \(pair + 1), jobs/s", echo[pair].load.rate.text(), worker[pair].load.rate.text(), ratios[pair].text(digits: 2),
            ]
        }
        func line(_ name: String, digits: Int = 0, _ figure: (Sample) -> Double) {
            let spreads = [Spread(echo.map(figure)), Spread(worker.map(figure))]
            let quotient = spreads[1].median / spreads[0].median
            rows.append([name, spreads[0].text(digits: digits), spreads[1].text(digits: digits), quotient.text(digits: 2)])
        }
        line("all pairs, jobs/s", \.load.rate)
        rows[rows.count - 1][3] = Spread(ratios).text(digits: 2)
        line("half of the answers within, µs", \.load.p50_us)
        line("99 of 100 answers within, µs", \.load.p99_us)
        line("the worker's CPU time a job, µs", digits: 1, \.cpu)
        return table(["", "echo", workerName, "ratio"], rows)
    }
}
