import Authorization
import FleetModel
import HTTPServer
import LBaaS

extension OctaviaAPI {
    var loadBalancerRoutes: [(HTTPMethod, String, Handler)] {
        [
            (.get, "/loadbalancers", listLoadBalancers), (.post, "/loadbalancers", createLoadBalancer),
            (.get, "/loadbalancers/{id}", showLoadBalancer), (.put, "/loadbalancers/{id}", updateLoadBalancer),
            (.delete, "/loadbalancers/{id}", deleteLoadBalancer), (.put, "/loadbalancers/{id}/failover", failOver),
            (.get, "/loadbalancers/{id}/stats", showLoadBalancerStatistics), (.get, "/loadbalancers/{id}/status", showStatusTree),
            (.get, "/loadbalancers/{id}/statuses", showStatusTree),
        ]
    }

    @Sendable private func listLoadBalancers(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try list(call, { $0.loadBalancers.ordered }) { state, entry in
            let status = state.status(of: entry)
            return status == .gone ? nil : state.view(of: entry, as: status)
        }
    }

    @Sendable private func showLoadBalancer(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let view = try look(call, "Load Balancer", call.id(), { $0.loadBalancer($1) }) { state, entry, status in
            state.view(of: entry, as: status)
        }
        return .octavia(200, view, fields: try ListQuery(call.request).fields)
    }

    @Sendable private func updateLoadBalancer(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let known: Set = ["name", "description", "admin_state_up", "vip_qos_policy_id", "vip_sg_ids", "tags"]
        let fields = try Fields.root(call.request.body, "loadbalancer", known: known)
        let head = try HeadChange(fields)
        if fields.says("vip_qos_policy_id") {
            throw .notImplemented("No worker limits the bandwidth of a virtual IP: leave out vip_qos_policy_id.")
        }
        if fields.says("vip_sg_ids") { throw .notImplemented("No worker has security groups: leave out vip_sg_ids.") }
        let view = try change(call, "loadbalancer.update") { (edit) throws(OctaviaFault) in
            let old = try edit.changeable(call)
            var new = old.record
            head.apply(to: &new.head)
            new = edit.replace(.loadBalancer, old, with: new)
            if new.head.isEnabled != old.record.head.isEnabled {
                for listener in edit.state.listeners(of: new.head.id) where listener.record.head.change != .delete {
                    edit.write(listener.record, listener.record.defaultPool.flatMap { edit.state.pools[$0]?.record }, of: new)
                }
            }
            let state = edit.state
            let view = state.view(
                of: new, as: .pending(.update), operating: state.operatingStatus(of: new, .active),
                listeners: state.listeners(of: new.head.id).map(\.record.head.id), pools: state.pools(of: new.head.id).map(\.record.head.id)
            )
            return (view, new.head.id)
        }
        return .octavia(200, view)
    }

    @Sendable private func deleteLoadBalancer(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let isCascade = ["true", "1", "yes", "on", "t", "y"].contains((call.request.query("cascade") ?? "").lowercased())
        try change(call, "loadbalancer.delete") { (edit) throws(OctaviaFault) in
            let id = call.id()
            guard let (entry, status) = edit.state.loadBalancer(id) else { throw .notFound("Load Balancer", id) }
            try call.mayReach(entry.record.head.project, to: .change)
            // A worker could not delete it, and will be asked again anyway.
            if entry.record.head.change == .delete, !status.isPending { return ((), id) }
            if !isCascade, !(edit.state.listeners(of: id).isEmpty && edit.state.pools(of: id).isEmpty) {
                throw .validation("Cannot delete Load Balancer \(id) - it has children")
            }
            if status.isPending { throw .pending(status, id) }
            edit.delete(entry)
            return ((), id)
        }
        return HTTPResponse(status: 204)
    }

    /// Has the next worker of the group take the virtual IP.
    @Sendable private func failOver(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try change(call, "loadbalancer.failover") { (edit) throws(OctaviaFault) in
            let old = try edit.changeable(call)
            let workers = edit.state.workers(of: old.record)
            guard workers.count > 1 else {
                throw .notImplemented("The group \(old.record.group) has one worker: there is no other that could take the address over.")
            }
            guard edit.state.groups[old.record.group]?.interface != nil else {
                throw .notImplemented(
                    "The group \(old.record.group) has no interface for virtual IPs: others decide where its addresses are.")
            }
            var new = old.record
            new.preferredWorker = (new.preferredWorker + 1) % workers.count
            new.takesBack = true
            edit.writeAddress(of: edit.replace(.loadBalancer, old, with: new))
            return ((), new.head.id)
        }
        return HTTPResponse(status: 202)
    }

