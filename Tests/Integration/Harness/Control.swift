import Glibc
import TestSupport
import Testing
import WorkerHarness

/// `lbaasctl` as a person or a script calls it.
struct Control: Sendable {
    /// What a run ends with.
    struct Run: Sendable {
        let status: Int32
        let output: String
        let errors: String

        /// The lines of its output.
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    private let rig: Rig
    /// The variables of its environment, beside the path.
    var environment: [String: String]
    /// The options before each command.
    var options: [String]

    /// Over the socket of a worker.
    init(_ rig: Rig, _ api: APIClient) { self.init(rig, socket: api.socket) }

    init(_ rig: Rig, socket: String) {
        self.rig = rig
        environment = ["HOME": rig.folder, "LANG": "C.UTF-8", "TERM": "xterm"]
        options = ["--socket", socket]
    }

    /// The words of a command.
    func words(_ words: [String]) throws -> [String] {
        ["-i", "PATH=/usr/bin:/bin"] + environment.map { "\($0.key)=\($0.value)" } + [try builtProgram("lbaasctl")] + options + words
    }

    /// Starts a command with its output in files.
    func start(_ words: String...) throws -> (process: ChildProcess, name: String) {
        let name = "control-\(UInt64.random(in: 0 ... .max))"
        return (try rig.run("/usr/bin/env", try self.words(words), name: name), name)
    }

    /// What a command has written so far.
    func text(_ name: String, _ kind: String = "out") -> String {
        (try? String(contentsOfFile: rig.path("\(name).\(kind)"), encoding: .utf8)) ?? ""
    }

    /// Runs a command to its end.
    func run(_ words: String..., input: String = "/dev/null") async throws -> Run {
        let name = "control-\(UInt64.random(in: 0 ... .max))"
        let process = try ChildProcess(
            "/usr/bin/env", try self.words(words), folder: rig.folder, input: input, output: rig.path("\(name).out"),
            errors: rig.path("\(name).err"))
        rig.keep(process)
        guard case .exit(let status) = try await process.end() else { throw Failure("\(words) was ended by a signal") }
        return Run(status: status, output: text(name), errors: text(name, "err"))
    }

    /// Runs a command on a terminal, which `body` uses.
    func onTerminal(
        columns: UInt16 = 80, _ words: String..., body: @escaping @Sendable (PseudoTerminal) throws -> Void
    ) async throws -> ChildProcess.End {
        let words = try self.words(words)
        return try await rig.onTerminal(columns: columns, "/usr/bin/setsid", ["--ctty", "--wait", "/usr/bin/env"] + words, body)
    }
}

extension Rig {
    /// Runs a program on a terminal of its own, which `body` uses, to its end.
    func onTerminal(
        columns: UInt16 = 80, _ program: String, _ words: [String], _ body: @escaping @Sendable (PseudoTerminal) throws -> Void
    ) async throws -> ChildProcess.End {
        try await onThread { [folder] in
            let terminal = try PseudoTerminal(columns: columns)
            let process = try ChildProcess(
                program, words, folder: folder, input: terminal.path, output: terminal.path, errors: terminal.path)
            self.keep(process)
            try body(terminal)
            // What is not read is waited for by whoever writes it.
            try waitUntil("the end of \(program)") {
                terminal.clear()
                return process.ended != nil
            }
            return try #require(process.ended)
        }
    }
}
