import JSON
import LBaaS
import Requests

// The events of what commits made.

extension PublishedChange {
    typealias Event = (id: UInt64, name: String, text: String)

    /// Its events: one for each entry of the journal, or for each node of an entry that tells what checks found; then what that made of
    /// the services, and what became of virtual IPs.
    var events: [Event] {
        let found = found
        return journal.flatMap { events(of: $0, found) } + items.compactMap(serviceEvent(of:)) + virtualIPEvents
    }

    /// Whether it has events that are not told together with those of others.
    fileprivate var hasEventsApart: Bool {
        !virtualIPs.isEmpty || !removedVirtualIPs.isEmpty || journal.contains { $0.cause == JournalEntry.health }
    }

    /// Those events.
    fileprivate var eventsApart: [Event] {
        let found = found
        return journal.filter { $0.cause == JournalEntry.health }.flatMap { events(of: $0, found) } + virtualIPEvents
    }

    private var found: [LoadBalancerID: Item] { Dictionary(items.map { ($0.id, $0) }) { first, _ in first } }

    private func events(of entry: JournalEntry, _ found: [LoadBalancerID: Item]) -> [Event] {
        let items = entry.loadBalancers.compactMap { found[$0] }
        let nodes = entry.cause == JournalEntry.health ? items.flatMap { turns(of: $0, entry) } : []
        return nodes.isEmpty ? [(entry.revision, "change", entry.event(of: items))] : nodes
    }

    /// What became of virtual IPs.
    private var virtualIPEvents: [Event] { virtualIPs.compactMap(virtualIPEvent(of:)) + removedVirtualIPs.map(removalEvent(of:)) }

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

    fileprivate func serviceEvent(of item: Item) -> Event? {
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

extension JournalEntry {
    /// The event of a change.
    ///
    /// - Parameter items: what became of the load balancers that it names.
    fileprivate func event(of items: [PublishedChange.Item]) -> String {
        let loadBalancers = WorkerEvents.first(items).map { item in
            JSONWriting.object([
                "id": JSONWriting.string(item.id.text), "status": JSONWriting.string(item.status),
                "nodes": String(item.newEntry?.loadBalancer.nodes.count ?? 0),
            ])
        }
        return JSONWriting.object([
            "revision": String(revision), "time": JSONWriting.string(time.text), "source": JSONWriting.string(cause),
            "origin": JSONWriting.string(origin), "what": JSONWriting.string(what), "outcome": JSONWriting.string(outcome),
            "load_balancers": JSONWriting.list(loadBalancers), "count": String(self.loadBalancers.count),
        ])
    }
}

// MARK: - What many commits made

/// Commits that are told together. What they are folded into grows with the load balancers and not with the commits.
struct ChangesTogether {
    /// What became of each load balancer, in the order of their first change.
    private var items: [PublishedChange.Item] = []
    private var places: [LoadBalancerID: Int] = [:]
    /// Those that an entry of the journal names which has no event of its own.
    private var named: Set<LoadBalancerID> = []
    /// How many such entries there are, and what they have in common.
    private var count = 0
    private var entry: JournalEntry?
    private var last: PublishedChange?
    /// The commits that have events of their own.
    private var apart: [PublishedChange] = []

    /// Adds a commit that is later than those before.
    mutating func add(_ change: PublishedChange) {
        for item in change.items {
            if let place = places[item.id] {
                items[place] = items[place].followed(by: item)
            } else {
                places[item.id] = items.count
                items.append(item)
            }
        }
        for entry in change.journal where entry.cause != JournalEntry.health {
            count += 1
            named.formUnion(entry.loadBalancers)
            self.entry = self.entry.map { $0.followed(by: entry) } ?? entry
        }
        last = change
        if change.hasEventsApart { apart.append(change) }
    }

    /// The events: those of what checks found and of virtual IPs, one for all other entries of the journal, and those of services that are
    /// not as they were before all of them.
    var events: [PublishedChange.Event] {
        guard let last else { return [] }
        var events = apart.flatMap(\.eventsApart)
        if let entry {
            let all = JournalEntry(
                revision: last.revision, time: entry.time, cause: entry.cause, origin: entry.origin,
                what: count == 1 ? entry.what : "\(count) changes; the last: \(entry.what)", outcome: entry.outcome,
                loadBalancers: Array(named))
            events.append((last.revision, "change", all.event(of: items.filter { named.contains($0.id) })))
        }
        return events + items.compactMap(last.serviceEvent(of:))
    }
}

extension JournalEntry {
    /// What this entry and a later one have in common, with what the later one says.
    fileprivate func followed(by later: JournalEntry) -> JournalEntry {
        JournalEntry(
            revision: later.revision, time: later.time, cause: cause == later.cause ? cause : "several",
            origin: origin == later.origin ? origin : "several", what: later.what, outcome: outcome == "PASS" ? later.outcome : outcome)
    }
}

extension PublishedChange.Item {
    /// What this change and a later one of the same load balancer make.
    fileprivate func followed(by later: Self) -> Self {
        Self(id: id, oldEntry: oldEntry, newEntry: later.newEntry, oldHealth: oldHealth, newHealth: later.newHealth)
    }
}
