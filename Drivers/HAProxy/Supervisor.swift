import Glibc
import HostSystem
import LBaaS
import Synchronization

/// Who starts haproxy, has it load its file, and ends it.
protocol Supervisor: Sendable {
    /// Whether the worker itself may end a haproxy that is lost.
    var endsLost: Bool { get }
    /// Whether a haproxy is there that was started and not ended, though it may not serve yet.
    var isThere: Bool { get }
    /// Starts haproxy, without waiting until it serves.
    func start() throws(ApplianceError) -> Start
    /// Tells haproxy to load its file, without waiting until it did.
    func reload() throws(ApplianceError)
    /// Ends haproxy, whose master is the process given; what it has in hand it may finish.
    func stop(master: Int32) throws(ApplianceError)
    /// How the haproxy that was started last ended, such as `signal 9`; nil where that is not known.
    var ending: String? { get }
    /// Where the next message of haproxy's begins.
    var endOfMessages: Int { get }
    /// What haproxy said since then that matters.
    func messages(since start: Int) -> String
}

/// A haproxy that was started, and does not serve yet.
struct Start: Sendable {
    /// Whether it has ended already.
    var hasEnded: @Sendable () -> Bool = { false }
    /// Ends it at once, for it took too long.
    var giveUp: @Sendable () -> Void = {}
}

extension String {
    /// The lines of haproxy's messages that say why something failed, without what stands before each; all of them where none does.
    var reasons: String {
        let lines = split(separator: "\n")
        let alerts = lines.filter { $0.hasPrefix("[ALERT]") }.map { line in
            line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }
        }
        return (alerts.isEmpty ? lines : alerts).joined(separator: "; ")
    }
}

/// haproxy as a process that the worker starts and that outlives it.
final class OwnProcess: Supervisor {
    private let settings: Settings
    private let logs: Logs
    /// The master, where this worker started it.
    private let child = Mutex<DetachedProcess?>(nil)
    /// How much of haproxy's messages is kept.
    private static let mostMessages = 1 << 20

    init(_ settings: Settings, logs: Logs) {
        self.settings = settings
        self.logs = logs
    }

    let endsLost = true

    func start() throws(ApplianceError) -> Start {
        let site = settings.site
        // One that did not end as it should keeps its own.
        if isThere { unsafe unlink(site.messagesFile) }
        let output = unsafe open(site.messagesFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if output < 0 { throw .system("cannot write \(site.messagesFile)") }
        defer { close(output) }
        // haproxy's processes inherit the lock with the file, and hold it until the last of them ends.
        if flock(output, LOCK_EX | LOCK_NB) != 0 { throw .system("cannot lock \(site.messagesFile)") }
        let child = try DetachedProcess(
            settings.program, ["-W", "-S", "\(site.masterSocket),mode,600", "-f", site.configurationFile, "-p", site.pidFile],
            input: logs.input, output: output)
        self.child.withLock { $0 = child }
        return Start(hasEnded: { child.end != nil }, giveUp: { child.kill() })
    }

    func reload() throws(ApplianceError) {
        if endOfMessages > Self.mostMessages { unsafe truncate(settings.site.messagesFile, 0) }
        _ = try CommandSocket.ask("reload", at: settings.site.masterSocket)
    }

    func stop(master: Int32) throws(ApplianceError) {
        if kill(master, SIGUSR1) != 0, errno != ESRCH { throw .system("cannot end haproxy, which is process \(master)") }
        unsafe unlink(settings.site.messagesFile)
    }

    var isThere: Bool {
        let file = unsafe open(settings.site.messagesFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if file < 0 { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }

    var ending: String? {
        if let child = child.withLock({ $0 }) {
            // It has ended; its status is about to be collected.
            return Deadline(in: .seconds(1)).wait { child.end }.map { $0 & 0x7F != 0 ? "signal \($0 & 0x7F)" : Self.ending($0 >> 8 & 0xFF) }
        }
        let words = messages(since: 0)
        guard let start = words.ranges(of: "exited with code ").last?.upperBound else { return nil }
        return Int32(words[start...].prefix { $0.isNumber }).map(Self.ending)
    }

    /// The master ends with the status that a shell would give its worker: 128 more than the signal.
    private static func ending(_ status: Int32) -> String { status > 128 ? "signal \(status - 128)" : "status \(status)" }

    var endOfMessages: Int {
        var status = stat()
        return unsafe stat(settings.site.messagesFile, &status) == 0 ? Int(status.st_size) : 0
    }

    func messages(since start: Int) -> String {
        let bytes = (try? WholeFile(path: settings.site.messagesFile).read()) ?? []
        return String(decoding: bytes.dropFirst(start <= bytes.count ? start : 0), as: UTF8.self).reasons
    }
}

/// haproxy as a unit of systemd's.
final class SystemdUnit: Supervisor {
    private let unit: String
    private let systemctl: String
    private let patience: Duration

    init(unit: String, systemctl: String, patience: Duration) {
        self.unit = unit
        self.systemctl = systemctl
        self.patience = patience
    }

    let endsLost = false
    let isThere = false
    let ending: String? = nil

    func start() throws(ApplianceError) -> Start {
        try run("reload-or-restart")
        return Start()
    }

    func reload() throws(ApplianceError) { try run("reload") }

    /// systemd would start a haproxy again that ends on its own, so it is systemd who ends it, and what is in hand ends with it.
    func stop(master: Int32) throws(ApplianceError) { try run("stop") }

    var endOfMessages: Int { 0 }

    func messages(since start: Int) -> String { "look at 'journalctl -u \(unit)'" }

    private func run(_ verb: String) throws(ApplianceError) {
        let (ok, output) = try DetachedProcess.run(systemctl, [verb, unit], within: patience)
        if ok { return }
        throw ApplianceError(
            .refused, "systemctl \(verb) \(unit) failed: \(output.reasons); what haproxy said is in 'journalctl -u \(unit)'")
    }
}
