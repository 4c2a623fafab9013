import Dispatch
import HTTPServer
import JSON
package import LBaaS
package import Requests

/// What happens to a worker, as the event stream of its API.
///
/// What is told here is written on a queue, so that nobody waits for it; and not at all while nobody follows the stream. The number of an
/// event is that of the journal; what is in no journal has the number of the event before it.
package final class WorkerEvents: Sendable {
    let stream: EventStream
    private let queue = DispatchQueue(label: "events")

    /// The most load balancers that an event names.
    private static let mostNamed = 64

    /// A stream that nobody follows.
    package init() { stream = EventStream() }

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
        if !isFollowed { return }
        queue.async { [stream] in stream.publish(nil, name, Array(text().utf8)) }
    }
}

// MARK: - What happens

extension WorkerEvents {
    /// Tells what a commit made.
    package func publish(_ change: PublishedChange) {
        queue.async { [stream] in
            for event in change.events { stream.publish(event.id, event.name, Array(event.text.utf8)) }
        }
    }

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
    fileprivate static func first<Element>(_ elements: [Element]) -> ArraySlice<Element> { elements.prefix(mostNamed) }
}

private func names(_ ids: [LoadBalancerID]) -> String { JSONWriting.list(WorkerEvents.first(ids).map { JSONWriting.string($0.text) }) }

// MARK: - What a commit made

extension PublishedChange {
    fileprivate typealias Event = (id: UInt64, name: String, text: String)

    /// Its events: one for each entry of the journal, or for each node of an entry that tells what checks found; then what that made of
    /// the services, and what became of virtual IPs.
    fileprivate var events: [Event] {
        let found = Dictionary(items.map { ($0.id, $0) }) { first, _ in first }
        var events: [Event] = []
        for entry in journal {
            let items = entry.loadBalancers.compactMap { found[$0] }
            let nodes = entry.cause == JournalEntry.health ? items.flatMap { turns(of: $0, entry) } : []
            if nodes.isEmpty { events.append((entry.revision, "change", text(of: entry, items))) } else { events += nodes }
        }
        return events + items.compactMap(serviceEvent(of:)) + virtualIPs.compactMap(virtualIPEvent(of:))
            + removedVirtualIPs.map(removalEvent(of:))
    }

    private func text(of entry: JournalEntry, _ items: [Item]) -> String {
        let loadBalancers = WorkerEvents.first(items).map { item in
            JSONWriting.object([
                "id": JSONWriting.string(item.id.text), "status": JSONWriting.string(item.status),
                "nodes": String(item.newEntry?.loadBalancer.nodes.count ?? 0),
            ])
        }
        return JSONWriting.object([
            "revision": String(entry.revision), "time": JSONWriting.string(entry.time.text), "source": JSONWriting.string(entry.cause),
            "origin": JSONWriting.string(entry.origin), "what": JSONWriting.string(entry.what),
            "outcome": JSONWriting.string(entry.outcome), "load_balancers": JSONWriting.list(loadBalancers),
            "count": String(entry.loadBalancers.count),
        ])
    }

    /// The nodes that went up or down.
    private func turns(of item: Item, _ entry: JournalEntry) -> [Event] {
        guard let old = item.oldHealth, let new = item.newHealth, let nodes = item.newEntry?.loadBalancer.nodes else { return [] }
        return nodes.compactMap { node in
            guard let before = old.nodes[node.id], let fact = new.nodes[node.id] else { return nil }
            if before.health.isUp == fact.health.isUp, before.isHeld == fact.isHeld { return nil }
            let text = JSONWriting.object([
                "revision": String(entry.revision), "time": JSONWriting.string(entry.time.text),
                "load_balancer": JSONWriting.string(item.id.text), "node": JSONWriting.string(node.id.text),
                "address": JSONWriting.string(fact.endpoint.description), "status": fact.health.isUp ? "\"UP\"" : "\"DOWN\"",
                "reason": fact.health.reason.map(JSONWriting.string),
                "since": JSONWriting.string(moment.wall(fact.health.since).text), "held": String(fact.isHeld),
            ])
            return (entry.revision, "health", text)
        }
    }

    private func serviceEvent(of item: Item) -> Event? {
        guard let state = item.service ?? item.oldService else { return nil }
        let (was, now) = (item.oldService?.isUp ?? false, item.service?.isUp ?? false)
        let isMoved = item.service != nil && item.oldService?.service.listener != state.service.listener
        if was == now && !(isMoved && now) { return nil }
        let text = JSONWriting.object([
            "revision": String(revision), "time": JSONWriting.string(moment.wall.text), "load_balancer": JSONWriting.string(item.id.text),
            "listener": JSONWriting.string(state.service.listener.description), "status": now ? "\"UP\"" : "\"DOWN\"",
            "reason": (item.service == nil ? "deleted" : state.reason).map(JSONWriting.string),
            "weight": String(item.service?.weight ?? 0), "quorum": state.quorum.map { String($0) },
        ])
        return (revision, "service", text)
    }

    private func virtualIPEvent(of event: VirtualIPStatusEvent) -> Event? {
        guard case .changed(let fact) = event.kind else { return nil }
        return virtualIPEvent(event.address, event.interface, fact.state.rawValue, fact, at: event.time)
    }

    private func removalEvent(of virtualIP: VirtualIP) -> Event {
        virtualIPEvent(virtualIP.address, virtualIP.interface, "DELETED", nil, at: moment.wall)
    }

    private func virtualIPEvent(
        _ address: IPAddress, _ interface: String, _ status: String, _ fact: VirtualIPFact?, at time: Timestamp
    ) -> Event {
        let text = JSONWriting.object([
            "revision": String(revision), "time": JSONWriting.string(time.text), "address": JSONWriting.string(address.description),
            "interface": JSONWriting.string(interface), "status": JSONWriting.string(status), "bound": fact.map { String($0.isBound) },
            "owner": fact?.owner.map(JSONWriting.string), "reason": fact?.reason.map(JSONWriting.string),
            "since": (fact?.since.text).map(JSONWriting.string),
        ])
        return (revision, "virtual_ip", text)
    }
}

extension PublishedChange.Item {
    fileprivate var oldService: ServiceState? { oldEntry?.inService.map { ServiceState(of: $0, health: oldHealth) } }

    fileprivate var service: ServiceState? { newEntry?.inService.map { ServiceState(of: $0, health: newHealth) } }

    /// How the load balancer is; DELETED where it is not there any more.
    fileprivate var status: String {
        newEntry.map { $0.state(isUp: newHealth?.hasQuorum ?? service?.isUp ?? false).rawValue } ?? "DELETED"
    }
}
