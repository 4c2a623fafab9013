import CGearman
import Glibc
import HostSystem

/// A connection at work, on its thread, from its first packet to its last.
struct JobLoop: ~Copyable {
    private let session: Session
    private let idle: IdleConnections
    private let memory: JobMemory
    private let handler: JobQueue.Handler
    private let configuration: JobQueue.Configuration
    private var buffer = PacketBuffer()
    private var output = PacketWriter()
    private var conversation = Conversation()
    /// How often to look for an answer before sleeping.
    private var looks = Looks()
    /// Whether the job server has said that there are jobs, and none was asked for since.
    private var isWoken = false
    /// The jobs in hand, in the buffer.
    private var jobs: [JobGroup.Place] = []
    /// The memory for the large job that is next, or that is in hand.
    private var reservation: JobMemory.Reservation?
    /// Whether a large job is next that has no memory yet.
    private var isShortOfMemory = false

    init(
        session: Session, idle: IdleConnections, memory: JobMemory, handler: @escaping JobQueue.Handler,
        configuration: JobQueue.Configuration
    ) {
        self.session = session
        self.idle = idle
        self.memory = memory
        self.handler = handler
        self.configuration = configuration
    }

    /// Subscribes to the function. The answer to the first question for a job shows that a job server is there and alive.
    mutating func begin(unless isStopped: () -> Bool = { false }) throws(ConnectionFailure) {
        output.append(GEARMAN_COMMAND_CAN_DO, configuration.function.utf8)
        ask()
        flush()
        try awaitAnswers(unless: isStopped)
    }

    /// Answers jobs until it is stopped.
    ///
    /// - Throws: why the connection is lost.
    mutating func work(until isStopped: () -> Bool) throws(ConnectionFailure) {
        while true {
            let afterwards = answerJobs()
            let isLast = isStopped()
            if !isLast, conversation.unanswered == 0 {
                if expectsMore {
                    ask()
                } else if idle.rests(session) {
                    output.append(GEARMAN_COMMAND_PRE_SLEEP)
                }
            }
            flush()
            afterwards?()
            if isLast { return }
            if conversation.unanswered == 0 {
                guard try isToGoOn(unless: isStopped) else { return }
                ask()
                flush()
            }
            try awaitAnswers(unless: isStopped)
        }
    }

    /// Whether more jobs are likely there already: the last round got all it asked for, and that was not just one.
    private var expectsMore: Bool { conversation.asked > 1 && conversation.taken == conversation.asked }

    private mutating func ask() {
        isWoken = false
        let count = idle.wakes(session)
        conversation.ask(for: count)
        for _ in 0..<count { output.append(GEARMAN_COMMAND_GRAB_JOB) }
    }

    private mutating func flush() {
        if output.bytes.isEmpty { return }
        session.send(output)
        output.clear()
    }

    /// Waits until each question for a job has its answer, or a large job is next and others are to be answered before it.
    ///
    /// The time that this may take is begun anew by each answer that is expected, and not by bytes.
    private mutating func awaitAnswers(unless isStopped: () -> Bool) throws(ConnectionFailure) {
        var limit = ReceivingLimit(patience: configuration.patience)
        while true {
            if try takePackets() > 0 { limit = ReceivingLimit(patience: configuration.patience) }
            if conversation.unanswered == 0 || isShortOfMemory && !jobs.isEmpty { break }
            if limit.deadline.isOver { throw limit.failure }
            // What is still to come can take long, and what is in hand is not answered before.
            if !jobs.isEmpty || buffer.isInPacket { idle.leaves(session) }
            if isShortOfMemory {
                if isStopped() { return }
                session.waitForWakeUp(until: Deadline(in: .seconds(60)))
                limit = ReceivingLimit(patience: configuration.patience)
                continue
            }
            if let header = try buffer.header() { limit.expect(header.length) }
            _ = try receiveSoon(until: limit.deadline)
        }
        if conversation.unanswered == 0 { idle.note(conversation) }
        if !jobs.isEmpty { idle.leaves(session) }
    }

    /// Takes the packets that are there, up to a large job that there is no memory for.
    ///
    /// - Returns: how many questions they answer.
    private mutating func takePackets() throws(ConnectionFailure) -> Int {
        let unanswered = conversation.unanswered
        while try mayTakeNext(), let packet = try buffer.next() {
            if packet.command == GEARMAN_COMMAND_ERROR {
                let words = buffer.bytes[packet.arguments].prefix(200).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                throw ConnectionFailure("the job server refuses: \(words.joined(separator: ": "))")
            }
            switch try conversation.receive(packet.command) {
            case .nothing: break
            case .wakeUp: isWoken = true
            case .job: jobs.append(try JobGroup.Place(packet, in: buffer))
            }
        }
        return unanswered - conversation.unanswered
    }

