import Glibc
import HostSystem
import Testing

@Suite("A program that is run", .timeLimit(.minutes(15)))
struct ProgramTests {
    private func run(_ script: String, input: String = "") -> Program.Outcome {
        // As the worker does; the program is not to take it over.
        signal(SIGPIPE, SIG_IGN)
        return Program(path: "/bin/sh", arguments: ["-c", script]).run(input: Array(input.utf8), within: .seconds(300))
    }

    @Test("reads its input to the end, and its output is kept")
    func input() {
        let outcome = run("wc -c; echo error >&2", input: String(repeating: "x", count: 1_000_000))
        #expect(outcome.end == .exit(0))
        #expect(String(decoding: outcome.output, as: UTF8.self) == "1000000\nerror\n")
    }

    @Test("has no signals blocked or ignored")
    func signals() {
        let outcome = run("grep '^SigBlk\\|^SigIgn' /proc/self/status | cut -f 2")
        let masks = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").compactMap { UInt64($0, radix: 16) }
        // The C library keeps the first two real-time signals for itself, and has them ignored until it needs them.
        #expect(masks.map { $0 & ~(0b11 << 31) } == [0, 0])
    }

    @Test("is told apart from one that cannot be started")
    func notStarted() {
        #expect(Program(path: "/nowhere/program").run(input: [], within: .seconds(20)).end == .notStarted(ENOENT))
    }

    @Test("is not waited for by those that it leaves behind")
    func leftBehind() {
        let start = ContinuousClock.now
        let outcome = run("sleep 600 & echo $!")
        #expect(outcome.end == .exit(0))
        #expect(ContinuousClock.now - start < .seconds(300))
    }
}
