import CLinux
import Glibc

/// A program to run, with its arguments.
package struct Program: Sendable {
    /// Its path; it is not looked for.
    package let path: String
    /// What it is told on its command line.
    package let arguments: [String]

    /// A program at this path.
    package init(path: String, arguments: [String] = []) {
        self.path = path
        self.arguments = arguments
    }

    /// What became of a run.
    package struct Outcome: Equatable, Sendable {
        /// How it ended.
        package enum End: Equatable, Sendable {
            /// By itself, with this status.
            case exit(Int32)
            /// By this signal.
            case signal(Int32)
            /// It took too long, and was ended.
            case late
            /// It was not started, for this reason of the system's.
            case notStarted(Int32)
        }

        /// How it ended.
        package let end: End
        /// What it wrote, the beginning of it.
        package let output: [UInt8]
    }

    /// How much of what it writes is kept, in bytes.
    package static let keptOutput = 4096

    /// Runs it to its end, and ends what it leaves behind in its process group. Blocks the thread, which must not have SIGPIPE end it.
    ///
    /// It gets what every `Child` does.
    ///
    /// - Parameters:
    ///   - input: what it can read. It need not.
    ///   - limit: how long it may take.
    package func run(input: [UInt8], within limit: Duration) -> Outcome {
        let deadline = Deadline(in: limit)
        var run = Run(input: input)
        if run.isIncomplete { return Outcome(end: .notStarted(errno), output: []) }
        do throws(Child.StartFailure) {
            let child = try Child(self, input: run.toProgram.reading.number, output: run.fromProgram.writing.number)
            let isOver = run.follow(child.process, until: deadline)
            child.kill()
            let end: Outcome.End =
                switch child.collect() {
                case .exit(let status): .exit(status)
                case .signal(let signal): .signal(signal)
                }
            return Outcome(end: isOver ? end : .late, output: run.kept)
        } catch {
            return Outcome(end: .notStarted(error.code), output: [])
        }
    }
}

/// What is between the worker and a program that runs.
private struct Run: ~Copyable {
    var toProgram = Pipe()
    let fromProgram = Pipe()
    /// What it wrote, the beginning of it.
    private(set) var kept: [UInt8] = []
    private let input: [UInt8]
    private var written = 0

    init(input: [UInt8]) {
        self.input = input
        toProgram.writing.neverBlock()
        fromProgram.reading.neverBlock()
    }

    /// True where the system had not enough pipes.
    var isIncomplete: Bool { toProgram.reading.number < 0 || fromProgram.reading.number < 0 }

    /// Writes to the program and reads from it until it ends.
    ///
    /// - Returns: false where it had not ended in time.
    mutating func follow(_ process: borrowing Descriptor, until deadline: Deadline) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let happened = poll(
                [process.number: POLLIN, fromProgram.reading.number: POLLIN, toProgram.writing.number: POLLOUT], until: deadline)
            if happened[2] != 0 { write() }
            if happened[1] != 0 || happened[0] != 0 { read(&buffer) }
            if happened[0] != 0 { return true }
            if deadline.isOver { return false }
        }
    }

    private mutating func write() {
        let count = unsafe input.withUnsafeBytes { bytes in
            unsafe Glibc.write(toProgram.writing.number, bytes.baseAddress?.advanced(by: written), bytes.count - written)
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        written += max(count, 0)
        // What it is told ends here; so it does where it cannot be told.
        if count < 0 || written == input.count { toProgram.writing = Descriptor(owning: -1) }
    }

    private mutating func read(_ buffer: inout [UInt8]) {
        guard case .bytes(let count) = fromProgram.reading.read(into: &buffer) else { return }
        kept += buffer[..<min(count, Program.keptOutput - kept.count)]
    }
}
