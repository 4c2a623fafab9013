import FleetAuth
import FleetModel
import HTTPServer
import HostSystem
import LBaaS

/// Ends the streams of events of sessions that are over: the token was revoked, its user changed or deleted, or its time has come.
///
/// The store tells of each change of accounts, and of each key whose lifetime is over. What can have ended a session has it looked up again, on a
/// thread of its own.
final class EventTickets: Sendable {
    private struct Entry: Sendable {
        var session: Session
        weak var ticket: EventTicket?
        /// Whether the session may be over.
        var isInDoubt = true

        /// When it is surely over by the clock of any server, unless it was extended.
        var end: Timestamp { session.expires + .seconds(Accounts.clockDifference) }
    }

    private struct Contents: Sendable {
        var entries: [Entry] = []
        var isStarted = false
    }

    private let accounts: Accounts
    private let thread = Outbox(Contents())

    /// How long it waits until a store that does not serve is asked again.
    private static let pause = Duration.seconds(1)

    init(_ accounts: Accounts, _ cache: FleetCache) {
        self.accounts = accounts
        cache.observe { [weak self] change in self?.follow(change) }
    }

    deinit { _ = thread.stop(within: .zero) }

    /// A ticket that is ended with a session.
    ///
    /// - Returns: nil where it stops, or there is no thread for it.
    func ticket(for session: Session) -> EventTicket? {
        if thread.isStopping { return nil }
        let ticket = EventTicket()
        let mustStart = thread.tell { contents in
            // It is in doubt at first: the session may have ended since it was looked up.
            contents.entries.append(Entry(session: session, ticket: ticket))
            defer { contents.isStarted = true }
            return !contents.isStarted
        }
        if mustStart, !start() {
            thread.with { $0.isStarted = false }
            return nil
        }
        return ticket
    }

    /// Ends the thread. The streams are ended by who has them.
    func stop() { _ = thread.stop(within: .seconds(1)) }

    /// Called by the thread that follows the store.
    private func follow(_ change: FleetCache.Change) {
        let keys = change.keys.compactMap { key in if case .account(let text) = key { text } else { nil } }
        if keys.isEmpty, !change.isReset { return }
        thread.tell { contents in
            for place in contents.entries.indices
            where change.isReset || keys.contains(where: contents.entries[place].session.depends) {
                contents.entries[place].isInDoubt = true
            }
        }
    }

    private func start() -> Bool {
        thread.start { [weak self, thread] in
            while !thread.isStopping {
                let rest = self?.check() ?? .zero
                _ = thread.wait(until: Deadline(in: rest))
            }
        }
    }

    /// Looks up the sessions that are in doubt, and ends the tickets of those that are over.
    ///
    /// - Returns: how long there is nothing to do, unless something changes.
    private func check() -> Duration {
        let now = Clock.now()
        let doubted = thread.with { contents in
            contents.entries.removeAll { $0.ticket == nil }
            var doubted: [Entry] = []
            for place in contents.entries.indices where contents.entries[place].isInDoubt || contents.entries[place].end <= now {
                contents.entries[place].isInDoubt = false
                doubted.append(contents.entries[place])
            }
            return doubted
        }
        var isUnknown = false
        for entry in doubted {
            guard let ticket = entry.ticket else { continue }
            do throws(AuthError) {
                let session = try accounts.session(again: entry.session)
                change(ticket) { $0.session = session }
            } catch {
                if error.code == .badToken {
                    ticket.end()
                    thread.with { contents in contents.entries.removeAll { $0.ticket === ticket } }
                } else {
                    // Nobody can tell now.
                    isUnknown = true
                    change(ticket) { $0.isInDoubt = true }
                }
            }
        }
        if isUnknown { return Self.pause }
        let next = thread.with { $0.entries.map(\.end).min() }
        return next.map { max($0 - Clock.now(), .zero) } ?? .seconds(3600)
    }

    private func change(_ ticket: EventTicket, _ body: @Sendable (inout Entry) -> Void) {
        thread.with { contents in
            for place in contents.entries.indices where contents.entries[place].ticket === ticket { body(&contents.entries[place]) }
        }
    }
}