    @Sendable private func showLoadBalancerStatistics(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        .statistics(
            try look(call, "Load Balancer", call.id(), { $0.loadBalancer($1) }) { state, entry, _ in
                state.listeners(of: entry.record.head.id).reduce(StatisticsRecord()) { $0 + state.counters(ofListener: $1.record.head.id) }
            })
    }

    @Sendable private func showStatusTree(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let tree = try look(call, "Load Balancer", call.id(), { $0.loadBalancer($1) }) { state, entry, status in
            StatusTree(state, entry, status)
        }
        return .octavia(200, tree.json)
    }
}

extension Edit {
    /// The load balancer of the path, where it may be changed itself.
    fileprivate func changeable(_ call: OctaviaAPI.Call) throws(OctaviaFault) -> Stored<LoadBalancerRecord> {
        guard let (entry, status) = state.loadBalancer(call.id()) else { throw .notFound("Load Balancer", call.id()) }
        try call.mayReach(entry.record.head.project, to: .change)
        if status.isPending || entry.record.head.change == .delete { throw .pending(status, call.id()) }
        return entry
    }
}

/// What a body changes of what all objects have.
struct HeadChange: Sendable {
    private(set) var name: String?
    private var description: String?
    private var isEnabled: Bool?
    private var tags: [String]?

    init(_ fields: Fields) throws(OctaviaFault) {
        // A null is the default.
        if fields.has("name") { name = try fields.text("name") ?? "" }
        if fields.has("description") { description = try fields.text("description") ?? "" }
        if fields.has("admin_state_up") { isEnabled = try fields.flag("admin_state_up") ?? false }
        if fields.has("tags") { tags = try fields.tags() ?? [] }
    }

    func apply(to head: inout ObjectHead) {
        head.name = name ?? head.name
        head.description = description ?? head.description
        head.isEnabled = isEnabled ?? head.isEnabled
        head.tags = tags ?? head.tags
    }

    /// The head of a new object.
    func head(_ id: String = UUIDText.make(), project: String, at time: Timestamp) -> ObjectHead {
        var head = ObjectHead(id: id, project: project, created: time)
        apply(to: &head)
        return head
    }
}

/// A load balancer with all that is below it, as `status` shows it.
private struct StatusTree: Sendable {
    struct Pool: Sendable {
        let view: PoolView
        let listener: String?
    }

    let loadBalancer: LoadBalancerView
    let listeners: [(ListenerView, PoolView?)]

    init(_ state: FleetState, _ entry: Stored<LoadBalancerRecord>, _ status: ProvisioningStatus) {
        loadBalancer = state.view(of: entry, as: status)
        listeners = state.listeners(of: entry.record.head.id).map { listener in
            let pool = listener.record.defaultPool.flatMap { state.pools[$0] }.map { state.view(of: $0, as: state.status(of: $0)) }
            return (state.view(of: listener, as: state.status(of: listener)), pool)
        }
    }

    var json: [UInt8] {
        ObjectWriter.object { writer in
            writer.object("statuses") {
                $0.object("loadbalancer") { writer in
                    loadBalancer.write(to: &writer, Self.common)
                    writer.list("listeners") { list in
                        for (listener, pool) in listeners {
                            list.element { writer in
                                listener.write(to: &writer, Self.common)
                                writer.list("pools") { list in if let pool { list.element { Self.write(pool, to: &$0) } } }
                            }
                        }
                    }
                }
            }
        }
    }

    private static let common = ["id", "name", "provisioning_status", "operating_status"]

    private static func write(_ pool: PoolView, to writer: inout ObjectWriter) {
        pool.write(to: &writer, common)
        if let monitor = pool.monitor { writer.object("health_monitor") { monitor.write(to: &$0, common + ["type"]) } }
        writer.list("members") { list in
            for member in pool.members { list.element { member.write(to: &$0, common + ["address", "protocol_port"]) } }
        }
    }
}

extension HTTPResponse {
    /// A response with counters.
    static func statistics(_ counters: StatisticsRecord) -> HTTPResponse {
        octavia(
            200,
            ObjectWriter.object { writer in
                writer.object("stats") {
                    $0.number("active_connections", counters.activeConnections)
                    $0.number("bytes_in", counters.bytesIn)
                    $0.number("bytes_out", counters.bytesOut)
                    $0.number("request_errors", counters.requestErrors)
                    $0.number("total_connections", counters.totalConnections)
                }
            })
    }
}
