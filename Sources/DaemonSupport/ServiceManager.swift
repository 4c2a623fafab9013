import CSystemd

/// systemd, where it started this process. Everywhere else nothing happens.
package enum ServiceManager {
    /// Says that the program is up and takes jobs.
    package static func ready() { notify("READY=1") }

    /// Says that the program is about to end.
    package static func stopping() { notify("STOPPING=1") }

    /// Says what the program is doing, for `systemctl status`.
    package static func status(_ text: String) {
        // A line end would begin another message.
        notify("STATUS=" + String(text.map { $0.isNewline ? " " : $0 }))
    }

    /// Says that the program is alive. To be called at least twice in each `watchdogInterval`.
    package static func alive() { notify("WATCHDOG=1") }

    /// Asks for more time to start or to stop, from now on.
    package static func extendTimeout(by time: Duration) {
        notify("EXTEND_TIMEOUT_USEC=\(max(1, time.components.seconds) * 1_000_000)")
    }

    /// How often systemd wants to hear that the program is alive; nil where it does not.
    package static var watchdogInterval: Duration? {
        let interval = systemd_watchdog_interval()
        return interval > 0 ? .microseconds(interval) : nil
    }

    private static func notify(_ message: String) { unsafe systemd_notify(message) }
}
