import BenchSupport

/// The time from the start of a worker to its first answer, with a job already waiting at the job server.
struct StartCase {
    private let loadBalancers = 10_000
    private let mostMilliseconds = 100.0

    func measure(on bench: Bench) throws -> Section {
        let count = bench.options.scaled(loadBalancers)
        let full = try filledFolder(count, on: bench)
        let runs = bench.options.isQuick ? 3 : 9
        var echo: [Double] = []
        var fresh: [Double] = []
        var filled: [Double] = []
        for _ in 0..<runs {
            echo.append(try sample(.echo, state: .none, on: bench))
            fresh.append(try sample(.worker, state: .new, on: bench))
            filled.append(try sample(.worker, state: .folder(full), on: bench))
        }
        let (echoSpread, freshSpread, filledSpread) = (Spread(echo), Spread(fresh), Spread(filled))
        let filledName = "with \(Double(count).text()) load balancers in the store"
        return Section(
            title: "f. From the start to the first answer, \(runs) starts, ms",
            rows: [
                SummaryRow(
                    what: "f. From the start to the first answer, new store, ms", yardstick: echoSpread.text(digits: 1),
                    ours: freshSpread.text(digits: 1), target: "≤ \(mostMilliseconds.text())",
                    isMet: freshSpread.median <= mostMilliseconds),
                SummaryRow(what: "f. The same \(filledName), ms", ours: filledSpread.text(digits: 1)),
            ],
            body: table(
                ["", "echo", bench.workerName],
                [
                    ["new store", echoSpread.text(digits: 1), freshSpread.text(digits: 1)],
                    [filledName, "–", filledSpread.text(digits: 1)],
                ]))
    }

    /// A state folder with so many load balancers, left by a worker that was stopped.
    private func filledFolder(_ count: Int, on bench: Bench) throws -> String {
        let folder = try bench.newFolder()
        let running = try bench.start(.worker, connections: 4, state: .folder(folder))
        defer { running.process.stop() }
        _ = try bench.run(Load(ids: count, inFlight: 16, jobs: count), on: running)
        return folder
    }

    private func sample(_ contestant: Contestant, state: StatePlace, on bench: Bench) throws -> Double {
        let function = bench.newName("start")
        let job = try bench.submit(Load(ids: 1, inFlight: 1, jobs: 1), function: function, expectPass: contestant == .worker)
        defer { job.stop() }
        try bench.waitForJobs(1, function: function)
        let began = nanoseconds()
        let running = try bench.launch(contestant, connections: 4, state: state, function: function)
        defer { running.process.stop() }
        _ = try bench.finish(job, function: function)
        return (nanoseconds() - began) / 1e6
    }
}
