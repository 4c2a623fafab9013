import Synchronization

/// Which of the idle connections to a job server is on call: the one that the job server wakes for a job.
///
/// A job server wakes every connection that says it sleeps, for each job, and all but one are told then that there is none. So only one
/// says so. When it has taken jobs it puts the next on call, by a packet in its name, whose thread sleeps on until there is a job.
final class IdleConnections: Sendable {
    private struct State {
        var appetite = Appetite()
        var onCall: Session?
        /// Idle, and not on call. The one that came last has its memory in the processor's cache still.
        var idle: [Session] = []
    }

    private let state = Mutex(State())

    /// A connection has nothing to do.
    ///
    /// - Returns: whether it is on call, and must say so to the job server.
    func rests(_ session: Session) -> Bool {
        state.withLock { state in
            let isOnCall = state.onCall == nil || state.onCall === session
            if isOnCall { state.onCall = session } else { state.idle.append(session) }
            return isOnCall
        }
    }

    /// A connection that rested asks for jobs, and may be put on call no more.
    ///
    /// - Returns: how many jobs it is to ask for.
    func wakes(_ session: Session) -> Int {
        state.withLock { state in
            state.idle.removeAll { $0 === session }
            return state.appetite.count
        }
    }

    /// A round of a connection is over.
    func note(_ round: Conversation) { state.withLock { $0.appetite.note(asked: round.asked, taken: round.taken) } }

    /// A connection has work, or is gone: where it was on call another one is now.
    func leaves(_ session: Session) {
        let next: Session? = state.withLock { state in
            state.idle.removeAll { $0 === session }
            guard state.onCall === session else { return nil }
            state.onCall = state.idle.popLast()
            return state.onCall
        }
        next?.sleep()
    }
}
