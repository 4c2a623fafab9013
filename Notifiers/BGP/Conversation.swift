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

    /// What ExaBGP's answers may take.
    struct Limits: Equatable, Sendable {
        /// The longest silence.
        var silence: Duration
        /// The longest time for one answer, whatever is received meanwhile.
        var answer: Duration
        /// The most bytes of a line. ExaBGP's longest have some hundred, and those of routes with many communities some thousand.
        var line = 1 << 16
        /// The most bytes of one answer in memory: enough for some 400,000 routes.
        var bytes = 64 << 20

        /// The limits where ExaBGP may be silent for so long.
        init(silence: Duration) {
            self.silence = silence
            answer = silence * 6
        }
    }

    /// What a line of ExaBGP means for what was asked.
    private enum Progress {
        /// More lines follow.
        case more
        /// An answer is complete, and others follow.
        case answered
        /// All answers are complete.
        case complete
    }

    /// What a line takes in memory beside its bytes.
    private static let lineOverhead = 64

    private let commands: Int32
    private let answers: Descriptor
    private let limits: Limits
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    /// What was read and not taken yet begins at `start`. There is no line end before `scanned`.
    private var input: [UInt8] = []
    private var start = 0
    private var scanned = 0

    /// Begins a conversation.
    ///
    /// - Parameters:
    ///   - isFirst: whether what others asked for, such as a worker before this one, is to be let go.
    ///   - limits: what the answers may take.
    /// - Throws: where the pipe of the answers cannot be opened, ExaBGP goes away, or its answers exceed a limit.
    static func begin(
        with exabgp: borrowing ExaBGP, answers path: String, isFirst: Bool, limits: Limits
    ) throws(ExaBGPError) -> Conversation {
        // For writing too: else the pipe ends each time ExaBGP closes it, which is after every line.
        let answers = try ExaBGP.openPipe(path, O_RDWR)
        var conversation = Conversation(commands: exabgp.commands.number, answers: answers, limits: limits)
        try conversation.greet(isFirst: isFirst)
        return conversation
    }

    private init(commands: Int32, answers: consuming Descriptor, limits: Limits) {
        self.commands = commands
        self.answers = answers
        self.limits = limits
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
                return .more
            }
            last = last.suffix(row.count - 1) + [verdict]
            // The answers to others do not give more time.
            return last == row ? .complete : .more
        }
    }

    /// Gives commands, and takes their answers.
    ///
    /// - Throws: where ExaBGP goes away, is silent for too long, or an answer exceeds a limit.
    mutating func ask(_ lines: [String]) throws(ExaBGPError) -> [Answer] {
        if lines.isEmpty { return [] }
        var given: [Answer] = []
        var current = Answer()
        try exchange(lines) { line in
            guard let verdict = line.verdict else {
                current.lines.append(line)
                return .more
            }
            current.isDone = verdict
            given.append(current)
            current = Answer()
            return given.count == lines.count ? .complete : .answered
        }
        return given
    }

    /// Writes lines, and reads others until all answers are complete.
    private mutating func exchange(_ lines: [String], take: (String) -> Progress) throws(ExaBGPError) {
        var output: [UInt8] = []
        var next = 0
        var waiting = 0
        var size = 0
        var silence = Deadline(in: limits.silence)
        var deadline = Deadline(in: limits.answer)
        while true {
            while next < lines.count, waiting < Self.window, output.count + lines[next].utf8.count < Self.chunk {
                output += Array((lines[next] + "\n").utf8)
                next += 1
                waiting += 1
            }
            let isBlocked = try !write(&output)
            let earliest = silence.rest < deadline.rest ? silence : deadline
            let happened = poll([answers.number: POLLIN, commands: isBlocked ? POLLOUT : 0], until: earliest)
            if happened[1] & POLLERR != 0 { throw ExaBGPError("ExaBGP is gone") }
            if happened[0] & POLLIN != 0, read() { silence = Deadline(in: limits.silence) }
            while let line = try nextLine() {
                if line.verdict != nil { waiting -= 1 }
                size += line.utf8.count + Self.lineOverhead
                if size > limits.bytes { throw ExaBGPError("ExaBGP's answer has more than \(limits.bytes) bytes: \(Self.stranger)") }
                switch take(line) {
                case .more: break
                case .answered:
                    size = 0
                    deadline = Deadline(in: limits.answer)
                case .complete: return
                }
            }
            if silence.isOver { throw ExaBGPError(silent) }
            if deadline.isOver { throw ExaBGPError("ExaBGP's answer did not end within \(limits.answer.seconds) s: \(Self.stranger)") }
        }
    }

    private static let stranger = "it is stuck, or something else than ExaBGP writes to the pipe of its answers"

    private var silent: String {
        "ExaBGP did not answer for \(limits.silence.seconds) s: it is stuck, somebody else reads its answers, or exabgp.api.ack is not true"
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
        guard case .bytes(let count) = answers.read(into: &buffer) else { return false }
        input += buffer[..<count]
        return true
    }

    /// Takes a whole line out of what was read; nil where there is none.
    private mutating func nextLine() throws(ExaBGPError) -> String? {
        guard let end = input[scanned...].firstIndex(of: UInt8(ascii: "\n")) else {
            input.removeFirst(start)
            start = 0
            scanned = input.count
            if scanned > limits.line { throw longLine }
            return nil
        }
        if end - start > limits.line { throw longLine }
        defer { (start, scanned) = (end + 1, end + 1) }
        return String(decoding: input[start..<end], as: UTF8.self)
    }

    private var longLine: ExaBGPError { ExaBGPError("ExaBGP writes a line of more than \(limits.line) bytes: \(Self.stranger)") }
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
