import Dispatch
import Glibc
import HostSystem
import LBaaS
import Synchronization

/// What is known of a haproxy that ended though nobody told it to.
struct Restarts: Sendable {
    /// Tells when the master ends.
    var watch: ProcessWatch?
    /// What ran when haproxy ended; nil where it runs, or nothing is to run.
    var ended: Running?
    /// How often in a row it could not be started, or ended within `longestFailure`.
    var failures = 0
    /// When it was started again last.
    var startedAt: ContinuousClock.Instant?
    /// Whether haproxy is left as it is from now on.
    var isOff = false

    /// A haproxy that ends so soon after it was started again counts as one that could not be started.
    static let longestFailure: Duration = .seconds(10)

    /// How long to wait before the next start: 0.5 s, 1 s, 2 s, and so on to 30 s.
    var delay: Duration { min(.seconds(30), .milliseconds(250 << min(failures, 8))) }

    /// Notes that haproxy ended, which ran so.
    mutating func noteEnd(of running: Running) {
        ended = running
        if let startedAt, .now - startedAt < Self.longestFailure { failures += 1 } else { failures = 0 }
    }
}

extension HAProxyDriver {
    /// How long systemd may take to start its unit again by itself.
    private static let patienceWithSystemd: Duration = .seconds(3)

    /// How long a process may live on whose master has ended.
    private static let longestEnd: Duration = .seconds(5)

    /// Has it noticed from now on when haproxy ends.
    func watchMaster() { restartQueue.async { [weak self] in self?.findMaster() } }

    /// Leaves haproxy as it is from now on, also where it ends.
    package func stopRestarting() {
        restarts.withLock { restarts in
            (restarts.isOff, restarts.ended, restarts.watch) = (true, nil, nil)
        }
    }

    private func findMaster() {
        if running.withLock({ $0 }) == nil { return }
        guard let table = try? loader.processTable() else { return takeTurn { $0.noticeEnd() } }
        let isGone = restarts.withLock { restarts in
            if restarts.isOff || restarts.watch?.pid == table.master { return false }
            restarts.watch = ProcessWatch(table.master, queue: restartQueue) { [weak self] in self?.takeTurn { $0.noticeEnd() } }
            return restarts.watch == nil && errno == ESRCH
        }
        if isGone { takeTurn { $0.noticeEnd() } }
    }

    /// Does something when nobody changes haproxy, where haproxy has ended.
    private func takeTurn(_ body: (HAProxyDriver) -> Void) {
        turn.withLock { _ in
            do throws(ApplianceError) {
                // A process without a master ends at once, and one with a master was started before the turn came.
                let hasEnded = try Deadline(in: Self.longestEnd).wait { () throws(ApplianceError) -> Bool? in
                    if try loader.process() == nil { return true }
                    return (try? CommandSocket.ask("show proc", at: base.masterSocket)).flatMap { $0.isEmpty ? nil : false }
                }
                if hasEnded != true { return }
            } catch {
                return
            }
            body(self)
        }
    }

    /// Starts haproxy again where nobody answers any more. The caller has the turn.
    func noticeEndWhereEnded() {
        do throws(ApplianceError) {
            if try loader.process() == nil { noticeEnd() }
        } catch {
            // It is there, or the next look finds out.
        }
    }

    /// Starts haproxy again, at once or a little later, where it has ended though it should run. The caller has the turn.
    func noticeEnd() {
        guard let last = running.withLock({ $0 }) else { return }
        let isAtOnce = restarts.withLock { restarts -> Bool? in
            if restarts.isOff || restarts.ended != nil { return nil }
            restarts.noteEnd(of: last)
            return restarts.failures == 0
        }
        guard let isAtOnce else { return }
        log.write(.warning, "haproxy ended\(supervisor.ending.map { " (\($0))" } ?? ""); it is started again")
        if isAtOnce { startAgain() } else { startLater() }
    }

    /// Starts haproxy again from the last good file; where that fails, it is tried again later. The caller has the turn.
    private func startAgain() {
        guard let last = restarts.withLock({ $0.ended }) else { return }
        do throws(ApplianceError) {
            var now = last
            now.pid = try start(last).pid
            running.withLock { [now] in $0 = now }
            restarts.withLock { ($0.ended, $0.startedAt) = (nil, .now) }
            log.write(.info, "haproxy was started again", [("process", String(now.pid))])
            lingering.watch()
            watchMaster()
        } catch {
            let delay = restarts.withLock { restarts in
                restarts.failures += 1
                return restarts.delay
            }
            log.write(.error, "haproxy cannot be started again; this is tried again", [("after", "\(delay)"), ("error", error.message)])
            startLater()
        }
    }

    private func startLater() {
        let delay = restarts.withLock { $0.delay }
        restartQueue.asyncAfter(deadline: .now() + delay.dispatchInterval) { [weak self] in self?.takeTurn { $0.startAgain() } }
    }

    /// Takes it that haproxy runs, or is to run no more.
    func forgetEnd() { restarts.withLock { $0.ended = nil } }

    private func start(_ last: Running) throws(ApplianceError) -> ProcessInformation {
        if !supervisor.endsLost {
            // systemd starts a unit again by itself.
            let found = try Deadline(in: Self.patienceWithSystemd).wait { () throws(ApplianceError) in try loader.process() }
            if let found, found.fingerprint == last.fingerprint { return found }
        }
        let proxies = Array(last.proxies.values)
        _ = try authorities.refresh(for: proxies.map(\.loadBalancer))
        let content = text.text(of: proxies, fingerprint: last.fingerprint)
        if !keeper.isBehind, try keeper.isIntact(expecting: content) { return try loader.start(last.fingerprint) }
        try keeper.makeFolders()
        return try keeper.change(to: content, states: states(of: proxies)) { () throws(ApplianceError) in try loader.start(last.fingerprint)
        }
    }
}

extension Duration {
    fileprivate var dispatchInterval: DispatchTimeInterval {
        .milliseconds(Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000))
    }
}
