import CGearman
import Glibc
import HostSystem

/// A connection at work, on its thread, from its first packet to its last.
struct Shift: ~Copyable {
    private let session: Session
    private let roster: Roster
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

    init(session: Session, roster: Roster, handler: @escaping JobQueue.Handler, configuration: JobQueue.Configuration) {
        self.session = session
        self.roster = roster
        self.handler = handler
        self.configuration = configuration
    }

    /// Subscribes to the function. The answer to the first question for a job shows that a job server is there and alive.
    mutating func begin() throws(ConnectionFailure) {
        output.append(GEARMAN_COMMAND_CAN_DO, configuration.function.utf8)
        ask()
        flush()
        try awaitAnswers()
    }

    /// Answers jobs until it is stopped.
    ///
    /// - Throws: why the connection is lost.
    mutating func work(until isStopped: () -> Bool) throws(ConnectionFailure) {
        while true {
            let afterwards = answerJobs()
            let isLast = isStopped()
            if !isLast, expectsMore {
                ask()
            } else if !isLast, roster.rests(session) {
                output.append(GEARMAN_COMMAND_PRE_SLEEP)
            }
            flush()
            afterwards?()
            if isLast { return }
            if conversation.unanswered == 0 {
                guard try isToGoOn(unless: isStopped) else { return }
                ask()
                flush()
            }
            try awaitAnswers()
        }
    }

    /// Whether more jobs are likely there already: the last round got all it asked for, and that was not just one.
    private var expectsMore: Bool { conversation.asked > 1 && conversation.taken == conversation.asked }

    private mutating func ask() {
        isWoken = false
        let count = roster.wakes(session)
        conversation.ask(for: count)
        for _ in 0..<count { output.append(GEARMAN_COMMAND_GRAB_JOB) }
    }

    private mutating func flush() {
        if output.bytes.isEmpty { return }
        session.send(output)
        output.clear()
    }

    /// Waits until each question for a job has its answer.
    private mutating func awaitAnswers() throws(ConnectionFailure) {
        var deadline = Deadline(in: configuration.patience)
        while true {
            try takePackets()
            if conversation.unanswered == 0 { break }
            // What is still to come can take long, and what is in hand is not answered before.
            if !jobs.isEmpty || buffer.isInPacket { roster.leaves(session) }
            if try receiveSoon(until: deadline) {
                deadline = Deadline(in: configuration.patience)
            } else if deadline.isOver {
                throw ConnectionFailure(reason: "no answer to a heartbeat for \(configuration.answerTime) s")
            }
        }
        roster.note(conversation)
        if !jobs.isEmpty { roster.leaves(session) }
    }

    /// Takes the packets that are there.
    private mutating func takePackets() throws(ConnectionFailure) {
        while let packet = try buffer.next() {
            if packet.command == GEARMAN_COMMAND_ERROR {
                let words = buffer.bytes[packet.arguments].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                throw ConnectionFailure(reason: "the job server refuses: \(words.joined(separator: ": "))")
            }
            switch try conversation.receive(packet.command) {
            case .nothing: break
            case .wakeUp: isWoken = true
            case .job: jobs.append(try JobGroup.Place(packet, in: buffer))
            }
        }
    }

    /// Waits until the job server has jobs, or it is time for a heartbeat: then too a job is asked for. So one is found even where the
    /// job server could not tell.
    ///
    /// - Returns: false where the connection is stopped.
    private mutating func isToGoOn(unless isStopped: () -> Bool) throws(ConnectionFailure) -> Bool {
        let heartbeat = Deadline(in: configuration.idleTime.map { .seconds($0) } ?? .seconds(86_400))
        while true {
            if isStopped() { return false }
            try takePackets()
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
        for (handle, answer) in late { session.answerLate(handle, answer) }
        return { for body in afterwards { body() } }
    }
}
