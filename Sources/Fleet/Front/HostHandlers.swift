import Authorization
import FleetAuth
import FleetModel
import FleetStore
import HTTPServer
import HostSystem
import JSON
import LBaaS

// The hosts of a fleet, the groups that they are in, and what happens.

extension FrontAPI {
    static let eventsPath = "/v1/events"

    var fleetRoutes: [Route] {
        [
            Route(.get, "/v1/hosts", .read, listHosts), Route(.get, "/v1/groups", .read, listGroups),
            Route(.get, Self.eventsPath, .read, followEvents),
        ]
    }

    private func listHosts(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let items = cache.read { fleet in
            fleet.groups.values.sorted { $0.name < $1.name }.flatMap { group in
                group.workers.map { HostText.host($0, of: group.name, fleet, sees: call.session.sees) }
            }
        }
        return .json(JSONWriting.object(["hosts": JSONWriting.list(items)]))
    }

    private func listGroups(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        let items = cache.read { fleet in fleet.groups.values.sorted { $0.name < $1.name }.map { HostText.group($0, fleet) } }
        return .json(JSONWriting.object(["groups": JSONWriting.list(items)]))
    }

    private func followEvents(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        guard let stream = events.stream(of: call.isAdmin ? nil : call.session.project), let ticket = tickets.ticket(for: call.session)
        else {
            throw .refusal(FrontError(status: 503, code: "unavailable", detail: "the server stops", retryAfter: 1))
        }
        return .events(stream, for: call.request, ticket)
    }
}

/// The JSON of hosts and groups.
enum HostText {
    /// The state of a worker in a word.
    static func state(_ worker: String, _ fleet: FleetState) -> String {
        guard let host = fleet.hosts[worker]?.record else { return "UNKNOWN" }
        return host.away == nil ? "UP" : "AWAY"
    }

    /// A worker.
    ///
    /// - Parameter sees: whether somebody sees a project: what a worker refused is told of those alone.
    static func host(_ worker: String, of group: String, _ fleet: FleetState, sees: (String) -> Bool) -> String {
        let host = fleet.hosts[worker]?.record
        let settled = fleet.settled[worker]?.record
        let wanted = fleet.wanted[worker]
        let refused = (settled?.refused ?? [:]).sorted { $0.key < $1.key }.filter { entry in
            guard let owner = owner(of: entry.key, fleet) else { return false }
            // The refusal of a part that was replaced since says nothing any more.
            return sees(owner) && entry.value.revision == revision(of: entry.key, wanted)
        }
        return JSONWriting.object([
            "id": text(worker), "group": text(group), "state": text(state(worker, fleet)), "since": optional(host?.away?.text),
            "driver": optional(host?.driver), "version": optional(host?.version), "error": optional(host?.lastError),
            "load_balancers": "\(wanted?.loadBalancers.count ?? 0)", "wanted": "\(wanted?.revision ?? 0)",
            "revision": "\(settled?.revision ?? 0)", "settled": optional(settled?.time.text),
            "server": optional(fleet.claims[worker].map { server(of: $0.value) }),
            "refused": JSONWriting.list(
                refused.map { JSONWriting.object(["id": text($0.key), "sentence": text($0.value.sentence)]) }),
        ])
    }

    /// A worker, in an event.
    static func event(_ worker: String, _ fleet: FleetState) -> String {
        JSONWriting.object([
            "time": text(Clock.now().text), "id": text(worker), "state": text(state(worker, fleet)),
            "revision": "\(fleet.settled[worker]?.record.revision ?? 0)",
        ])
    }

    /// A group.
    static func group(_ group: FleetGroup, _ fleet: FleetState) -> String {
        let count = group.addresses.reduce(0) { sum, range in
            let (total, isMore) = sum.addingReportingOverflow(range.count)
            return isMore ? .max : total
        }
        return JSONWriting.object([
            "name": text(group.name), "workers": JSONWriting.list(group.workers.map(text)),
            "addresses": JSONWriting.list(group.addresses.map { text($0.description) }), "interface": optional(group.interface),
            "allocated": "\(fleet.addresses[group.name]?.count ?? 0)", "capacity": "\(count)",
        ])
    }

    /// The project of what a worker refused: a listener, or a virtual IP by its address.
    private static func owner(of id: String, _ fleet: FleetState) -> String? {
        if let listener = fleet.listeners[id] { return listener.record.head.project }
        guard let address = IPAddress(id) else { return nil }
        let owner = fleet.addresses.values.compactMap { $0[address] }.first
        return owner.flatMap { fleet.loadBalancers[$0]?.record.head.project }
    }

    private static func revision(of id: String, _ wanted: FleetState.Wanted?) -> Int? {
        (wanted?.loadBalancers[id] ?? wanted?.virtualIPs[id])?.revision
    }

    /// The id of the server in a claim, which is its first word.
    private static func server(of claim: [UInt8]) -> String {
        String(decoding: claim.prefix { $0 > 0x20 && $0 < 0x7F }.prefix(128), as: UTF8.self)
    }

    private static func text(_ text: String) -> String { JSONWriting.string(text) }

    private static func optional(_ text: String?) -> String { text.map(JSONWriting.string) ?? "null" }
}
