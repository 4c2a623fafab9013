import BenchSupport

/// What can be measured.
enum BenchCase: String, CaseIterable {
    case a, b, c, d, e, f, g, h, i

    /// Measures it.
    func measure(_ options: Options) throws -> Section {
        switch self {
        case .a: try failover(options)
        case .b: try takeover(options, "The worker of the owner is killed or frozen", ["killed", "frozen"], most: 1000)
        case .c: try takeover(options, "The host of the owner is gone", ["gone"], most: 3200)
        case .d: try takeover(options, "The same, and the leader of etcd is killed at that moment", ["gone-leader"], most: 3300)
        case .e: try unmoved(options, "restarted", "The worker of the owner is started again", target: "0 pings lost")
        case .f: try unmoved(options, "leader", "The leader of etcd is killed, takeover = 5", target: "no address moves")
        case .g: try many(options)
        case .h: try idle(options)
        case .i: try others(options)
        }
    }

    /// A planned failover, with either policy.
    private func failover(_ options: Options) throws -> Section {
        let runs = try [("at_least_one", 0.0), ("at_most_one", 10)].map { policy, most in
            let name = "failover-" + policy.replacing("_", with: "-")
            let lost = try options.figures(name, "\(options.repeats)")("lost")
            return (policy, most, lost)
        }
        let rows = runs.map { policy, most, lost in
            SummaryRow(
                what: "a. Failover on request, \(policy), pings lost", ours: Spread(lost).text(),
                target: most == 0 ? "0" : "≤ \(most.text())",
                isMet: Spread(lost).most <= most)
        }
        let body = runs.map { [$0.0, $0.2.map { $0.text() }.joined(separator: ", ")] }
        return Section(title: "a. Failover on request", rows: rows, body: table(["", "pings lost"], body))
    }

    /// Another host takes an address over, of the policy `at_most_one`.
    private func takeover(_ options: Options, _ title: String, _ names: [String], most: Double) throws -> Section {
        let runs = try names.map { ($0, try options.figures($0, "\(options.repeats)")) }
        var rows: [SummaryRow] = []
        var body: [[String]] = []
        for (name, figures) in runs {
            let (silence, doubles) = (Spread(try figures("silence")), try figures("doubles").reduce(0, +))
            rows.append(
                SummaryRow(
                    what: "\(rawValue). \(title) (\(name)): no answer for, ms", ours: silence.text(), target: "≤ \(most.text())",
                    isMet: silence.most <= most))
            rows.append(
                SummaryRow(
                    what: "\(rawValue). \(title) (\(name)): questions that two hosts answered", ours: doubles.text(), target: "0",
                    isMet: doubles == 0))
            body.append([name, try figures("silence").map { $0.text() }.joined(separator: ", ")])
        }
        return Section(title: "\(rawValue). \(title)", rows: rows, body: table(["", "no answer for, ms"], body))
    }

    /// Something that moves no address.
    private func unmoved(_ options: Options, _ name: String, _ title: String, target: String) throws -> Section {
        let figures = try options.figures(name, "\(options.repeats)")
        let (lost, moved) = (try figures("lost"), try figures("moved").reduce(0, +))
        let rows = [
            SummaryRow(
                what: "\(rawValue). \(title): pings lost", ours: Spread(lost).text(), target: "0", isMet: Spread(lost).most == 0),
            SummaryRow(what: "\(rawValue). \(title): addresses that moved", ours: moved.text(), target: "0", isMet: moved == 0),
        ]
        return Section(
            title: "\(rawValue). \(title)", rows: rows,
            body: table(["", "pings lost"], [[name, lost.map { $0.text() }.joined(separator: ", ")]]))
    }

    /// 200 addresses beside one. The client pings each of them each 20 ms.
    private func many(_ options: Options) throws -> Section {
        let count = "\(max(1, options.repeats / 2))"
        let (all, one) = (try options.figures("move-200", count)("silence"), try options.figures("move-1", count)("silence"))
        let more = Spread(all).median - Spread(one).median
        let row = SummaryRow(
            what: "g. 200 addresses move: the last has no answer for so much longer than one alone, ms", ours: more.text(), target: "≤ 500",
            isMet: more <= 500)
        let body = [("200", all), ("1", one)].map { [$0.0, Spread($0.1).text()] }
        return Section(
            title: "g. 200 addresses, and their owner's worker is killed", rows: [row],
            body: table(["addresses", "no answer for, ms"], body))
    }

    private func idle(_ options: Options) throws -> Section {
        let percent = try options.figures("idle", options.repeats < 10 ? "5" : "20")("percent")
        let row = SummaryRow(
            what: "h. Three hosts with 200 addresses and nothing to do: a worker, % of a core", ours: Spread(percent).text(digits: 2),
            target: "< 1", isMet: Spread(percent).most < 1)
        let body = percent.enumerated().map { ["host \($0.offset + 1)", $0.element.text(digits: 2)] }
        return Section(title: "h. Nothing to do", rows: [row], body: table(["", "% of a core"], body))
    }
}
