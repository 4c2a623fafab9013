import CLinux
import CSpawn
import Glibc

/// A process of its own that starts programs and ends whatever they started, also what left their process group and their session.
///
/// To start a program never blocks, wherever its file is. Each runs under a supervisor, to which its orphans go. The programs end with this
/// process, however it ends.
package final class ProgramLauncher {
    /// What becomes of a program.
    package enum Event: Equatable, Sendable {
        /// It was not started, for this reason of the system's.
        case notStarted(Int32)
        /// It ended by itself, with this status.
        case exit(Int32)
        /// It was ended by this signal.
        case signal(Int32)
        /// Whatever it started is gone, too.
        case gone
    }

    /// A program that was to be started.
    package final class Run {
        private let socket: Descriptor

        fileprivate init(_ socket: consuming Descriptor) { self.socket = socket }

        /// Ready to be read when there is an event.
        package var descriptor: Int32 { socket.number }

        /// The next event; nil where there is none now.
        package func nextEvent() -> Event? {
            var event = program_event()
            let count = unsafe recv(socket.number, &event, MemoryLayout<program_event>.size, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { return nil }
            switch UInt32(event.kind) {
            case PROGRAM_NOT_STARTED.rawValue where count > 0: return .notStarted(event.value)
            case PROGRAM_EXITED.rawValue where count > 0: return .exit(event.value)
            case PROGRAM_KILLED.rawValue where count > 0: return .signal(event.value)
            default: return .gone
            }
        }

        /// Kills it and whatever it started.
        package func kill() { shutdown(socket.number, Int32(SHUT_WR)) }
    }

    private let pid: pid_t
    private let control: Descriptor

    /// Starts the launcher.
    ///
    /// It is a copy of this process, which it shares no memory with: it is best made while this process has little.
    package init() throws(Child.StartFailure) {
        var socket: Int32 = -1
        pid = unsafe start_program_launcher(&socket)
        let code = errno
        control = Descriptor(owning: socket)
        if pid < 0 { throw Child.StartFailure(code: code) }
    }

    deinit {
        // It ends by that, as soon as the programs are gone.
        shutdown(control.number, Int32(SHUT_RDWR))
        let process = Descriptor(owning: pidfd_open(pid, 0))
        _ = poll([process.number: POLLIN], until: Deadline(in: .seconds(1)))
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, WNOHANG) < 0, errno == EINTR {}
    }

    /// Has a program started. It gets default signals, an empty signal mask, a process group of its own, and `/dev/null` for the first three
    /// descriptors, and no others.
    ///
    /// - Parameter variables: its environment, besides the PATH of Debian's services: each `NAME=value`.
    /// - Throws: where the launcher cannot be asked.
    package func start(_ program: Program, variables: [String]) throws(Child.StartFailure) -> Run {
        let (words, values) = ([program.path] + program.arguments, [Child.path] + variables)
        var request: [UInt8] = []
        for count in [words.count, values.count] { unsafe withUnsafeBytes(of: Int32(count)) { unsafe request.append(contentsOf: $0) } }
        for word in words + values {
            request += word.utf8
            request.append(0)
        }
        if request.count > Int(PROGRAM_REQUEST_SIZE) { throw Child.StartFailure(code: E2BIG) }
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        if unsafe socketpair(AF_UNIX, kind, 0, &ends) < 0 { throw Child.StartFailure(code: errno) }
        let own = Descriptor(owning: ends[0])
        let its = Descriptor(owning: ends[1])
        let code = unsafe send_program_request(control.number, request, request.count, its.number)
        if code != 0 { throw Child.StartFailure(code: code) }
        return Run(own)
    }
}
