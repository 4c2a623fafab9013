import CLinux
import Foundation
import Glibc
import HostSystem
import LBaaS
import Synchronization
import TestSupport

/// The client of the hosts: asks about addresses all the time, and records who answered each question.
final class AnswerRecorder: Sendable {
    /// An address and what is asked about it.
    struct Key: Hashable {
        let address: IPAddress
        let question: Question
    }

    private struct State {
        var tracks: [Key: Track]
        var isOver = false
        /// The longest time by which a question was sent too late: so much the record may not have seen.
        var delay = Duration.zero
    }

    /// An answer that takes longer counts as none.
    private let limit: Duration
    private let interval: Duration
    private let state: Mutex<State>
    private let sockets: ClientSockets

    /// Begins to ask about addresses, once in an interval each.
    init(_ lab: EthernetLab, _ addresses: [IPAddress], interval: Duration, limit: Duration) throws {
        (self.interval, self.limit) = (interval, limit)
        var tracks: [Key: Track] = [:]
        for address in addresses {
            for question in Question.allCases where question != .whoHas || !address.isV6 {
                let depth = Int(limit / interval) + 64
                tracks[Key(address: address, question: question)] = Track(depth: depth)
            }
        }
        state = Mutex(State(tracks: tracks))
        sockets = try lab.client.run { try ClientSockets(addresses) }
        Thread.detachNewThread { [self] in ask() }
    }

    /// Ends.
    func end() { state.withLock { $0.isOver = true } }

    /// What is known so far.
    func record(_ address: IPAddress, _ question: Question) -> AnswerRecord {
        state.withLock { $0.tracks[Key(address: address, question: question)]?.record ?? AnswerRecord() }
    }

    /// By how much the client itself was late at most since it was asked last.
    func takeDelay() -> Duration {
        state.withLock { state in
            defer { state.delay = .zero }
            return state.delay
        }
    }

    /// Waits until it is known who answered what was asked before now.
    func isComplete() async throws {
        let now = Clock.bootTime()
        try await eventually("the client has all answers") {
            state.withLock { $0.tracks.values.allSatisfy { $0.record.end >= now } }
        }
    }

    private func ask() {
        // Where other threads take the processor, this one goes first: it is what measures.
        var priority = sched_param()
        priority.sched_priority = 10
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority)
        var due = Clock.bootTime()
        while true {
            let now = Clock.bootTime()
            if due > now { usleep(UInt32((due - now) / .microseconds(1))) }
            let isOver = state.withLock { state in
                sockets.receive { answer, owner in
                    state.tracks[Key(address: answer.address, question: answer.question)]?.take(answer.number, from: owner)
                }
                let now = Clock.bootTime()
                state.delay = max(state.delay, now - due)
                for key in state.tracks.keys {
                    // ARP probes are a supplement: the pings find the same at a tenth of the time.
                    guard let number = state.tracks[key]?.next(at: now, limit: limit, every: key.question == .whoHas ? 10 : 1) else {
                        continue
                    }
                    sockets.send(key.question, key.address, number: number)
                }
                sockets.flush()
                return state.isOver
            }
            if isOver { return }
            due = max(due + interval, Clock.bootTime() - interval)
        }
    }
}

/// The questions about an address that are under way, and the record of those before.
private struct Track {
    private struct Entry {
        var sentAt = Duration.zero
        var owners: [Int] = []
    }

    private(set) var record = AnswerRecord()
    private var entries: [Entry]
    /// The number of the next question, and of the oldest that is under way.
    private var following: UInt32 = 0
    private var oldest: UInt32 = 0
    private var turn = 0

    init(depth: Int) { entries = Array(repeating: Entry(), count: depth) }

    /// Takes the answer of a host.
    mutating func take(_ number: UInt32, from owner: Int) {
        guard number >= oldest, number < following else { return }
        let place = Int(number) % entries.count
        if !entries[place].owners.contains(owner) { entries[place].owners = (entries[place].owners + [owner]).sorted() }
    }

    /// The number of a question that is sent now; nil where it is not the time for one.
    mutating func next(at now: Duration, limit: Duration, every period: Int) -> UInt32? {
        while oldest < following {
            let entry = entries[Int(oldest) % entries.count]
            if now - entry.sentAt <= limit, following - oldest < entries.count { break }
            record.add(entry.owners, at: entry.sentAt)
            oldest += 1
        }
        turn += 1
        guard turn % period == 0 else { return nil }
        entries[Int(following) % entries.count] = Entry(sentAt: now)
        following += 1
        return following - 1
    }
}
