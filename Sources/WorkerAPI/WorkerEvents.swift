import Dispatch
import HTTPServer
import HostSystem
import JSON
package import LBaaS
package import Requests
import Synchronization

/// What happens to a worker, as the event stream of its API.
///
/// What is told here is written on a queue, so that nobody waits for it; and not at all while nobody follows the stream. The number of an
/// event is that of the journal; what is in no journal has the number of the event before it.
///
/// What comes within a hundredth of a second is written together. Where that is more than people or programs can follow one by one, it is
/// gathered for a tenth of a second, and there is one event for all changes of that time: to write and send each of thousands in a second
/// to each client would take more of the processors than to make them.
package final class WorkerEvents: Sendable {
    /// What is not written yet.
    private enum Pending {
        case change(PublishedChange)
        case other(String, @Sendable () -> String)
    }

    private struct Gathering {
        private(set) var pending: [Pending] = []
        /// All changes, once they are too many to be told one by one.
        private(set) var together: ChangesTogether?
        /// How many entries of the journal are in it.
        private var count = 0
        private let most: Int
        /// The time since the system started up at which it may be written.
        let next: Duration
        /// Whether it is going to be written.
        var isAwaited = false

        /// - Parameter window: for how long it gathers: the time between two writings at the least.
        init(window: Duration) {
            next = Clock.bootTime() + window
            most = WorkerEvents.mostChanges * max(1, Int(window / WorkerEvents.window))
        }

        mutating func add(_ new: Pending) {
            guard case .change(let change) = new else { return pending.append(new) }
            if together != nil { return together?.add(change) ?? () }
            pending.append(new)
            count += change.journal.count
            if count > most { gatherChanges() }
        }

        private mutating func gatherChanges() {
            var changes = ChangesTogether()
            pending.removeAll { pending in
                guard case .change(let change) = pending else { return false }
                changes.add(change)
                return true
            }
            together = changes
        }
    }

    let stream: EventStream
    private let queue = DispatchQueue(label: "events")
    private let gathering = Mutex(Gathering(window: .zero))

    /// The most load balancers that an event names.
    static let mostNamed = 64
    private static let window = Duration.milliseconds(10)
    /// How much longer it gathers where there is much.
    private static let stretch = 10
    /// The most changes that have events of their own, in a window.
    static let mostChanges = 16

    /// A stream that nobody follows.
    package init() { stream = EventStream(gathering: .milliseconds(1)) }

    /// Whether somebody follows the stream.
    package var isFollowed: Bool { stream.isFollowed }

    /// How many clients follow it now.
    package var clients: Int { stream.clients }

    /// The response to a request for the stream.
    ///
    /// - Parameter revision: the present one.
    func response(to request: HTTPRequest, revision: () -> UInt64) -> HTTPResponse {
        stream.follow(after: revision)
        return .events(stream, for: request)
    }

    /// Has an event written and published.
    private func publish(_ name: String, _ text: @escaping @Sendable () -> String) {
        if isFollowed { add(.other(name, text)) }
    }

    private func add(_ pending: Pending) {
        let delay = gathering.withLock { gathering -> Duration? in
            gathering.add(pending)
            if gathering.isAwaited { return nil }
            gathering.isAwaited = true
            return gathering.next - Clock.bootTime()
        }
        guard let delay else { return }
        if delay <= .zero { return queue.async { self.write() } }
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay / .nanoseconds(1)))) { self.write() }
    }

    /// Writes what was gathered.
    private func write() {
        let (pending, together) = gathering.withLock { gathering in
            let isMuch = gathering.together != nil
            let next = Gathering(window: isMuch ? Self.window * Self.stretch : Self.window)
            let old = exchange(&gathering, with: next)
            return (old.pending, old.together)
        }
        for pending in pending {
            switch pending {
            case .other(let name, let text): stream.publish(nil, name, Array(text().utf8))
            case .change(let change): publish(change.events)
            }
        }
        publish(together?.events ?? [])
    }

    private func publish(_ events: [PublishedChange.Event]) {
        for event in events { stream.publish(event.id, event.name, Array(event.text.utf8)) }
    }
}

// MARK: - What happens

extension WorkerEvents {
    /// Tells what a commit made.
    package func publish(_ change: PublishedChange) { add(.change(change)) }

    /// Tells that somebody else had changed the appliance.
    package func publish(_ repair: ApplianceRepair) {
        publish("repair") {
            JSONWriting.object([
                "time": JSONWriting.string(repair.time.text), "load_balancers": names(repair.loadBalancers),
                "count": String(repair.loadBalancers.count), "steps": JSONWriting.list(repair.steps.map(JSONWriting.string)),
                "outcome": repair.failed.isEmpty ? "\"PASS\"" : "\"FAIL\"", "failed": names(repair.failed),
            ])
        }
    }

    /// Tells that there is a connection to a job server, or none any more.
    ///
    /// - Parameter reason: why there is none.
    package func publish(jobServer: String, isConnected: Bool, reason: String?, at time: Timestamp) {
        publish("job_server") {
            JSONWriting.object([
                "time": JSONWriting.string(time.text), "server": JSONWriting.string(jobServer), "connected": String(isConnected),
                "reason": reason.map(JSONWriting.string),
            ])
        }
    }

    /// Tells that another host claims a virtual IP that is bound here.
    ///
    /// - Parameter hardware: the hardware address of that host.
    package func publish(rivalOf address: String, interface: String, hardware: String, at time: Timestamp) {
        publish("virtual_ip_rival") {
            JSONWriting.object([
                "time": JSONWriting.string(time.text), "address": JSONWriting.string(address), "interface": JSONWriting.string(interface),
                "hardware_address": JSONWriting.string(hardware),
            ])
        }
    }

    /// The first of some load balancers.
    static func first<Element>(_ elements: [Element]) -> ArraySlice<Element> { elements.prefix(mostNamed) }
}

private func names(_ ids: [LoadBalancerID]) -> String { JSONWriting.list(WorkerEvents.first(ids).map { JSONWriting.string($0.text) }) }
