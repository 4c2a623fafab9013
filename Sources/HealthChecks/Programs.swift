import CLinux
import Glibc
import HostSystem
import LBaaS

/// The programs that checks run.
final class Programs {
    private let poller: Poller
    private let allowed: Set<String>
    /// What programs read, and where they write.
    private let nothing = Descriptor(owning: unsafe open("/dev/null", O_RDWR | O_CLOEXEC))
    /// Those that were killed and have not ended yet.
    private var killed: [pid_t: Child] = [:]

    init(allowed: Set<String>, poller: Poller) {
        self.allowed = allowed
        self.poller = poller
    }

    /// How many were killed and have not ended yet.
    var killedCount: Int { killed.count }

    /// Starts a program.
    func start(_ check: Check, _ ticket: Ticket, _ program: Program) throws(HealthCheckError) -> Start {
        guard allowed.contains(program.path) else {
            return .over(.failed("EXEC: \(program.path) is not among the programs that are allowed"))
        }
        let variables = ["LBAAS_ADDRESS=\(check.address)", "LBAAS_PORT=\(check.port)"]
        let child: Child
        do throws(Child.StartFailure) {
            child = try Child(program, variables: variables, input: nothing.number, output: nothing.number)
        } catch {
            return .over(try SystemFailure("cannot start \(program.path)", error.code).result(of: "EXEC"))
        }
        let probe = ProgramProbe(child, of: self)
        do throws(SystemFailure) {
            try poller.add(child.process.number, for: .input, as: .check(ticket))
        } catch {
            return .over(try error.result(of: "EXEC"))
        }
        return .underway(probe)
    }

    /// Lets a program go that was killed and has ended.
    func collect(_ pid: pid_t) {
        if killed[pid]?.collectIfEnded() != nil { killed[pid] = nil }
    }

    /// Waits until those that were killed have ended, which is at once unless the kernel cannot let go of one.
    func collectAll(within limit: Duration) {
        let deadline = Deadline(in: limit)
        for child in killed.values {
            _ = poll([child.process.number: POLLIN], until: deadline)
            _ = child.collectIfEnded()
        }
    }

    /// Kills a program.
    fileprivate func kill(_ child: Child) {
        child.kill()
        if child.collectIfEnded() != nil { return }
        killed[child.pid] = child
        do throws(SystemFailure) {
            try poller.change(child.process.number, to: .input, as: .killed(child.pid))
        } catch {
            // It is not waited for then, until all are.
        }
    }
}

/// A program that runs.
private final class ProgramProbe: Probe {
    private let child: Child
    private let programs: Programs

    init(_ child: Child, of programs: Programs) {
        self.child = child
        self.programs = programs
    }

    deinit { if child.collectIfEnded() == nil { programs.kill(child) } }

    func ready() -> CheckResult? {
        // While it was not collected its group is nobody else's.
        child.kill()
        switch child.collectIfEnded() {
        case nil: return nil
        case .exit(0): return .passed
        case .exit(let status): return .failed("EXEC: status \(status)")
        case .signal(let signal): return .failed("EXEC: ended by signal \(signal)")
        }
    }

    func expired(after timeout: Duration) -> CheckResult { .failed("EXEC: timed out after \(timeout.words)") }
}
