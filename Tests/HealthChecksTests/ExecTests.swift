import Glibc
import HealthChecks
import LBaaS
import TestSupport
import Testing

@Suite("An EXEC check", .timeLimit(.minutes(15)))
struct ExecTests {
    private func result(
        _ script: String, timeout: Duration = .seconds(10), address: IPAddress = loopback, _ path: String = "/bin/sh"
    ) async throws -> CheckResult {
        let check = check(.exec(path: path, arguments: ["-c", script]), port: 8080, address: address, timeout: timeout)
        return try await Checks.result(of: check) { $0.allowedPrograms = ["/bin/sh", "/nowhere/program"] }
    }

    @Test("passes by status 0 alone")
    func status() async throws {
        #expect(try await result("exit 0") == .passed)
        #expect(try await result("exit 3") == .failed("EXEC: status 3"))
        #expect(try await result("kill -9 $$") == .failed("EXEC: ended by signal 9"))
    }

    @Test("is told the address and the port, and nothing else")
    func environment() async throws {
        #expect(try await result("test $LBAAS_ADDRESS:$LBAAS_PORT = 127.0.0.1:8080") == .passed)
        #expect(try await result("test $LBAAS_ADDRESS:$LBAAS_PORT = ::1:8080", address: loopback6) == .passed)
        #expect(try await result("test $(env | grep -vc '^PWD=\\|^LBAAS_\\|^PATH=\\|^_=\\|^SHLVL=\\|^OLDPWD=') = 0") == .passed)
        #expect(try await result("read line; test -z \"$line\" && test $(ls /proc/self/fd | wc -l) = 4") == .passed)
    }

    @Test("does not run what is not there, or not allowed")
    func noProgram() async throws {
        let missing = "EXEC: cannot start /nowhere/program: no such file or directory"
        #expect(try await result("", "/nowhere/program") == .failed(missing))
        #expect(try await result("", "/bin/bash") == .failed("EXEC: /bin/bash is not among the programs that are allowed"))
    }

    @Test("ends its program and whatever that started, when its time is up and when it is over", arguments: ["wait", "exit 0"])
    func ending(last: String) async throws {
        let folder = "/tmp/lbaas-exec-\(UInt64.random(in: .min ... .max))"
        #expect(mkdir(folder, 0o700) == 0)
        defer { _ = try? runProgram("/bin/rm", ["-r", folder]) }
        let script = "sleep 600 & echo $! > \(folder)/$!; \(last)"
        let result = try await result(script, timeout: last == "wait" ? .seconds(8) : .seconds(10))
        #expect(result == (last == "wait" ? .failed("EXEC: timed out after 8 s") : .passed))
        let sleepers = try runProgram("/bin/ls", [folder]).split(separator: "\n").compactMap { pid_t($0) }
        #expect(!sleepers.isEmpty)
        try await eventually("the end of the sleepers") { sleepers.allSatisfy { isGone($0) } }
    }

    /// Whether a process is gone: one that nobody waited for yet counts too.
    private func isGone(_ pid: pid_t) -> Bool {
        guard kill(pid, 0) == 0 else { return true }
        return (try? runProgram("/bin/grep", ["^State:.*Z", "/proc/\(pid)/status"])) != nil
    }

    @Test("waits for its turn where many would run at a time")
    func turns() async throws {
        let folder = "/tmp/lbaas-exec-\(UInt64.random(in: .min ... .max))"
        #expect(mkdir(folder, 0o700) == 0)
        defer { _ = try? runProgram("/bin/rm", ["-r", folder]) }
        // Fails where three more run at the same time.
        let script = "touch \(folder)/$$; test $(ls \(folder) | wc -l) -le 3; status=$?; sleep 0.02; rm \(folder)/$$; exit $status"
        let checks = try Checks { configuration in
            configuration.allowedPrograms = ["/bin/sh"]
            configuration.maximumPrograms = 3
        }
        for node in 0..<12 {
            let kind = Check.Kind.exec(path: "/bin/sh", arguments: ["-c", script])
            checks.begin(check(kind, port: 1, delay: .milliseconds(100), timeout: .seconds(20)), of: "\(node)")
        }
        for node in 0..<12 { try await checks.wait(for: "\(node)", isUp: true) }
        checks.checker.stop()
        #expect(checks.reports.all.allSatisfy { $0.health.reason == nil })
    }
}
