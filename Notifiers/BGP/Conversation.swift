import Glibc
import HostSystem
import LBaaS

/// Commands to ExaBGP and its answers, as exabgp 4.2 has them with `exabgp.api.ack`: a command is a line, and its answer is any number of lines
/// and then `done` or `error`. Routes are changed and listed in the order of the commands.
///
/// Nothing tells which command an answer is for, and answers that nobody read are kept for whoever reads next. So a conversation begins with
/// a random row of commands that are answered `done` and `error`, and what comes before these answers is somebody else's.
struct Conversation: ~Copyable {
    /// What a command was answered.
    struct Answer: Equatable, Sendable {
        /// The lines before the last one.
        var lines: [String] = []
        /// Whether the last one was `done`.
        var isDone = false
    }

    /// How many commands wait for their answers at most. ExaBGP's two processes write to each other without looking whether the other one
    /// writes too; with few enough on the way neither has to wait.
    private static let window = 64
    /// What a pipe takes whole or not at all, as pipe(7) says: a command is never cut in two, even where this worker ends.
    private static let chunk = 4096

    /// A command that is answered `done` and does nothing.
    private static let silentCommand = "#"
    /// One that is answered `error`, does nothing and is not logged by ExaBGP, which other unknown ones are.
    private static let wrongCommand = "lbaas show adj-rib out"

    private let commands: Int32
    private let answers: Descriptor
    private let patience: Duration
    /// What was read and not taken yet begins at `start`.
    private var input: [UInt8] = []
    private var start = 0

    /// Begins a conversation.
    ///
    /// - Parameters:
    ///   - isFirst: whether what others asked for, such as a worker before this one, is to be let go.
    ///   - patience: how long ExaBGP may be silent.
    static func begin(
        with exabgp: borrowing ExaBGP, answers path: String, isFirst: Bool, patience: Duration
    ) throws(ExaBGPError) -> Conversation {
        // For writing too: else the pipe ends each time ExaBGP closes it, which is after every line.
        let answers = try ExaBGP.openPipe(path, O_RDWR)
        var conversation = Conversation(commands: exabgp.commands.number, answers: answers, patience: patience)
        try conversation.greet(isFirst: isFirst)
        return conversation
    }

    private init(commands: Int32, answers: consuming Descriptor, patience: Duration) {
        self.commands = commands
        self.answers = answers
        self.patience = patience
    }

    private mutating func greet(isFirst: Bool) throws(ExaBGPError) {
        // The first one is an error, so that any number of others' `done` before it is not taken for the beginning.
        let row = [false] + (1..<16).map { _ in Bool.random() }
        // `reset` ends what is being listed or done; it has no answer.
        let opening = (isFirst ? ["reset"] : []) + row.map { $0 ? Self.silentCommand : Self.wrongCommand }
        var last: [Bool] = []
        try exchange(opening) { line in
            guard let verdict = line.verdict else {
                last = []
                return false
            }
            last = last.suffix(row.count - 1) + [verdict]
            return last == row
        }
    }

    /// Gives commands, and takes their answers.
    ///
    /// - Throws: where ExaBGP goes away, or is silent for too long.
    mutating func ask(_ lines: [String]) throws(ExaBGPError) -> [Answer] {
        if lines.isEmpty { return [] }
        var given: [Answer] = []
        var current = Answer()
        try exchange(lines) { line in
            if let verdict = line.verdict {
                current.isDone = verdict
                given.append(current)
                current = Answer()
            } else {
                current.lines.append(line)
            }
            return given.count == lines.count
        }
        return given
    }

    /// Writes lines and reads others until one is the last.
    private mutating func exchange(_ lines: [String], until isLast: (String) -> Bool) throws(ExaBGPError) {
        var output: [UInt8] = []
        var next = 0
        var waiting = 0
        var deadline = Deadline(in: patience)
        while true {
            while next < lines.count, waiting < Self.window, output.count + lines[next].utf8.count < Self.chunk {
                output += Array((lines[next] + "\n").utf8)
                next += 1
                waiting += 1
            }
            let isBlocked = try !write(&output)
            let happened = poll([answers.number: POLLIN, commands: isBlocked ? POLLOUT : 0], until: deadline)
            if happened[1] & POLLERR != 0 { throw ExaBGPError("ExaBGP is gone") }
            if happened[0] & POLLIN != 0, read() { deadline = Deadline(in: patience) }
            while let line = nextLine() {
                if line.verdict != nil { waiting -= 1 }
                if isLast(line) { return }
            }
            if deadline.isOver { throw ExaBGPError(silence) }
        }
    }

    private var silence: String {
        "ExaBGP did not answer for \(patience.seconds) s: it is stuck, somebody else reads its answers, or exabgp.api.ack is not true"
    }

    /// Writes everything or nothing.
    ///
    /// - Returns: whether nothing is left.
    private func write(_ output: inout [UInt8]) throws(ExaBGPError) -> Bool {
        if output.isEmpty { return true }
        let count = unsafe Glibc.write(commands, output, output.count)
        if count == output.count {
            output.removeAll(keepingCapacity: true)
        } else if count >= 0 || (errno != EAGAIN && errno != EINTR) {
            throw ExaBGPError("ExaBGP is gone: \(errorText(errno))")
        }
        return output.isEmpty
    }

    private mutating func read() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        guard case .bytes(let count) = answers.read(into: &buffer) else { return false }
        input += buffer[..<count]
        return true
    }

    private mutating func nextLine() -> String? {
        guard let end = input[start...].firstIndex(of: UInt8(ascii: "\n")) else {
            input.removeFirst(start)
            start = 0
            return nil
        }
        defer { start = end + 1 }
        return String(decoding: input[start..<end], as: UTF8.self)
    }
}

extension String {
    /// Whether a line is the end of an answer, and which; nil where it is none.
    fileprivate var verdict: Bool? {
        switch self {
        case "done": true
        case "error": false
        default: nil
        }
    }
}
