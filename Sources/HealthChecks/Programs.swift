import CLinux
import Glibc
import HostSystem
import LBaaS

/// The programs that checks run.
final class Programs {
    private let poller: Poller
    private let allowed: Set<String>
    /// Nil where no program is allowed, or it ended.
    private var launcher: ProgramLauncher?
    /// The programs that have ended or were killed, as long as something that they started is left, by their descriptors.
    private var ending: [Int32: ProgramLauncher.Run] = [:]

    init(allowed: Set<String>, poller: Poller) throws(HealthCheckError) {
        self.allowed = allowed
        self.poller = poller
        if allowed.isEmpty { return }
        do throws(Child.StartFailure) {
            launcher = try ProgramLauncher()
        } catch {
            throw HealthCheckError(.system, "cannot start the process that starts the programs of checks", because: error.code)
        }
    }

    /// How many have ended or were killed, and have left something that is not gone.
    var endingCount: Int { ending.count }

    /// Starts a program.
    func start(_ check: Check, _ ticket: Ticket, _ program: Program) throws(HealthCheckError) -> Start {
        guard allowed.contains(program.path) else {
            return .over(.failed("EXEC: \(program.path) is not among the programs that are allowed"))
        }
        let run: ProgramLauncher.Run
        do throws(Child.StartFailure) {
            run = try launch(program, variables: ["LBAAS_ADDRESS=\(check.address)", "LBAAS_PORT=\(check.port)"])
        } catch {
            return .over(try SystemFailure("cannot start \(program.path)", error.code).result(of: "EXEC"))
        }
        let probe = ProgramProbe(run, program.path, of: self)
        do throws(SystemFailure) {
            try poller.add(run.descriptor, for: .input, as: .check(ticket))
        } catch {
            return .over(try error.result(of: "EXEC"))
        }
        return .underway(probe)
    }

    /// Has a program started, by another launcher where the last one was killed.
    private func launch(_ program: Program, variables: [String]) throws(Child.StartFailure) -> ProgramLauncher.Run {
        if let launcher {
            do throws(Child.StartFailure) {
                return try launcher.start(program, variables: variables)
            } catch {
                if error.code != EPIPE && error.code != ECONNRESET { throw error }
            }
        }
        let another = try ProgramLauncher()
        launcher = another
        return try another.start(program, variables: variables)
    }

    /// Forgets a program once whatever it started is gone.
    func collect(_ descriptor: Int32) {
        guard let run = ending[descriptor] else { return }
        while let event = run.nextEvent() {
            if event == .gone {
                ending[descriptor] = nil
                return
            }
        }
    }

    /// Waits until everything that programs started is gone, which is at once unless the kernel cannot end something.
    func collectAll(within limit: Duration) {
        let deadline = Deadline(in: limit)
        while let descriptor = ending.keys.first, !deadline.isOver {
            _ = poll([descriptor: POLLIN], until: deadline)
            collect(descriptor)
        }
        launcher = nil
    }

    /// Kills what is left of a program.
    fileprivate func end(_ run: ProgramLauncher.Run) {
        run.kill()
        ending[run.descriptor] = run
        do throws(SystemFailure) {
            try poller.change(run.descriptor, to: .input, as: .programEnding(run.descriptor))
        } catch {
            // It was never waited for, or there is no memory: it is collected with all at the end.
            collect(run.descriptor)
        }
    }
}

/// A program that runs.
private final class ProgramProbe: Probe {
    private let run: ProgramLauncher.Run
    private let path: String
    private let programs: Programs

    init(_ run: ProgramLauncher.Run, _ path: String, of programs: Programs) {
        (self.run, self.path, self.programs) = (run, path, programs)
    }

    deinit { programs.end(run) }

    func ready() throws(HealthCheckError) -> CheckResult? {
        switch run.nextEvent() {
        case nil: nil
        case .exit(0): .passed
        case .exit(let status): .failed("EXEC: status \(status)")
        case .signal(let signal): .failed("EXEC: ended by signal \(signal)")
        case .notStarted(let code): try SystemFailure("cannot start \(path)", code).result(of: "EXEC")
        case .gone: .failed("EXEC: it was ended from outside")
        }
    }

    func expired(after timeout: Duration) -> CheckResult { .failed("EXEC: timed out after \(timeout.text)") }
}
