import ExecNotifier
import Foundation
import Glibc
import KnownNotifiers
import LBaaS
import TestSupport
import Testing

@Suite("The notifier that runs a program", .timeLimit(.minutes(15)))
struct ExecNotifierTests {
    private let wait = Duration.seconds(200)
    private let record = LogRecord()
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A notifier that has the shell run a script. A program that was just written may be held open by what another test starts, and then
    /// it cannot be run.
    private func notifier(_ script: String, arguments: String = "", timeout: String = "10") throws -> ExecNotifier {
        let section = ["program": "/bin/sh", "arguments": "\(try folder.script(script)) \(arguments)", "timeout": timeout]
        return try ExecNotifier(DriverConfiguration(section), log: record.log)
    }

    @Test("gives it each event as a JSON object, in order, one at a time")
    func inOrder() throws {
        // It fails where another one runs.
        let notifier = try notifier("mkdir \(folder.path)/lock || exit 9\ncat >> \(folder.path)/out\nrmdir \(folder.path)/lock")
        notifier.begin([.of(.up, "10.9.0.1", quorum: 2), .of(.down, nil, id: "b")])
        notifier.notify([.of(.down, "10.9.0.1", reason: "weight 0 of 2, quorum 2")])
        notifier.notify([.of(.up, "fd09::1", id: "c")])
        #expect(notifier.flush(within: wait))
        let time = "2025-11-21T00:43:48.123Z"
        #expect(
            folder.lines("out") == [
                #"{"event": "UP", "initial": true, "loadBalancer": "a", "address": "10.9.0.1", "port": 80, "transport": "tcp", "#
                    + #""weight": 2, "quorum": 2, "reason": null, "time": "\#(time)"}"#,
                #"{"event": "DOWN", "initial": true, "loadBalancer": "b", "address": null, "port": 80, "transport": "tcp", "#
                    + #""weight": 0, "quorum": null, "reason": null, "time": "\#(time)"}"#,
                #"{"event": "DOWN", "initial": false, "loadBalancer": "a", "address": "10.9.0.1", "port": 80, "transport": "tcp", "#
                    + #""weight": 0, "quorum": null, "reason": "weight 0 of 2, quorum 2", "time": "\#(time)"}"#,
                #"{"event": "UP", "initial": false, "loadBalancer": "c", "address": "fd09::1", "port": 80, "transport": "tcp", "#
                    + #""weight": 2, "quorum": null, "reason": null, "time": "\#(time)"}"#,
            ])
        #expect(notifier.stop(within: wait))
        #expect(!record.contains("failed"))
    }

    @Test("gives it JSON that is right whatever an id or a reason has in it")
    func escaped() throws {
        let notifier = try notifier("cat > \(folder.path)/out")
        let id = "a\"b\\c\n\r\t\u{1}\u{7F}é\u{2028}😀</script>"
        notifier.begin([.of(.up, "10.9.0.1", id: id, reason: id)])
        #expect(notifier.flush(within: wait))
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("out")))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect((object["loadBalancer"] as? String)?.unicodeScalars.elementsEqual(id.unicodeScalars) == true)
        #expect((object["reason"] as? String)?.unicodeScalars.elementsEqual(id.unicodeScalars) == true)
        #expect(notifier.stop(within: wait))
    }

    @Test("runs it with its arguments, and nothing of the worker's but the path of Debian's services")
    func surroundings() throws {
        let notifier = try notifier(
            "echo \"$@\" > \(folder.path)/out\nenv | grep -v '^PWD=\\|^_=\\|^SHLVL=' >> \(folder.path)/out\nls /proc/self/fd | wc -l >> \(folder.path)/out",
            arguments: "--mail, root")
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        notifier.begin([.of(.up, "10.9.0.1")])
        #expect(notifier.flush(within: wait))
        // The fourth descriptor is that of the folder that is listed.
        #expect(folder.lines("out") == ["--mail root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "4"])
        #expect(notifier.stop(within: wait))
    }

    @Test("logs what it says, and how it fails; and runs it for the next event all the same")
    func failures() throws {
        let notifier = try notifier("echo said; echo more >&2; read -r event; case $event in *one*) exit 3;; *two*) kill -9 $$;; esac")
        notifier.begin([.of(.up, "10.9.0.1", id: "one"), .of(.up, "10.9.0.2", id: "two"), .of(.up, "10.9.0.3", id: "three")])
        #expect(notifier.flush(within: wait))
        #expect(
            record.lines == [
                "warning exec notifier: the program failed program=/bin/sh event=UP load_balancer=one listener=10.9.0.1:80/tcp weight=2 "
                    + "output=said\nmore\n status=3",
                "warning exec notifier: the program was killed program=/bin/sh event=UP load_balancer=two listener=10.9.0.2:80/tcp weight=2 "
                    + "output=said\nmore\n signal=9",
                "info exec notifier: the program was run program=/bin/sh event=UP load_balancer=three listener=10.9.0.3:80/tcp weight=2 "
                    + "output=said\nmore\n",
            ])
        #expect(notifier.stop(within: wait))
    }

    @Test("kills it with all that it started when it takes too long, and nobody waits for longer than he may")
    func late() async throws {
        let notifier = try notifier(
            "sleep 600 & echo $! >> \(folder.path)/pids; echo $$ >> \(folder.path)/pids; sleep 600", timeout: "15")
        notifier.begin([.of(.up, "10.9.0.1")])
        let start = ContinuousClock.now
        #expect(!notifier.flush(within: .milliseconds(100)))
        #expect(ContinuousClock.now - start < .seconds(14))
        #expect(notifier.flush(within: wait))
        #expect(record.contains("warning exec notifier: the program took too long, and was ended"))
        let pids = folder.lines("pids").compactMap { pid_t($0) }
        #expect(pids.count == 2)
        // What it started is init's child now, which collects it when it comes to it.
        try await eventually("both are gone") { pids.allSatisfy { !Self.runs($0) } }
        #expect(notifier.stop(within: wait))
    }

    @Test("is not held up by a program that reads nothing, writes without end or closes everything")
    func odd() throws {
        for script in ["exit 0", "yes | head -c 3000000", "exec <&- >&- 2>&-; exit 0"] {
            let notifier = try notifier(script)
            let long = String(repeating: "x", count: 300_000)
            notifier.begin([.of(.up, "10.9.0.1", id: long)])
            #expect(notifier.flush(within: wait))
            #expect(notifier.stop(within: wait))
        }
        #expect(record.lines.allSatisfy { !$0.hasPrefix("warning") })
        #expect(record.lines.allSatisfy { ($0.split(separator: "output=", maxSplits: 1).dropFirst().first?.utf8.count ?? 0) <= 4096 })
    }

    @Test("tells it the last of each service where it is too slow for all")
    func overrun() throws {
        let notifier = try notifier("[ -e \(folder.path)/go ] || { touch \(folder.path)/go; sleep 1; }; cat >> \(folder.path)/out")
        notifier.begin([.of(.up, "10.9.0.1", id: "first")])
        for round in 0..<600 {
            notifier.notify([.of(round % 2 == 0 ? .up : .down, "10.9.0.2", id: "b"), .of(.down, "10.9.0.3", id: "c")])
        }
        notifier.notify([.of(.up, "10.9.0.3", id: "c")])
        #expect(notifier.stop(within: .seconds(500)))
        #expect(record.contains("the program is too slow"))
        let told = folder.lines("out")
        #expect(told.count < 600)
        #expect(told.last { $0.contains(#""loadBalancer": "b""#) }?.contains(#""event": "DOWN""#) == true)
        #expect(told.last?.contains(#""event": "UP", "initial": false, "loadBalancer": "c""#) == true)
    }

    @Test(
        "refuses a value that it does not know, and says what is right",
        arguments: [
            ([:], "program", "is needed: name the program to run by its full path"),
            (["program": "true"], "program", "'true' is not a full path: begin it with /"),
            (["program": "/nowhere/true"], "program", "'/nowhere/true' cannot be run: No such file or directory"),
            (["program": "/bin/true", "timeout": "0"], "timeout", "'0' is not a number from 1 to 3600"),
        ])
    func wrongValues(section: [String: String], key: String, message: String) {
        let failure = #expect(throws: DriverConfiguration.Failure.self) { _ = try ExecNotifier(DriverConfiguration(section), log: .silent) }
        #expect(failure?.key == key)
        #expect(failure?.message == message)
    }

    /// Whether a process runs: one that waits to be collected does not.
    private static func runs(_ pid: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !status.contains(") Z ")
    }
}
