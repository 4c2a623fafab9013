import CSystemd

/// systemd, where it started this process. Everywhere else nothing happens.
enum ServiceManager {
    /// Says that the program is up and takes jobs.
    static func ready() { notify("READY=1") }

    /// Says that the program is about to end.
    static func stopping() { notify("STOPPING=1") }

    /// Says what the program is doing, for `systemctl status`.
    static func status(_ text: String) {
        // A line end would begin another message.
        notify("STATUS=" + String(text.map { $0.isNewline ? " " : $0 }))
    }

    /// Says that the program is alive. To be called at least twice in each `watchdogInterval`.
    static func alive() { notify("WATCHDOG=1") }

    /// How often systemd wants to hear that the program is alive, in microseconds; nil where it does not.
    static var watchdogInterval: UInt64? {
        var interval: UInt64 = 0
        return unsafe sd_watchdog_enabled(0, &interval) > 0 ? interval : nil
    }

    private static func notify(_ message: String) { _ = unsafe sd_notify(0, message) }
}
