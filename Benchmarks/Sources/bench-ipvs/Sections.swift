import BenchSupport

private let head = ["", "C", "driver", "ratio"]

extension TableRun {
    /// `1,000 services of 10 nodes`.
    fileprivate var title: String {
        services == 1 ? "\(nodes.grouped) nodes on one service, \(scheduler)" : "\(services.grouped) services of \(nodes) nodes"
    }

    /// All figures but those of the first round, in which a program's memory was new.
    fileprivate func later(_ perRound: Int) -> ([Double]) -> Double { { Spread(Array($0.dropFirst(perRound))).median } }
}

extension Results {
    func fill() throws(BenchFailure) -> Section {
        let run = BenchCase.middleTable(options)
        let again = try pairs(run, "fill", run.later(1))
        let first = try pairs(run, "fill") { $0[0] }
        let pages = try pairs(run, "fill-faults") { $0[0] }
        let ipvsadm = Spread(try figures(run.name, .ipvsadm, "fill")).median
        let driver = Spread(first.driver).median
        let speedup = ipvsadm / driver
        return Section(
            title: "a. \(run.title) from an empty table",
            rows: [
                again.row("a. \(run.title) from an empty table", unit: .milliseconds, most: 1.5),
                first.row("a. The first time in a process", unit: .milliseconds, most: 1.5),
                SummaryRow(
                    what: "a. Pages of memory that are new to the process then", yardstick: Spread(pages.raw).text(digits: 0),
                    ours: Spread(pages.driver).text(digits: 0)),
                SummaryRow(
                    what: "a. The first time in a process, beside `ipvsadm -R`, ms", yardstick: Unit.milliseconds.text(ipvsadm),
                    ours: Unit.milliseconds.text(driver), ratio: "1/\(speedup.text())", target: "50 times as fast", isMet: speedup >= 50),
            ],
            body: table(head, again.rows("again", unit: .milliseconds) + first.rows("the first time", unit: .milliseconds)))
    }

    func resync() throws(BenchFailure) -> Section {
        var rows: [SummaryRow] = []
        var details: [[String]] = []
        for run in [BenchCase.middleTable(options), BenchCase.largeTable(options)] {
            let pairs = try pairs(run, "list", run.later(run.lists))
            rows.append(pairs.row("b. \(run.title): resync beside bare dump", unit: .milliseconds, most: 1.5))
            details += pairs.rows(run.title, unit: .milliseconds)
        }
        let large = BenchCase.largeTable(options)
        let time = Spread(try figures(large.name, .driver, "list", large.later(large.lists))).median / 1e6
        rows.append(SummaryRow(what: "b. \(large.title): resync, s", ours: time.text(digits: 2), target: "< 1", isMet: time < 1))
        return Section(title: "b. A resync that finds nothing to do", rows: rows, body: table(head, details))
    }

    func change() throws(BenchFailure) -> Section {
        let runs = BenchCase.growingTables(options)
        var rows: [SummaryRow] = []
        var details: [[String]] = []
        var calls: [[String]] = []
        for run in runs {
            let pairs = try pairs(run, "change")
            rows.append(pairs.row("c. One weight among \(run.services.grouped) services", unit: .microseconds))
            details += pairs.rows("\(run.services.grouped) services", unit: .microseconds)
            calls.append(try callRow(run))
        }
        rows.append(try growth(runs[0], runs[2]))
        let isSingle = calls.allSatisfy { $0[1] == "1.00" && $0[2] == "1.00" }
        rows.append(
            SummaryRow(
                what: "c. Sends and receives for a change", ours: "\(calls[2][1]) and \(calls[2][2])", target: "1 and 1", isMet: isSingle))
        let body = """
            \(table(head, details))

            System calls of the driver for each of 1,000 changes, by `strace -c` with and without them:

            \(table(["", "sends", "receives", "to read the clock, for the figures", "others"], calls))
            """
        return Section(title: "c. One node's weight", rows: rows, body: body)
    }

    /// What a change takes longer with many services: the kernel's own part of it is what the C program sees.
    private func growth(_ few: TableRun, _ many: TableRun) throws(BenchFailure) -> SummaryRow {
        let before = try pairs(few, "change")
        let after = try pairs(many, "change")
        let raw = Spread(zip(before.raw, after.raw).map { $1 / $0 }).median
        let driver = Spread(zip(before.driver, after.driver).map { $1 / $0 }).median
        let ratio = driver / raw
        return SummaryRow(
            what: "c. The time with \(many.services.grouped) services by that with \(few.services.grouped)", yardstick: raw.text(digits: 2),
            ours: driver.text(digits: 2), ratio: ratio.text(digits: 2), target: "ratio ≤ 1.1", isMet: ratio <= 1.1)
    }

    /// How many system calls the driver makes for a change.
    private func callRow(_ run: TableRun) throws(BenchFailure) -> [String] {
        guard let counts = samples.first(where: { $0.run == run.name + " calls" })?.figures else {
            throw BenchFailure("\(run.name): the system calls are not counted")
        }
        func sum(_ isOne: (String) -> Bool) -> Double { counts.filter { isOne($0.key) }.reduce(0) { $0 + $1.value[0] } }
        let kinds = [sum { $0.hasPrefix("send") }, sum { $0.hasPrefix("recv") }, sum { $0 == "clock_gettime" }]
        let others = sum { _ in true } - kinds.reduce(0, +)
        return ["\(run.services.grouped) services"] + (kinds + [others]).map { $0.text(digits: 2) }
    }

    func schedulers() throws(BenchFailure) -> Section {
        var rows: [SummaryRow] = []
        var details: [[String]] = []
        for scheduler in BenchCase.schedulers {
            let run = BenchCase.longService(scheduler, options)
            let pairs = try pairs(run, "fill", run.later(1))
            rows.append(pairs.row("d. \(run.title)", unit: .milliseconds, most: 1.05))
            details += pairs.rows(scheduler, unit: .milliseconds)
        }
        return Section(title: "d. Many nodes on one service", rows: rows, body: table(head, details))
    }

    func wholeProgram() throws(BenchFailure) -> Section {
        let jobs = [
            ("fill", "UPDATE of \(options.scaled(1000).grouped) services of 10 nodes, where there is one"),
            ("same", "the same UPDATE again"),
            ("one", "CREATE of one of them with another weight"),
        ]
        var rows: [SummaryRow] = []
        var details: [[String]] = []
        for (name, what) in jobs {
            let times = try figures("whole", .worker, name)
            rows.append(SummaryRow(what: "e. lbaas-worker: \(what), ms", ours: Unit.milliseconds.text(times)))
            details.append([what] + times.map(Unit.milliseconds.text))
        }
        let head = [""] + details[0].indices.dropFirst().map { "run \($0), ms" }
        return Section(title: "e. The whole program", rows: rows, body: table(head, details))
    }
}
