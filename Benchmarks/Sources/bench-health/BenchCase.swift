import BenchSupport

/// What can be measured.
enum BenchCase: String, CaseIterable {
    case a, b, c, d, e, f

    /// Measures it.
    func measure(_ options: Options, programs: String) throws -> Section {
        switch self {
        case .a: try load("connect", .taking, "CONNECT", limits: true, options, programs)
        case .b: try load("http", .answering, "HTTP", limits: true, options, programs)
        case .c: try load("http", .hanging, "HTTP, and no node answers", limits: false, options, programs)
        case .d: try comparison(options, programs)
        case .e: try DeathRun.section(options, programs: programs)
        case .f: try besideHalfBusyCore(options, programs)
        }
    }

    /// Case b, while another process is busy half of the time.
    private func besideHalfBusyCore(_ options: Options, _ programs: String) throws -> Section {
        let busy = try ChildProcess([programs + "/half-busy"])
        defer { busy.stop() }
        var section = try load(
            "http", .answering, "HTTP, with another process that is busy half of the time", limits: true, options, programs, latest: 20)
        section.rows.removeFirst(2)
        return section
    }

    /// Ten thousand nodes, each once a second.
    ///
    /// - Parameter latest: when 99 of 100 checks must have begun, in ms after their time.
    private func load(
        _ kind: String, _ manner: Nodes.Manner, _ title: String, limits: Bool, _ options: Options, _ programs: String,
        latest: Double = 100
    ) throws -> Section {
        let count = options.scaled(10_000)
        let nodes = try Nodes(manner, programs: programs)
        let samples = try (0..<options.count).map { _ in
            try Checker(options: options).run(kind, nodes: count, at: nodes.port, mustPass: manner != .hanging)
        }
        let (cores, memory) = (samples.spread(\.cores), samples.spread(\.memory))
        let most = samples.spread { $0.lateness?.most ?? 0 }
        func row(_ what: String, _ figure: Spread, digits: Int, below limit: Double) -> SummaryRow {
            SummaryRow(
                what: "\(rawValue). \(title), \(what)", ours: figure.text(digits: digits), target: limits ? "< \(limit.text())" : "–",
                isMet: limits ? figure.median < limit : nil)
        }
        let rows = [
            row("cores", cores, digits: 2, below: 1), row("MB", memory, digits: 1, below: 200),
            row("99 of 100 no later than, ms", most, digits: 1, below: latest),
        ]
        return Section(title: "\(rawValue). \(title): \(count.grouped) nodes, each once a second", rows: rows, body: rounds(samples))
    }

    /// As many nodes as keepalived can check once a second, and ours beside it.
    private func comparison(_ options: Options, _ programs: String) throws -> Section {
        let nodes = try Nodes(.taking, programs: programs)
        var rows: [[String]] = []
        var summary: [SummaryRow] = []
        for count in [100, 1000, 2500, 5000, 10_000].map(options.scaled) {
            var pairs: [(Sample, Sample)] = []
            for _ in 0..<options.count {
                let theirs = try Keepalived(programs: programs, options: options).run(nodes: count, on: nodes)
                pairs.append((theirs, try Checker(options: options).run("connect", nodes: count, at: nodes.port)))
            }
            let (theirs, ours) = (pairs.map(\.0), pairs.map(\.1))
            let ratio = Spread(pairs.map { $1.cost / $0.cost })
            rows.append(
                [count.grouped]
                    + [theirs, ours].flatMap { samples in
                        [
                            samples.spread(\.rate).text(), samples.spread(\.cores).text(digits: 3), samples.spread(\.cost).text(digits: 1),
                            samples.spread(\.memory).text(digits: 1),
                        ]
                    } + [ratio.text(digits: 2)])
            summary.append(
                SummaryRow(
                    what: "d. CONNECT, \(count.grouped) nodes, µs of processor time a check",
                    yardstick: theirs.spread(\.cost).text(digits: 1),
                    ours: ours.spread(\.cost).text(digits: 1), ratio: ratio.text(digits: 2)))
            say("\(count) nodes compared\n")
        }
        let head =
            ["nodes"] + ["keepalived", "ours"].flatMap { ["\($0), checks/s", "cores", "µs a check", "MB"] } + ["ratio of µs a check"]
        return Section(title: "d. CONNECT beside keepalived's TCP_CHECK, each node once a second", rows: summary, body: table(head, rows))
    }

    private func rounds(_ samples: [Sample]) -> String {
        let head = ["", "checks/s", "cores", "µs a check", "MB", "half within, ms", "99 of 100 within, ms", "all within, ms"]
        let rows = samples.enumerated().map { index, sample in
            [
                "round \(index + 1)", sample.rate.text(), sample.cores.text(digits: 2), sample.cost.text(digits: 1),
                sample.memory.text(digits: 1),
            ]
                + [sample.lateness?.half, sample.lateness?.most, sample.lateness?.all].map { $0?.text(digits: 1) ?? "–" }
        }
        return table(head, rows)
    }
}
