import HostSystem
import LBaaS

/// Tells systemd that the process is alive, as long as no thread hangs.
///
/// A thread that takes long within its own limit works, and systemd hears of it. Where one has overrun its limit systemd hears nothing any
/// more, and starts the process anew.
struct Watchdog: ~Copyable {
    private let monitor: ProgressMonitor
    private let interval: Duration?
    private let log: Log
    private var due: Deadline
    /// Those that hang, by their names, as they were told last.
    private var told: Set<String> = []

    /// A watchdog.
    ///
    /// - Parameter interval: how often systemd wants to hear of the process at least; nil where it does not.
    init(monitor: ProgressMonitor, interval: Duration?, log: Log) {
        self.monitor = monitor
        self.interval = interval
        self.log = log
        due = Deadline(in: .zero)
    }

    /// How often it looks: four times as often as systemd wants to hear of the process, and at least once in ten seconds, for the log.
    private var period: Duration { max(.milliseconds(10), min(.seconds(10), interval.map { $0 / 4 } ?? .seconds(10))) }

    /// When it looks next, at most at a deadline.
    func next(before deadline: Deadline? = nil) -> Deadline {
        guard let deadline, deadline.rest < due.rest else { return due }
        return deadline
    }

    /// Looks, where it is time to.
    ///
    /// - Parameter extension: how much longer systemd is to wait for the process to be up; nil where it is.
    mutating func tick(_ extension: Duration?) {
        if !due.isOver { return }
        due = Deadline(in: period)
        let stuck = monitor.stuck()
        for participant in stuck where !told.contains(participant.name) {
            log.write(
                .error, "\(participant.name) hangs: it takes longer than its own limit",
                [("beyond_limit", "\(participant.overrun.seconds) s"), ("watchdog", interval == nil ? "off" : "no longer told")])
        }
        for name in told where !stuck.contains(where: { $0.name == name }) {
            log.write(.warning, "\(name) goes on: it had taken longer than its own limit")
        }
        told = Set(stuck.map(\.name))
        if !stuck.isEmpty { return }
        if let `extension` { ServiceManager.extendTimeout(by: `extension`) }
        if interval != nil { ServiceManager.alive() }
    }
}