    /// Whether there is memory for the next packet.
    private mutating func mayTakeNext() throws(ConnectionFailure) -> Bool {
        isShortOfMemory = false
        guard let (command, length) = try buffer.header(), length > JobMemory.smallPacket else { return true }
        // It is refused before it is received.
        if conversation.unanswered == 0 { _ = try conversation.receive(command) }
        if length > PacketBuffer.longestJob { return true }
        if reservation != nil, jobs.isEmpty { return true }
        // One that is large is alone in hand.
        if jobs.isEmpty { reservation = memory.reserve(length, for: session) }
        isShortOfMemory = !jobs.isEmpty || reservation == nil
        return !isShortOfMemory
    }

    /// Waits until the job server has jobs, or it is time for a heartbeat: then too a job is asked for. So one is found even where the
    /// job server could not tell.
    ///
    /// - Returns: false where the connection is stopped.
    private mutating func isToGoOn(unless isStopped: () -> Bool) throws(ConnectionFailure) -> Bool {
        let heartbeat = Deadline(in: configuration.idleTime.map { .seconds($0) } ?? .seconds(86_400))
        while true {
            if isStopped() { return false }
            _ = try takePackets()
            buffer.removeTaken()
            if isWoken || heartbeat.isOver { return true }
            _ = try receive(until: heartbeat)
        }
    }

    /// Looks for bytes a few times, and lets others run in between: a job server on this host answers sooner than a processor that was sent
    /// to sleep is awake again.
    private mutating func receiveSoon(until deadline: Deadline) throws(ConnectionFailure) -> Bool {
        for _ in 0..<looks.count {
            if try receive() {
                looks.note(found: true)
                return true
            }
            sched_yield()
        }
        looks.note(found: false)
        return try receive(until: deadline)
    }

    /// Waits for bytes and receives them. Returns false where none came in time, or the thread was woken.
    private mutating func receive(until deadline: Deadline) throws(ConnectionFailure) -> Bool {
        session.wait(until: deadline) ? try receive() : false
    }

    /// Receives the bytes that are there. Returns false where there are none.
    private mutating func receive() throws(ConnectionFailure) -> Bool {
        switch session.receive(into: &buffer) {
        case .bytes: return true
        case .nothing: return false
        case .end: throw ConnectionFailure(reason: session.failure ?? "the job server closed the connection")
        }
    }

    /// Has the jobs in hand answered, and puts the answers to what is to be sent.
    ///
    /// - Returns: what nobody has to wait for; nil where there was no job.
    private mutating func answerJobs() -> (() -> Void)? {
        if jobs.isEmpty { return nil }
        var afterwards: [() -> Void] = []
        var late: [(handle: [UInt8], answer: @Sendable () -> JobQueue.Answer)] = []
        for group in JobGroup.groups(of: jobs, in: buffer.bytes) {
            flush()
            let answers = handler(group)
            for (place, response) in zip(group.places, answers.responses) {
                let handle = buffer.bytes[place.handle]
                switch response {
                case .reply(let reply): output.append(GEARMAN_COMMAND_WORK_COMPLETE, handle, reply)
                case .later(let answer): late.append((Array(handle), answer))
                }
            }
            afterwards.append(answers.afterwards)
        }
        jobs.removeAll(keepingCapacity: true)
        buffer.removeTaken()
        // They may be done by this thread, and what is answered already is not to wait for them.
        if !late.isEmpty { flush() }
        for (handle, answer) in late {
            session.answerLate(handle) { [reservation] in withExtendedLifetime(reservation) { answer() } }
        }
        reservation = nil
        return { for body in afterwards { body() } }
    }
}

/// How long a job server may take until its next answer is there.
private struct ReceivingLimit {
    private let patience: Duration
    private(set) var deadline: Deadline
    /// The length of the packet that is being received.
    private var length: Int?

    init(patience: Duration) {
        self.patience = patience
        deadline = Deadline(in: patience)
    }

    /// Gives more time, once, for a packet of this length whose header is there.
    mutating func expect(_ length: Int) {
        if let known = self.length, length <= known { return }
        self.length = length
        let more = Transfer.time(of: length)
        if more > .zero { deadline = Deadline(in: patience + more) }
    }

    /// What is wrong when the time is over.
    var failure: ConnectionFailure {
        if let length, length >= Transfer.slowest {
            return ConnectionFailure("a packet of \(length) bytes from the job server does not come to its end in time")
        }
        return ConnectionFailure(reason: "no answer to a heartbeat for \(patience / .seconds(1)) s")
    }
}
