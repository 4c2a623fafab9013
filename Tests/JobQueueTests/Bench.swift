import Dispatch
import Glibc
import Synchronization
import TestSupport

@testable import JobQueue

/// A queue, and its job server, whose part the test plays.
///
/// The test blocks its thread, and does not await: behind hundreds of other tests it could come on again later than the queue is patient.
final class Bench: Sendable {
    /// How long something may take that comes at once.
    static let patience = 20

    let queue: JobQueue
    let server: JobServer
    /// The workloads of each group that a handler was given.
    let groups = Record<[String]>()
    /// What was told about the job server.
    let events = Record<String>()
    /// What was done once an answer was on its way: the workloads.
    let finished = Record<[String]>()
    private let listener: LoopbackSocket
    private let peers = Record<Peer>()
    private let threads = Threads()

    /// - Parameter respond: how a job with a workload is answered, by the thread of its connection.
    private init(
        listens: Bool, connections: Int, idleTime: Double?, answerTime: Double,
        respond: @escaping @Sendable (_ workload: String) -> JobQueue.Response
    ) throws {
        listener = try LoopbackSocket.bound(listens: listens, seconds: Self.patience)
        server = JobServer(host: "127.0.0.1", port: listener.port)
        var configuration = JobQueue.Configuration(servers: [server], function: "f")
        configuration.connections = connections
        configuration.longestWait = 0.1
        configuration.idleTime = idleTime
        configuration.answerTime = answerTime
        configuration.jobMemory = 1 << 20
        let (groups, events, finished, threads) = (groups, events, finished, threads)
        queue = JobQueue(configuration) {
            let presence = Presence(threads)
            return { jobs in
                let workloads = jobs.indices.map { String(decoding: jobs.workload(of: $0), as: UTF8.self) }
                groups.add(workloads)
                return withExtendedLifetime(presence) {
                    JobQueue.Answers(responses: workloads.map(respond)) { finished.add(workloads) }
                }
            }
        } report: { event in
            switch event {
            case .connected: events.add("connected")
            case .lost(_, let reason): events.add("lost: \(reason)")
            }
        }
    }

    /// Has a queue work while the test plays the job server's part, and ends both. By default a job is answered with its workload, and
    /// there is no heartbeat.
    static func run(
        listens: Bool = true, connections: Int = 1, idleTime: Double? = nil, answerTime: Double = Double(patience),
        respond: @escaping @Sendable (_ workload: String) -> JobQueue.Response = { .reply(Array($0.utf8)) },
        _ test: (Bench) throws -> Void
    ) throws {
        let bench = try Bench(listens: listens, connections: connections, idleTime: idleTime, answerTime: answerTime, respond: respond)
        guard bench.queue.start() else { throw Failure("the system has no threads to spare") }
        do {
            try test(bench)
        } catch {
            try? bench.end()
            throw error
        }
        try bench.end()
    }

    /// Ends everything, and sees to it that nothing is left.
    private func end() throws {
        listener.shut()
        for peer in peers.all { peer.hangUp() }
        guard stop(within: Double(Self.patience)) else { throw Failure("the queue does not stop") }
        try threadsEnd()
    }

    /// Stops the queue.
    func stop(within seconds: Double) -> Bool { queue.stop(timeout: seconds) }

    /// Waits until all threads of the queue have ended.
    func threadsEnd() throws {
        try waitUntil("the threads end", within: Double(Self.patience)) { threads.count.load(ordering: .relaxed) == 0 }
    }

    /// Listens, where it did not.
    func listen() { Glibc.listen(listener.descriptor, 16) }

    /// The next connection.
    func connection() throws -> Peer {
        guard let socket = listener.accepted(seconds: Self.patience) else { throw Failure("the queue does not connect") }
        let peer = Peer(socket)
        peers.add(peer)
        return peer
    }

    /// The next connection, which has subscribed and asked for jobs, one unless there were some before, and is answered at once.
    func asking(for count: Int = 1, answer: WirePacket...) throws -> Peer {
        try asking(for: count, answer: answer)
    }

    private func asking(for count: Int, answer: [WirePacket]) throws -> Peer {
        let peer = try connection()
        let packets = try peer.next(1 + count)
        guard packets == [.canDo("f")] + Array(repeating: .grabJob, count: count) else {
            throw Failure("a connection begins with \(packets)")
        }
        try peer.send(answer)
        return peer
    }

    /// The next connection, which is told that there is no job, and says that it sleeps.
    func onCall(askingFor count: Int = 1) throws -> Peer {
        let peer = try asking(for: count, answer: Array(repeating: .noJob, count: count))
        let packets = try peer.next(1)
        guard packets == [.preSleep] else { throw Failure("a connection without a job says \(packets)") }
        return peer
    }
}

/// How many threads of a queue there are.
private final class Threads: Sendable {
    let count = Atomic<Int>(0)
}

/// Lives as long as the handler of a thread.
private final class Presence: Sendable {
    private let threads: Threads

    init(_ threads: Threads) {
        self.threads = threads
        threads.count.add(1, ordering: .relaxed)
    }

    deinit { threads.count.subtract(1, ordering: .relaxed) }
}

/// A connection as the job server has it.
final class Peer: Sendable {
    private let socket: LoopbackSocket
    private let unread = Mutex<ArraySlice<UInt8>>([])

    init(_ socket: LoopbackSocket) { self.socket = socket }

    /// The next packet.
    func next() throws -> WirePacket { try next(1)[0] }

    /// So many packets.
    func next(_ count: Int) throws -> [WirePacket] {
        try (0..<count).map { _ in
            guard let packet = try read() else { throw Failure("the connection ended") }
            return packet
        }
    }

    /// All packets until the worker says that it sends no more.
    func rest() throws -> [WirePacket] {
        var packets: [WirePacket] = []
        while let packet = try read() { packets.append(packet) }
        return packets
    }

    private func read() throws -> WirePacket? {
        try unread.withLock { unread in
            while true {
                if let packet = WirePacket(removedFrom: &unread) { return packet }
                let bytes = try socket.receive(1 << 20)
                if !bytes.isEmpty {
                    unread += bytes
                } else if unread.isEmpty {
                    return nil
                } else {
                    throw Failure("the end of a packet is missing")
                }
            }
        }
    }

    func send(_ packets: WirePacket...) throws { try send(packets) }

    func send(_ packets: [WirePacket]) throws { try socket.send(packets.flatMap { $0.bytes() }) }

    func send(_ bytes: [UInt8]) throws { try socket.send(bytes) }

    func hangUp() { socket.shut() }
}

/// Holds threads up until the test lets them go.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let arrivals = Atomic<Int>(0)

    /// Comes to the gate, and waits until it is opened; not for ever, so that a test that fails ends.
    func pass() {
        arrivals.add(1, ordering: .relaxed)
        _ = semaphore.wait(timeout: .now() + .seconds(Bench.patience))
    }

    /// Lets so many pass.
    func open(_ count: Int = 1) {
        for _ in 0..<count { semaphore.signal() }
    }

    /// Waits until so many came.
    func reached(by count: Int = 1) throws {
        try waitUntil("\(count) come to the gate", within: Double(Bench.patience)) { arrivals.load(ordering: .relaxed) >= count }
    }
}
