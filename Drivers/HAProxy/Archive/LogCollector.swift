import Glibc
import HostSystem
import LBaaS
import Synchronization

/// Takes haproxy's log lines and keeps them on the disk, by load balancer, until they are archived.
///
/// haproxy 2.6 can send its lines in these ways, of which two are used:
/// - To a descriptor that it inherited. A haproxy that the worker starts gets a pipe as its standard input and writes there, with
///   `log fd@0 len 4096 format rfc5424 local0`. Lines wait in the pipe while the worker is not there (1 MiB of them; 16 MiB where the
///   worker is root), processes that finish old connections after a reload still write there, and neither `chroot` nor `user` gets in the way.
/// - To a datagram socket, with `log PATH len 4096 format rfc5424 local0`: for a haproxy that systemd starts. Lines are lost while the
///   worker is not there. The socket must be within reach of haproxy's user and `chroot`.
/// - To a ring that it sends on over a stream socket. Not used: the connection ends with a reload, so what old processes log afterwards
///   is lost, and while nobody listens haproxy connects again and again, which takes a whole processor.
///
/// In both ways haproxy never waits: it drops what finds no room, and, with a descriptor, what one thread has to write while another
/// that does has lost its processor. It counts both (`DroppedLogs` in `show info`).
///
/// Every frontend and backend of the configuration must say `log-tag NAME`: a line goes to the log of the load balancer that it names.
final class LogCollector: Sendable {
    /// How many bytes a load balancer's log can be allowed.
    static let limits: ClosedRange<UInt64> = 1 << 20...1 << 40
    /// How many bytes a load balancer's log may have, if nothing else is said.
    static let defaultLimit: UInt64 = 64 << 20

    private struct Intake {
        var lines: LogLines
        var store: LogStore
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var isStopped = false
        var isUnreadableTold = false
    }

    private let pipe: LogPipe
    private let socket: LogSocket?
    /// A socket of nobody, which can be read once it is shut down: that wakes the threads for their end.
    private let end: Descriptor
    private let log: Log
    private let now: @Sendable () -> Timestamp
    private let intake: Mutex<Intake>

    /// A collector that does nothing yet but to hold pipe and socket open, where lines already wait.
    ///
    /// - Parameters:
    ///   - folder: where logs are kept; made, for this user alone, where it is missing, with those above it.
    ///   - pipePath: where the pipe is, or is made.
    ///   - socketPath: where the datagram socket is made; nil for none.
    ///   - limit: how many bytes of log a load balancer may have, within `limits`. The oldest go where it has more.
    ///   - log: where it is told that lines are lost.
    /// - Throws: where folder, pipe or socket cannot be made.
    init(
        folder: String, pipePath: String, socketPath: String?, limit: UInt64 = defaultLimit, log: Log,
        now: @escaping @Sendable () -> Timestamp = Clock.now
    ) throws(DriverError) {
        do throws(ApplianceError) {
            try makeFolder(folder)
            // One that cannot be used is found out now, and not when the first line comes.
            _ = try Descriptor(unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "cannot use the folder \(folder)")
            pipe = try LogPipe(path: pipePath)
            if let socketPath { socket = try LogSocket(path: socketPath) } else { socket = nil }
            end = try Descriptor(Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0), "cannot make a socket")
        } catch {
            throw DriverError("haproxy's log lines cannot be collected: \(error.message)")
        }
        self.log = log
        self.now = now
        intake = Mutex(
            Intake(lines: LogLines(host: hostName()), store: LogStore(path: folder, limit: limit, log: log)))
    }

    /// The pipe, to be handed to haproxy as its standard input. It stays open as long as the collector.
    var pipeDescriptor: Int32 { pipe.descriptor }

    /// Starts to take lines, on threads of its own, which live until `stop`.
    func start() throws(DriverError) {
        let isStarted = startThread { self.run(on: self.pipe.descriptor, pause: Self.gathering) { self.collect() } }
        let isForwarding = socket.map { socket in
            startThread { self.run(on: socket.descriptor, pause: 0) { self.forward() } }
        }
        if !isStarted || isForwarding == false {
            stop()
            throw DriverError("haproxy's log lines cannot be collected: the system has no thread to spare")
        }
    }

    /// Ends the threads. Nothing is written any more when this returns; what haproxy writes waits in the pipe.
    func stop() {
        intake.withLock { $0.isStopped = true }
        shutdown(end.number, Int32(SHUT_RDWR))
    }

    /// Tells what load balancers there are, suspended ones too: by the names that stand in `log-tag`. The logs of others go, and so do
    /// lines that still come for them. To be called with all of them once they are known, and after every change.
    func keep(only names: Set<String>) { intake.withLock { $0.store.keep(only: names) } }
}

// What an archive needs.
extension LogCollector {
    /// The segments of a load balancer's log that take no more lines, the oldest first.
    func sealed(of name: String) -> [LogSegment] { intake.withLock { $0.store.sealed(of: name) } }

    /// The segments of a load balancer's log with all lines up to now, the oldest first. The next line begins a new one.
    func seal(_ name: String) -> [LogSegment] {
        forward()
        collect()
        return intake.withLock { intake in
            intake.store.seal(name)
            return intake.store.sealed(of: name)
        }
    }

    /// Takes a segment away that is stored elsewhere.
    func remove(_ segment: LogSegment, of name: String) { intake.withLock { $0.store.remove(segment, of: name) } }
}

extension LogCollector {
    /// Lines that come faster than they can be written do not keep an archive waiting for ever.
    private static let mostRounds = 256

    /// How long lines gather in the pipe before they are taken, in milliseconds: to wake for each would cost far more.
    private static let gathering: Int32 = 20

    private func run(on descriptor: Int32, pause: Int32, _ work: () -> Void) {
        while !intake.withLock({ $0.isStopped }) {
            var descriptors = [descriptor, end.number].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if unsafe poll(&descriptors, 2, -1) > 0, descriptors[0].revents != 0 { work() }
            _ = unsafe poll(&descriptors[1], 1, pause)
        }
    }

    private func forward() {
        let lost = socket?.forward(to: pipe) ?? 0
        if lost > 0 {
            log.write(.warning, "haproxy logs faster than its lines can be kept; look at the disk", [("lost", "\(lost) lines")])
        }
    }

    /// Tells the operator what haproxy says of a server.
    private func tell(_ message: String, of name: String) {
        log.write(
            .info, "haproxy tells of a server", [("load_balancer", ApplianceName(text: name).id ?? name), ("words", message)])
    }

    /// Takes what waits in the pipe.
    private func collect() {
        intake.withLock { intake in
            for _ in 0..<Self.mostRounds where !intake.isStopped {
                let count = pipe.read(into: &intake.buffer)
                if count == 0 { break }
                let time = now()
                for (name, lines) in intake.lines.sort(intake.buffer[..<count]) { intake.store.append(lines, of: name, now: time) }
                for (name, message) in intake.lines.serverMessages { tell(message, of: name) }
            }
            if intake.lines.unreadable > 0, !intake.isUnreadableTold {
                intake.isUnreadableTold = true
                log.write(
                    .warning,
                    "haproxy logs lines that are not of RFC 5424, and that are not kept; take 'log' lines of your own out of the driver's section"
                )
            }
        }
    }
}
