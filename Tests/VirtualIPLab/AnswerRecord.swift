import LBaaS

/// Who answered the questions about an address, in the order in which they were asked.
struct AnswerRecord {
    /// Questions that follow on each other, and that the same hosts answered.
    struct Run {
        /// The numbers of the hosts that answered, in order; none where nobody did.
        var owners: [Int]
        /// When the first and the last of the questions were sent, in the time of CLOCK_BOOTTIME.
        var first: Duration
        var last: Duration
        var count: Int
    }

    /// A time in which nobody answered.
    struct Silence {
        /// When the first question was sent that nobody answered.
        let start: Duration
        /// When the first was sent after it that somebody answered, or until when it is known.
        let end: Duration
        /// How many were not answered.
        let lost: Int

        var time: Duration { end - start }
    }

    private(set) var runs: [Run] = []
    /// Until when it is known who answered: an answer to a later question may come yet.
    private(set) var end = Duration.zero

    mutating func add(_ owners: [Int], at time: Duration) {
        end = time
        if let place = runs.indices.last, runs[place].owners == owners {
            runs[place].last = time
            runs[place].count += 1
        } else {
            runs.append(Run(owners: owners, first: time, last: time, count: 1))
        }
    }

    /// The runs that have a question after a time.
    func runs(since time: Duration) -> some Sequence<Run> { runs.reversed().prefix { $0.last >= time }.reversed() }

    /// The host that answered last; nil where nobody did, or two.
    var owner: Int? { runs.last.flatMap { $0.owners.count == 1 ? $0.owners[0] : nil } }

    /// The times since a time in which nobody answered.
    func silences(since time: Duration) -> [Silence] {
        let runs = Array(runs(since: time))
        return runs.indices.compactMap { place in
            guard runs[place].owners.isEmpty else { return nil }
            let end = place + 1 < runs.count ? runs[place + 1].first : end
            return Silence(start: runs[place].first, end: end, lost: runs[place].count)
        }
    }

    /// How many questions since a time nobody answered.
    func lost(since time: Duration) -> Int { silences(since: time).reduce(0) { $0 + $1.lost } }

    /// The longest time since a time in which nobody answered.
    func longestSilence(since time: Duration) -> Duration { silences(since: time).map(\.time).max() ?? .zero }

    /// How many questions since a time several hosts answered.
    func doubles(since time: Duration) -> Int { runs(since: time).reduce(0) { $1.owners.count > 1 ? $0 + $1.count : $0 } }
}
