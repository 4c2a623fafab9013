import BenchSupport
import Dispatch
import Synchronization

extension BenchCase {
    /// Others at the same, each in a lab of its own, all at the same time: they wait most of it.
    func others(_ options: Options) throws -> Section {
        // Those that take longest first.
        let kinds = [
            ("link", "the recipe of LINK, leases of 15 s"), ("keepalived", "keepalived, VRRP at its defaults"),
            ("keepalived-100-ms", "keepalived, adverts each 100 ms"),
        ]
        let outcomes = Mutex<[Result<Rows, any Error>?]>(Array(repeating: nil, count: kinds.count))
        DispatchQueue.concurrentPerform(iterations: kinds.count) { place in
            let (kind, title) = kinds[place]
            let outcome = Result { try other(options, kind, title) }
            outcomes.withLock { $0[place] = outcome }
        }
        let found = try outcomes.withLock(\.self).compactMap { try $0?.get() }
        let head = ["", "the owner's", "no answer for, ms", "questions that two hosts answered"]
        return Section(title: "i. Others", rows: found.flatMap(\.rows), body: table(head, found.flatMap(\.body)))
    }

    private typealias Rows = (rows: [SummaryRow], body: [[String]])

    private func other(_ options: Options, _ kind: String, _ title: String) throws -> Rows {
        var found: Rows = ([], [])
        for event in ["killed", "frozen", "gone"] {
            // A takeover of the recipe takes 10 to 15 s.
            let count = max(1, kind == "link" ? options.repeats / 5 : options.repeats / 2)
            let figures = try options.figures("\(kind).\(event)", "\(count)", options.recipe)
            let (silence, doubles) = (try figures("silence"), try figures("doubles").reduce(0, +))
            found.rows.append(
                SummaryRow(
                    what: "i. \(title), \(event): no answer for, ms; questions that two hosts answered",
                    yardstick: Spread(silence).text() + "; " + doubles.text(), ours: "–"))
            found.body.append([title, event, silence.map { $0.text() }.joined(separator: ", "), doubles.text()])
        }
        return found
    }
}
