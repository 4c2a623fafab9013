import BenchSupport

extension BenchCase {
    /// Others at the same, each in a lab of its own, all at the same time: they wait most of it.
    func others(_ options: Options) throws -> Section {
        let kinds = [
            ("keepalived", "keepalived, VRRP at its defaults"), ("keepalived-100-ms", "keepalived, adverts each 100 ms"),
            ("link", "the recipe of LINK, leases of 15 s"),
        ]
        let events = ["killed", "frozen", "gone"]
        var rows: [SummaryRow] = []
        var body: [[String]] = []
        for (kind, title) in kinds {
            for event in events {
                // A takeover of the recipe takes 10 to 15 s.
                let count = kind == "link" ? max(1, options.repeats / 5) : options.repeats / 2
                let figures = try options.figures("\(kind).\(event)", "\(max(1, count))", options.recipe)
                let (silence, doubles) = (try figures("silence"), try figures("doubles").reduce(0, +))
                rows.append(
                    SummaryRow(
                        what: "i. \(title), \(event): no answer for, ms; questions that two hosts answered",
                        yardstick: Spread(silence).text() + "; " + doubles.text(), ours: "–"))
                body.append([title, event, silence.map { $0.text() }.joined(separator: ", "), doubles.text()])
            }
        }
        return Section(
            title: "i. Others", rows: rows,
            body: table(["", "the owner's", "no answer for, ms", "questions that two hosts answered"], body))
    }
}
