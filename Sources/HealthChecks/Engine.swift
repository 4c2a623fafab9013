import CCurl
import Glibc
import HostSystem
import LBaaS
import Synchronization

/// Makes checks when they are due, and takes what comes of them. It lives on the one thread that makes it.
final class Engine {
    private let commands: CommandQueue
    private let progress: ProgressMonitor.Participant?
    private let log: Log
    private let wallClock: @Sendable () -> Timestamp
    private let report: @Sendable ([HealthReport]) -> Void
    private let observe: (@Sendable (Check, Bool, Duration) -> Void)?

    private let poller: Poller
    private let launcher: Launcher

    private var checks: CheckRegister<SystemRandomNumberGenerator>
    private var tries: UInt32 = 0
    private var complaint = Complaint()
    private var isStopped = false
    /// So many checks begin before what is under way is looked at again.
    private let burst = 64

    init(
        _ configuration: HealthChecker.Configuration, commands: CommandQueue, progress: ProgressMonitor.Participant?, log: Log,
        now: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable ([HealthReport]) -> Void
    ) throws(HealthCheckError) {
        observe = configuration.observe
        checks = CheckRegister(configuration, random: SystemRandomNumberGenerator())
        self.commands = commands
        self.progress = progress
        self.log = log
        self.wallClock = now
        self.report = report
        commands.begin()
        blockSignals()
        poller = try Poller()
        launcher = try Launcher(configuration, poller: poller, commands: commands, log: log)
        raisePriority()
        do throws(SystemFailure) {
            try poller.add(commands.descriptor, for: .input, as: .commands)
        } catch {
            throw HealthCheckError(.system, error.what, because: error.number)
        }
    }

    /// Makes checks until it is told to stop.
    func run() {
        defer { progress?.end() }
        while !isStopped {
            // An answer that has come in counts, even where its time is up by now.
            // Between two rounds it waits for what is due, which is no fault.
            progress?.end()
            let isAll = poller.wait(milliseconds: pause) {
                progress?.begin(within: Self.longestRound)
            } each: { source, readiness in
                handle(source, readiness)
            }
            let now = ContinuousClock.now
            launcher.transfers.proceed(now: now)
            finishTransfers()
            if isAll { proceed(now: now) }
            deliver()
        }
        for check in checks.all { rest(check) }
        launcher.programs.collectAll(within: .seconds(1))
    }

    /// How long one round may take: the most is done where ten thousand checks begin at once.
    private static let longestRound = Duration.seconds(10)

    /// How long there is nothing to do, in ms.
    private var pause: Int32 {
        if launcher.hasNext { return 0 }
        guard let next = [checks.earliest, launcher.transfers.due].compactMap({ $0 }).min() else { return -1 }
        // Rounded up: what is woken too early has nothing to do.
        return Int32(min(max((next - .now) / .milliseconds(1), 0), 60_000).rounded(.up))
    }

    private func handle(_ source: Source, _ readiness: Readiness) {
        switch source {
        case .commands:
            applyCommands()
            resumeTries()
        case .transfer(let socket): launcher.transfers.proceed(socket, readiness)
        case .check(let ticket):
            guard let check = checks[ticket], case .underway(_, let probe) = check.stage else { return }
            do throws(HealthCheckError) {
                if let result = try probe.ready() { finish(check, result) }
            } catch {
                giveUp(check, error)
            }
        case .echoes(let place):
            launcher.echoes.receive(at: place) { ticket in
                if let check = checks[ticket] { finish(check, .passed) }
            }
        case .programEnding(let descriptor): launcher.programs.collect(descriptor)
        }
    }

    private func finishTransfers() {
        while let (ticket, code) = launcher.transfers.nextFinished() {
            guard let check = checks[ticket], case .underway(_, let probe) = check.stage, let transfer = probe as? Transfer else {
                continue
            }
            do throws(HealthCheckError) {
                finish(check, try transfer.result(code))
            } catch {
                giveUp(check, error)
            }
        }
    }
}

// MARK: Commands and reports

extension Engine {
    private func applyCommands() {
        let taken = commands.take()
        isStopped = isStopped || taken.isStopped
        if isStopped { return }
        checks.apply(taken.changes, now: .now) { rest($0) }
    }

    /// Tells what was found. What was taken away meanwhile is not told.
    private func deliver() {
        if !checks.hasFindings { return }
        applyCommands()
        if isStopped { return }
        let reports = checks.takeReports()
        if !reports.isEmpty { report(reports) }
    }
}

// MARK: The life of a try

extension Engine {
    /// Ends tries whose time is up, and begins those that are due.
    private func proceed(now: ContinuousClock.Instant) {
        var left = burst
        while left > 0, let check = checks.popDue(at: now) {
            switch check.stage {
            case .idle: queue(check, now: now)
            case .waiting: break
            case .underway(_, let probe): finish(check, probe.expired(after: check.check.timeout))
            }
            left -= 1
        }
        while left > 0, let ticket = launcher.nextWaiting() {
            guard let check = checks[ticket] else { continue }
            launch(check, ticket, now: now)
            left -= 1
        }
    }

    private func queue(_ check: RepeatedCheck, now: ContinuousClock.Instant) {
        tries &+= 1
        let ticket = Ticket(slot: UInt32(check.slot), number: tries)
        if let limit = launcher.limit(of: check.check.kind), !limit.hasRoom {
            check.stage = .waiting(ticket)
            limit.wait(ticket)
            return
        }
        launch(check, ticket, now: now)
    }

    private func launch(_ check: RepeatedCheck, _ ticket: Ticket, now: ContinuousClock.Instant) {
        commands.statistics.withLock { $0.noteBegin(late: now - check.schedule.due) }
        check.began = now
        start(check, ticket, now: now) { probe in
            launcher.limit(of: check.check.kind)?.enter()
            check.stage = .underway(ticket, probe)
            checks.setDeadline(.now + max(check.check.timeout, .milliseconds(1)), of: check)
        }
    }

    /// Goes on with the tries that waited for a file of authorities.
    private func resumeTries() {
        for ticket in launcher.authorityFiles.takeReady() {
            guard let check = checks[ticket], case .underway(_, let probe) = check.stage, probe is AuthorityWait else { continue }
            start(check, ticket, now: .now) { check.stage = .underway(ticket, $0) }
        }
    }

    private func start(_ check: RepeatedCheck, _ ticket: Ticket, now: ContinuousClock.Instant, underway: (any Probe) -> Void) {
        do throws(HealthCheckError) {
            switch try launcher.start(check.check, ticket, now: now) {
            case .over(let result): finish(check, result)
            case .underway(let probe): underway(probe)
            }
        } catch {
            giveUp(check, error)
        }
    }

    /// Takes the result of a try.
    private func finish(_ check: RepeatedCheck, _ result: CheckResult) {
        rest(check)
        let now = ContinuousClock.now
        observe?(check.check, result == .passed, now - check.began)
        checks.take(result, of: check, at: wallClock(), now: now)
    }

    /// Leaves out a try that could not be made. The health of the node stays what it is.
    private func giveUp(_ check: RepeatedCheck, _ error: HealthCheckError) {
        commands.statistics.withLock { $0.unmade += 1 }
        complaint.make(now: .now) { count in
            log.write(.warning, "\(count) health checks could not be made, the last of \(check.check.endpoint): \(error.message)")
        }
        rest(check)
        checks.plan(check, now: .now)
    }

    /// Ends the try that is under way.
    private func rest(_ check: RepeatedCheck) {
        if case .underway = check.stage { launcher.limit(of: check.check.kind)?.leave() }
        check.stage = .idle
    }
}
