import CGearman

/// What a connection has asked its job server for: pure.
///
/// It asks for jobs in rounds, and a round is over when each question has its answer: a job, or that there is none.
struct Conversation {
    /// What a packet means.
    enum Event: Equatable {
        case nothing
        /// There are jobs to ask for.
        case wakeUp
        /// A job, among the packet's arguments.
        case job
    }

    /// Questions for a job that have no answer yet.
    private(set) var unanswered = 0
    /// How many jobs the last round asked for.
    private(set) var asked = 0
    /// How many jobs the last round got.
    private(set) var taken = 0

    /// Packets that said that there are jobs since the last question.
    private var wakeUps = 0

    /// The most of these. A job server sends one.
    private static let mostWakeUps = 64

    /// Begins a round that asks for so many jobs.
    mutating func ask(for count: Int) { (asked, unanswered, taken, wakeUps) = (count, count, 0, 0) }

    /// Takes a packet.
    ///
    /// - Throws: where the job server must not send it now.
    mutating func receive(_ command: gearman_command_t) throws(ConnectionFailure) -> Event {
        switch command {
        // During a round it tells nothing: the job it was sent for is asked for already.
        case GEARMAN_COMMAND_NOOP:
            wakeUps += 1
            if wakeUps > Self.mostWakeUps {
                throw ConnectionFailure("the job server sends more than \(Self.mostWakeUps) packets in a row that say there are jobs")
            }
            return unanswered == 0 ? .wakeUp : .nothing
        case GEARMAN_COMMAND_NO_JOB:
            try count()
            return .nothing
        case GEARMAN_COMMAND_JOB_ASSIGN:
            taken += 1
            try count()
            return .job
        default: throw ConnectionFailure("the job server sends a packet that no worker expects, of type \(command.rawValue)")
        }
    }

    private mutating func count() throws(ConnectionFailure) {
        if unanswered == 0 { throw ConnectionFailure("the job server answers a question that was not asked") }
        unanswered -= 1
    }
}

/// How many jobs to ask for: pure, and one for all connections to a job server, for it is about what waits there.
///
/// It begins with one. Where a round gets all it asked for, the next asks for twice as many, and else for as many as it got. So what
/// waits together is taken together, and a job that comes alone costs no idle questions.
struct Appetite {
    /// The most jobs of a round. Many share the cost of a commit; but those of a worker that dies are late, and another connection
    /// or worker could have taken them.
    static let most = 16

    /// How many jobs to ask for.
    private(set) var count = 1

    /// A round is over.
    mutating func note(asked: Int, taken: Int) { count = taken == asked ? min(2 * asked, Self.most) : max(1, taken) }
}

/// How often to look for an answer that is about to come before sleeping: pure.
///
/// Half as often after looking in vain, and once more after each find. So it is tried as long as it helps, and costs next to nothing where
/// the job server is far away.
struct Looks {
    /// The most, which take about as long as a job server on the same host takes to answer.
    static let most = 200

    /// How often to look.
    private(set) var count = most

    /// Looked so often, and found the answer or not.
    mutating func note(found: Bool) { count = found ? min(count + 1, Self.most) : max(1, count / 2) }
}
