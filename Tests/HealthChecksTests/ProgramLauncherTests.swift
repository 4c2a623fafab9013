import Foundation
import Glibc
import HealthChecks
import HostSystem
import LBaaS
import TestSupport
import Testing

/// What programs of checks leave behind.
@Suite("What a program of a check started", .timeLimit(.minutes(15)))
struct ProgramLauncherTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A script that starts processes which leave its process group and its session, and whose parents end. Each leaves a file that is called
    /// as its pid is.
    ///
    /// - Parameter last: what the script does then.
    private func escape(_ last: String) throws -> Check.Kind {
        // setsid, then a fork by `&` in a shell that ends: the sleepers are orphans in sessions of their own.
        let script = """
            cd \(folder.path)
            for i in 1 2 3; do setsid sh -c 'setsid sh -c "echo > \\$\\$; exec sleep 600" & (setsid sleep 600 & echo > $!) & exit 0' & done
            wait
            while test $(ls | grep -c '^[0-9]*$') -lt 6; do sleep 0.01; done
            touch ready
            \(last)
            """
        return .exec(path: "/bin/sh", arguments: ["-c", script])
    }

    /// The processes that the script left.
    private func sleepers() throws -> [pid_t] {
        let pids = try FileManager.default.contentsOfDirectory(atPath: folder.path).compactMap { pid_t($0) }
        #expect(pids.count == 6)
        return pids
    }

    private func areGone(_ pids: [pid_t]) -> Bool { pids.allSatisfy { kill($0, 0) != 0 } }

    private func begin(_ kind: Check.Kind, timeout: Duration) throws -> Checks {
        let checks = try Checks { $0.allowedPrograms = ["/bin/sh"] }
        checks.begin(check(kind, port: 1, delay: .seconds(3600), timeout: timeout), isUp: true)
        return checks
    }

    @Test("ends when the program ends")
    func end() async throws {
        let checks = try begin(try escape("exit 1"), timeout: .seconds(60))
        try await checks.wait(isUp: false, reason: "EXEC: status 1")
        let sleepers = try sleepers()
        try await eventually("the end of the sleepers") { areGone(sleepers) }
    }

    @Test("ends when the time is up")
    func timeout() async throws {
        let checks = try begin(try escape("exec sleep 600"), timeout: .seconds(8))
        try await checks.wait(isUp: false, reason: "EXEC: timed out after 8 s")
        let sleepers = try sleepers()
        try await eventually("the end of the sleepers") { areGone(sleepers) }
    }

    @Test("has ended when the checks have been stopped")
    func stop() async throws {
        let checks = try begin(try escape("exec sleep 600"), timeout: .seconds(3600))
        try await eventually("the sleepers") { access(folder.path + "/ready", F_OK) == 0 }
        let sleepers = try sleepers()
        #expect(!areGone(sleepers))
        #expect(checks.checker.stop())
        #expect(areGone(sleepers))
    }

    @Test("is ended by the supervisor where the process that wanted it is killed")
    func death() async throws {
        let launcher = try ProgramLauncher()
        guard case .exec(let path, let arguments) = try escape("exec sleep 600") else { return }
        // Whoever wanted it has gone when its end of the socket is closed.
        var run: ProgramLauncher.Run? = try launcher.start(Program(path: path, arguments: arguments), variables: [])
        try await eventually("the sleepers") { access(folder.path + "/ready", F_OK) == 0 }
        let sleepers = try sleepers()
        #expect(run?.nextEvent() == nil)
        run = nil
        try await eventually("the end of the sleepers") { areGone(sleepers) }
    }

    @Test("comes to nothing where there is no program, it is none, or its words are too long")
    func nothing() async throws {
        let launcher = try ProgramLauncher()
        let fifo = folder.path + "/fifo"
        #expect(mkfifo(fifo, 0o777) == 0)
        for (path, code) in [("/nowhere", ENOENT), (fifo, EACCES), (folder.path, EACCES), ("/etc/passwd", EACCES)] {
            let run = try launcher.start(Program(path: path), variables: [])
            var events: [ProgramLauncher.Event] = []
            try await eventually("the end") {
                if let event = run.nextEvent() { events.append(event) }
                return events.last == .gone
            }
            #expect(events.first == .notStarted(code), "\(path)")
        }
        let long = Program(path: "/bin/true", arguments: [String](repeating: String(repeating: "x", count: 1000), count: 200))
        #expect(throws: Child.StartFailure.self) { try launcher.start(long, variables: []) }
        let many = Program(path: "/bin/true", arguments: [String](repeating: "x", count: 30_000))
        let run = try launcher.start(many, variables: [])
        try await eventually("the end of one with many words") { run.nextEvent() == .exit(0) }
    }
}
