/// When an address is announced: at once, and after 50 ms, 200 ms, 1 s, 2 s and 5 s, because a frame may be lost and a neighbour believes an
/// old one for 40 s; and each minute, because switches forget after five.
struct AnnouncementSchedule: Hashable {
    private static let offsets: [Duration] = [
        .zero, .milliseconds(50), .milliseconds(200), .seconds(1), .seconds(2), .seconds(5),
    ]
    private static let period: Duration = .seconds(60)

    private var start: Duration
    private var step = 0

    /// Announces from a time on. All times are of one clock.
    init(from start: Duration) { self.start = start }

    /// When it is announced next.
    var next: Duration {
        let offsets = Self.offsets
        return step < offsets.count ? start + offsets[step] : start + offsets[offsets.count - 1] + Self.period * (step - offsets.count + 1)
    }

    /// Whether it is to be announced now. If so, the next time is later than now: what was missed is not made up for.
    mutating func isDue(at now: Duration) -> Bool {
        guard next <= now else { return false }
        while next <= now { step += 1 }
        return true
    }
}
