import Authorization
import FleetModel
import HTTPServer
import LBaaS

extension OctaviaAPI {
    var poolRoutes: [(HTTPMethod, String, Handler)] {
        [
            (.get, "/pools", listPools), (.post, "/pools", createPool), (.get, "/pools/{id}", showPool), (.put, "/pools/{id}", updatePool),
            (.delete, "/pools/{id}", deletePool),
        ]
    }

    @Sendable private func listPools(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try list(call, { $0.pools.ordered }) { state, entry in
            let status = state.status(of: entry)
            return status == .gone ? nil : state.view(of: entry, as: status)
        }
    }

    @Sendable private func showPool(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let view = try look(call, pool: call.id()) { state, entry, status in state.view(of: entry, as: status) }
        return .octavia(200, view, fields: try ListQuery(call.request).fields)
    }

    /// Looks at a pool.
    func look<Value: Sendable>(
        _ call: Call, pool id: String, _ body: (FleetState, Stored<PoolRecord>, ProvisioningStatus) throws(OctaviaFault) -> Value
    ) throws(OctaviaFault) -> Value {
        try look(call, "Pool", id, { $0.pool($1) }, body)
    }

    @Sendable private func createPool(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let fields = try Fields.root(call.request.body, "pool", known: NewPool.known)
        let wanted = try NewPool(fields)
        let listenerID = try fields.uuid("listener_id")
        let givenParent = try fields.uuid("loadbalancer_id")
        if listenerID == nil, givenParent == nil { throw .validation("Must provide at least one of: loadbalancer_id, listener_id") }
        let quota = configuration.quota
        let view = try change(call, "pool.create") { (edit) throws(OctaviaFault) in
            let listener = try listenerID.map { id throws(OctaviaFault) in try edit.mutableListener(id, call) }
            let parent: Stored<LoadBalancerRecord>
            if let listener { parent = listener.parent } else { parent = try edit.mutable(givenParent ?? "", call) }
            let parentID = parent.record.head.id
            if let givenParent, givenParent != parentID { throw .notFound("Load Balancer", givenParent) }
            try edit.checkQuota(.pool, "Pool", of: parent.record.head.project, quota)
            try edit.checkPools(of: parentID)
            let record = wanted.record(of: parent.record, at: edit.now)
            edit.touch(parent)
            edit.create(.pool, record)
            if let listener = listener?.listener {
                try Translation.check(listener.record.serviceProtocol, pool: record.serviceProtocol)
                if let pool = listener.record.defaultPool.flatMap({ edit.state.pools[$0] }), edit.state.status(of: pool) != .gone {
                    throw OctaviaFault(409, "This listener already has a default pool")
                }
                var changed = listener.record
                changed.defaultPool = record.head.id
                edit.write(edit.replace(.listener, listener, with: changed), record, of: parent.record)
            }
            let view = PoolView(
                record: record, status: .pending(.create), operating: Operating.offline, listeners: listenerID.map { [$0] } ?? [],
                members: record.members.map { MemberView(record: $0, status: .pending(.create), operating: Operating.offline) },
                monitor: record.monitor.map {
                    MonitorView(record: $0, pool: record.head.id, status: .pending(.create), operating: Operating.offline)
                })
            return (view, record.head.id)
        }
        return .octavia(201, view)
    }

    @Sendable private func updatePool(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let fields = try Fields.root(call.request.body, "pool", known: NewPool.changeable)
        let head = try HeadChange(fields)
        // Wrong values come before a pool that is not there.
        _ = try fields.word("lb_algorithm", PoolSettings.algorithms)
        let view = try change(call, "pool.update") { (edit) throws(OctaviaFault) in
            let (old, settled, parent) = try edit.mutablePool(call.id(), call)
            let settings = try PoolSettings(fields, old.record.serviceProtocol)
            var new = settled
            head.apply(to: &new.head)
            settings.apply(to: &new)
            new = edit.change(old, to: new, of: parent)
            return (edit.state.view(of: Stored(new, revision: old.revision), as: .pending(.update)), new.head.id)
        }
        return .octavia(200, view)
    }

    @Sendable private func deletePool(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try change(call, "pool.delete") { (edit) throws(OctaviaFault) in
            let (old, settled, parent) = try edit.mutablePool(call.id(), call)
            edit.touch(parent)
            let listeners = edit.state.listeners(ofPool: old.record.head.id)
            for listener in listeners {
                var changed = listener.record
                changed.defaultPool = nil
                edit.write(edit.replace(.listener, listener, with: changed), nil, of: parent.record)
            }
            if listeners.isEmpty {
                edit.remove(.pool, old.record.head.id, revision: old.revision)
            } else {
                _ = edit.replace(.pool, old, .delete, with: settled)
            }
            return ((), old.record.head.id)
        }
        return HTTPResponse(status: 204)
    }
}

/// What of a pool can be changed.
struct PoolSettings: Sendable {
    private let algorithm: String?
    private let persistence: PoolRecord.Persistence??

    /// The algorithms of Octavia.
    static let algorithms = ["LEAST_CONNECTIONS", "ROUND_ROBIN", "SOURCE_IP", "SOURCE_IP_PORT"]
    private static let noTLS = "No worker speaks TLS with members: leave out"

