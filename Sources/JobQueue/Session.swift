import CGearman
import Dispatch
import Glibc
import HostSystem
import Synchronization

/// A connection to a job server, from any thread: what is sent goes whole, packet by packet.
final class Session: Sendable {
    private struct Sending {
        /// Whether anything may be sent still.
        var isOpen = true
        var failure: String?
    }

    private let socket: Descriptor
    /// The longest time without progress, when something is sent.
    private let patience: Duration
    private let sending = Mutex(Sending())
    /// Those of its jobs that other threads answer.
    let late = DispatchGroup()
    private let lateCount = Atomic<Int>(0)
    /// Ends the waiting of its thread.
    private let waker = Waker()

    /// Jobs of one connection that other threads answer, at the most. Further ones hold it up.
    private static let mostLate = 8

    /// Connects.
    ///
    /// - Throws: why there is no connection.
    init(to server: JobServer, within patience: Duration) throws(ConnectionFailure) {
        socket = try openConnection(to: server, within: patience)
        self.patience = patience
        var yes: Int32 = 1
        unsafe setsockopt(socket.number, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends packets. One that cannot be sent ends the connection; behind its last they go nowhere.
    ///
    /// The time that all of them may take does not begin anew with each byte that the job server takes.
    func send(_ packets: PacketWriter) {
        let limit = Deadline(in: patience + Transfer.time(of: packets.bytes.count))
        sending.withLock { sending in
            var sent = 0
            while sending.isOpen, sent < packets.bytes.count {
                let count = unsafe packets.bytes.withUnsafeBytes { bytes in
                    unsafe Glibc.send(
                        socket.number, bytes.baseAddress?.advanced(by: sent), bytes.count - sent,
                        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                }
                if count > 0 {
                    sent += count
                } else if errno != EAGAIN && errno != EINTR {
                    return hangUp()
                } else if limit.isOver {
                    sending.failure = "the job server is too slow in taking the \(packets.bytes.count) bytes that are sent to it"
                    return hangUp()
                } else if poll([socket.number: POLLOUT], until: Deadline(in: patience)) == [0] {
                    sending.failure = "the job server takes nothing of what is sent to it for \(patience / .seconds(1)) s"
                    return hangUp()
                }
            }
        }
    }

    /// Why the connection was ended from this side; nil where it was not.
    var failure: String? { sending.withLock { $0.failure } }

    /// Tells the job server to wake this connection for a job.
    func sleep() {
        var packets = PacketWriter()
        packets.append(GEARMAN_COMMAND_PRE_SLEEP)
        send(packets)
    }

    /// Waits until something comes or the connection ends, the thread is woken, or a time has come.
    ///
    /// - Returns: whether something came.
    func wait(until deadline: Deadline) -> Bool { waker.wait(until: deadline, watching: socket.number, for: POLLIN) != 0 }

    /// Waits until the thread is woken, or a time has come.
    func waitForWakeUp(until deadline: Deadline) { _ = waker.wait(until: deadline, watching: -1) }

    /// Ends the waiting of its thread, or keeps it from the next.
    func wake() { waker.wake() }

    /// Receives what there is into a buffer.
    func receive(into buffer: inout PacketBuffer) -> Descriptor.Reading { buffer.receive(from: socket) }

    /// Has a job answered by a thread of its own; by this one where the connection has many such, or the system no thread.
    func answerLate(_ job: [UInt8], _ answer: @escaping @Sendable () -> JobQueue.Answer) {
        late.enter()
        let count = lateCount.add(1, ordering: .relaxed).newValue
        let work: @Sendable () -> Void = { [self] in
            let answer = answer()
            var packets = PacketWriter()
            packets.append(GEARMAN_COMMAND_WORK_COMPLETE, job[...], answer.reply)
            send(packets)
            answer.afterwards()
            lateCount.subtract(1, ordering: .relaxed)
            late.leave()
        }
        if count > Self.mostLate || !startThread(work) { work() }
    }

    /// Says that nothing more is sent, and waits until the job server hangs up, so that it surely has all answers: a connection that is
    /// closed with something unread in it is reset.
    func close(within limit: Duration) {
        sending.withLock { sending in
            sending.isOpen = false
            shutdown(socket.number, Int32(SHUT_WR))
        }
        let deadline = Deadline(in: limit)
        var rest = [UInt8](repeating: 0, count: 1 << 12)
        while !deadline.isOver, poll([socket.number: POLLIN], until: deadline) != [0] {
            if socket.read(into: &rest) == .end { return }
        }
    }

    /// Ends the connection; whoever sends or receives on it finds that out.
    func hangUp() { shutdown(socket.number, Int32(SHUT_RDWR)) }
}

/// How long many bytes may be on their way, besides the time that any packet has.
enum Transfer {
    /// The slowest that they may go, in bytes a second, and the longest that it may take.
    static let slowest = 1 << 20
    private static let longest = Duration.seconds(120)

    /// The time for so many bytes.
    static func time(of count: Int) -> Duration { min(longest, .seconds(count / slowest)) }
}