    init(_ fields: Fields, _ serviceProtocol: String) throws(OctaviaFault) {
        algorithm = try fields.word("lb_algorithm", PoolSettings.algorithms)
        if algorithm == "SOURCE_IP_PORT" {
            throw .notImplemented("No worker chooses a member by the client's address and port: use SOURCE_IP.")
        }
        persistence = fields.has("session_persistence") ? .some(try Self.persistence(fields, serviceProtocol)) : .none
        for name in [
            "tls_enabled", "tls_container_ref", "ca_tls_container_ref", "crl_container_ref", "tls_ciphers", "tls_versions",
            "alpn_protocols",
        ]
        where fields.says(name) {
            throw .notImplemented("\(Self.noTLS) \(name).")
        }
    }

    private static func persistence(_ fields: Fields, _ serviceProtocol: String) throws(OctaviaFault) -> PoolRecord.Persistence? {
        let known: Set = ["type", "cookie_name", "persistence_timeout", "persistence_granularity"]
        guard let object = try fields.object("session_persistence", known: known) else { return nil }
        let type = try object.neededWord("type", ["SOURCE_IP", "HTTP_COOKIE", "APP_COOKIE"])
        let isDatagram = ["UDP", "SCTP"].contains(serviceProtocol)
        let timeout = try object.number("persistence_timeout", 1...Int(Int32.max))
        let cookie = try object.text("cookie_name")
        if !isDatagram, timeout != nil || object.says("persistence_granularity") {
            throw .validation("persistence_timeout and persistence_granularity is only for UDP and SCTP protocol pools.")
        }
        if isDatagram, type != "SOURCE_IP" {
            throw .validation("Session persistence of type \(type) is not supported for UDP/SCTP protocol pools.")
        }
        if cookie != nil, type != "APP_COOKIE" {
            throw .validation("Field \"cookie_name\" can only be specified with session persistence of type \"APP_COOKIE\".")
        }
        if object.says("persistence_granularity") {
            throw .notImplemented("No worker keeps networks of clients together: leave out persistence_granularity.")
        }
        if type == "APP_COOKIE" {
            throw .notImplemented("No worker follows the cookie of an application: use HTTP_COOKIE or SOURCE_IP.")
        }
        return type == "SOURCE_IP" ? .sourceIP(timeout: timeout) : .httpCookie
    }

    func apply(to record: inout PoolRecord) {
        record.algorithm = algorithm ?? record.algorithm
        if let persistence { record.persistence = persistence }
    }
}

/// A pool that a body asks for.
struct NewPool: Sendable {
    let head: HeadChange
    let serviceProtocol: String
    let settings: PoolSettings
    let members: [NewMember]
    let monitor: NewMonitor?

    static let changeable: Set = [
        "name", "description", "admin_state_up", "lb_algorithm", "session_persistence", "tags", "tls_container_ref", "ca_tls_container_ref",
        "crl_container_ref", "tls_enabled", "tls_ciphers", "tls_versions", "alpn_protocols",
    ]
    /// Of one within a load balancer or a listener.
    static let nested = changeable.union(["protocol", "healthmonitor", "members"])
    static let known = nested.union(["listener_id", "loadbalancer_id", "project_id", "tenant_id"])

    init(_ fields: Fields) throws(OctaviaFault) {
        head = try HeadChange(fields)
        serviceProtocol = try fields.neededWord("protocol", ["TCP", "HTTP", "HTTPS", "PROXY", "PROXYV2", "UDP", "SCTP"])
        if serviceProtocol.hasPrefix("PROXY") {
            throw .notImplemented("No worker speaks the PROXY protocol with members: use TCP, HTTP or HTTPS.")
        }
        _ = try fields.neededWord("lb_algorithm", PoolSettings.algorithms)
        settings = try PoolSettings(fields, serviceProtocol)
        var members: [NewMember] = []
        for (index, value) in (try fields.list("members") ?? []).enumerated() {
            let member = try NewMember(try Fields(value, at: fields.place("members", index), known: NewMember.known))
            if members.contains(where: { $0.address == member.address && $0.port == member.port }) {
                throw .duplicateMember(member.address, member.port)
            }
            members.append(member)
            if members.count > PoolRecord.mostMembers { throw .validation("a pool has \(PoolRecord.mostMembers) members at most") }
        }
        self.members = members
        let serviceProtocol = serviceProtocol
        monitor = try fields.object("healthmonitor", known: NewMonitor.nested).map { object throws(OctaviaFault) in
            let monitor = try NewMonitor(object)
            try monitor.check(poolProtocol: serviceProtocol)
            return monitor
        }
    }

    /// The record of a new pool.
    func record(of parent: LoadBalancerRecord, at time: Timestamp) -> PoolRecord {
        let project = parent.head.project
        var record = PoolRecord(
            head.head(project: project, at: time), loadBalancer: parent.head.id, serviceProtocol: serviceProtocol, algorithm: "ROUND_ROBIN")
        settings.apply(to: &record)
        record.members = members.enumerated().map { $1.record(project: project, at: time + .microseconds($0)) }
        record.monitor = monitor?.record(project: project, at: time)
        return record
    }
}
