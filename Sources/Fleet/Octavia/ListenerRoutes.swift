import Authorization
import FleetModel
import HTTPServer
import LBaaS

extension OctaviaAPI {
    var listenerRoutes: [(HTTPMethod, String, Handler)] {
        [
            (.get, "/listeners", listListeners), (.post, "/listeners", createListener), (.get, "/listeners/{id}", showListener),
            (.put, "/listeners/{id}", updateListener), (.delete, "/listeners/{id}", deleteListener),
            (.get, "/listeners/{id}/stats", showListenerStatistics),
        ]
    }

    @Sendable private func listListeners(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try list(call, { $0.listeners.ordered }) { state, entry in
            let status = state.status(of: entry)
            return status == .gone ? nil : state.view(of: entry, as: status)
        }
    }

    @Sendable private func showListener(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let view = try look(call, "Listener", call.id(), { $0.listener($1) }) { state, entry, status in state.view(of: entry, as: status) }
        return .octavia(200, view, fields: try ListQuery(call.request).fields)
    }

    @Sendable private func showListenerStatistics(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        .statistics(
            try look(call, "Listener", call.id(), { $0.listener($1) }) { state, entry, _ in state.counters(ofListener: entry.record.head.id)
            })
    }

    @Sendable private func createListener(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let fields = try Fields.root(call.request.body, "listener", known: NewListener.known)
        let parentID = try fields.neededUUID("loadbalancer_id")
        let (wanted, newPool) = try NewListener.single(fields)
        let poolID = try fields.uuid("default_pool_id")
        let quota = configuration.quota
        let view = try change(call, "listener.create") { (edit) throws(OctaviaFault) in
            let parent = try edit.mutable(parentID, call)
            let project = parent.record.head.project
            try edit.checkQuota(.listener, "Listener", of: project, quota)
            var pool: PoolRecord?
            if let newPool {
                try edit.checkQuota(.pool, "Pool", of: project, quota)
                try edit.checkPools(of: parentID)
                let record = newPool.record(of: parent.record, at: edit.now)
                edit.create(.pool, record)
                pool = record
            } else if let poolID {
                let found = try edit.pool(poolID, of: parentID)
                try Translation.check(wanted.serviceProtocol, pool: found.serviceProtocol)
                pool = found
            }
            let others = edit.state.listeners(of: parentID)
            if let other = others.first(where: { wanted.isAtPort($0.record.port, $0.record.serviceProtocol) }) {
                throw .duplicate(other.record.serviceProtocol, other.record.port)
            }
            let workers = edit.state.workers(of: parent.record).count
            if others.count >= Edit.mostListeners(on: workers) { throw .quota("Listener: " + Edit.tooManyListeners(on: workers)) }
            edit.touch(parent)
            let record = try edit.create(wanted, of: parent.record, pool)
            return (ListenerView(record: record, status: .pending(.create), operating: Operating.offline), record.head.id)
        }
        return .octavia(201, view)
    }

    @Sendable private func updateListener(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let fields = try Fields.root(call.request.body, "listener", known: NewListener.changeable)
        let head = try HeadChange(fields)
        let poolID = try fields.uuid("default_pool_id")
        // Wrong values come before a listener that is not there. The protocol HTTP has all fields.
        _ = try ListenerSettings(fields, .http)
        let view = try change(call, "listener.update") { (edit) throws(OctaviaFault) in
            let (old, parent) = try edit.mutableListener(call.id(), call)
            let settings = try ListenerSettings(fields, old.record.serviceProtocol)
            var new = old.record
            head.apply(to: &new.head)
            settings.apply(to: &new)
            if fields.has("default_pool_id") { new.defaultPool = poolID }
            let pool = try new.defaultPool.map { id throws(OctaviaFault) in try edit.pool(id, of: parent.record.head.id) }
            if let pool { try Translation.check(new.serviceProtocol, pool: pool.serviceProtocol) }
            edit.touch(parent)
            new = edit.replace(.listener, old, with: new)
            edit.write(new, pool, of: parent.record)
            return (
                ListenerView(record: new, status: .pending(.update), operating: edit.state.operatingStatus(of: new, .active)), new.head.id
            )
        }
        return .octavia(200, view)
    }

    @Sendable private func deleteListener(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try change(call, "listener.delete") { (edit) throws(OctaviaFault) in
            let (old, parent) = try edit.mutableListener(call.id(), call)
            edit.touch(parent)
            if edit.removeParts(ofListener: old.record.head.id) {
                var gone = old.record
                gone.defaultPool = nil
                _ = edit.replace(.listener, old, .delete, with: gone)
            } else {
                edit.remove(.listener, old.record.head.id, revision: old.revision)
            }
            return ((), old.record.head.id)
        }
        return HTTPResponse(status: 204)
    }
}

extension Edit {
    /// A pool of a load balancer, for a listener of the same.
    func pool(_ id: String, of loadBalancer: String) throws(OctaviaFault) -> PoolRecord {
        guard let pool = state.pools[id], pool.record.loadBalancer == loadBalancer, state.status(of: pool) != .gone,
            pool.record.head.change != .delete
        else { throw .notFound("Pool", id) }
        return pool.record
    }

    /// Checks that a load balancer can have another pool.
    func checkPools(of loadBalancer: String) throws(OctaviaFault) {
        if state.pools(of: loadBalancer).count >= Self.mostPools { throw .quota("Pool: a load balancer has \(Self.mostPools) at most") }
    }
}

/// What of a listener can be changed.
struct ListenerSettings: Sendable {
    private var clientTimeout: Int?
    private var memberTimeout: Int?
    private var connectTimeout: Int?
    private var insertsForwardedFor: Bool?

    /// 24 days, as in Octavia.
    private static let longest = 24 * 24 * 60 * 60 * 1000

    init(_ fields: Fields, _ serviceProtocol: ServiceProtocol) throws(OctaviaFault) {
        let range = 0...Self.longest
        if fields.has("timeout_client_data") { clientTimeout = try fields.number("timeout_client_data", range) ?? 50_000 }
        if fields.has("timeout_member_data") { memberTimeout = try fields.number("timeout_member_data", range) ?? 50_000 }
        if fields.has("timeout_member_connect") { connectTimeout = try fields.number("timeout_member_connect", range) ?? 5000 }
        _ = try fields.number("timeout_tcp_inspect", range)
        _ = try fields.number("connection_limit", -1...Int.max)
        if fields.has("insert_headers") { insertsForwardedFor = try Self.insertsForwardedFor(fields, serviceProtocol) }
        for (name, sentence) in Self.missing where fields.says(name) { throw .notImplemented(sentence) }
        if fields.says("connection_limit") {
            throw .notImplemented("No worker limits the connections of a listener: leave out connection_limit, or set it to -1.")
        }
        if let mode = try fields.text("client_authentication"), mode != "NONE" { throw .notImplemented(Self.noTLS) }
    }

    static let noTLS = "No worker ends TLS: use HTTPS, which is passed through to the members."

    private static let missing: [(String, String)] =
        [
            "default_tls_container_ref", "sni_container_refs", "client_ca_tls_container_ref", "client_crl_container_ref", "tls_ciphers",
            "tls_versions", "alpn_protocols", "hsts_max_age", "hsts_include_subdomains", "hsts_preload",
        ].map { ($0, noTLS + " Leave out \($0).") } + [
            ("l7policies", "No worker looks at requests to choose a pool: leave out l7policies."),
            ("allowed_cidrs", "No worker filters clients by their addresses: leave out allowed_cidrs."),
            ("timeout_tcp_inspect", "No worker inspects connections before it chooses a member: leave out timeout_tcp_inspect."),
        ]

    private static func insertsForwardedFor(_ fields: Fields, _ serviceProtocol: ServiceProtocol) throws(OctaviaFault) -> Bool {
        guard case .object(let headers)? = fields["insert_headers"], !headers.isEmpty else {
            if let value = fields["insert_headers"], value != .object([]) {
                throw fields.fault("insert_headers", "Value should be an object")
            }
            return false
        }
        guard serviceProtocol == .http else { throw .option("insert-headers", "a \(serviceProtocol.rawValue) protocol listener.") }
        for header in headers where header.name != "X-Forwarded-For" {
            throw .notImplemented("Workers insert X-Forwarded-For and no other header: leave out \(header.name.prefix(60)).")
        }
        return headers.contains { ["true", "True"].contains($0.value.shown) }
    }

    func apply(to record: inout ListenerRecord) {
        record.clientTimeout = clientTimeout ?? record.clientTimeout
        record.memberTimeout = memberTimeout ?? record.memberTimeout
        record.connectTimeout = connectTimeout ?? record.connectTimeout
        record.insertsForwardedFor = insertsForwardedFor ?? record.insertsForwardedFor
    }
}

/// A listener that a body asks for.
struct NewListener: Sendable {
    let head: HeadChange
    let serviceProtocol: ServiceProtocol
    let port: UInt16
    let settings: ListenerSettings
    /// The name of its pool, where it is created together with its load balancer.
    let poolName: String?

    static let changeable: Set = [
        "name", "description", "admin_state_up", "connection_limit", "default_tls_container_ref", "sni_container_refs", "default_pool_id",
        "insert_headers", "timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect", "tags",
        "client_ca_tls_container_ref", "client_authentication", "client_crl_container_ref", "allowed_cidrs", "tls_ciphers", "tls_versions",
        "alpn_protocols", "hsts_max_age", "hsts_include_subdomains", "hsts_preload",
    ]
    /// Of one within a load balancer.
    static let nested = changeable.union(["protocol", "protocol_port", "default_pool", "l7policies"])
    static let known = nested.union(["loadbalancer_id", "project_id", "tenant_id"])

    private init(_ fields: Fields, poolName: String?) throws(OctaviaFault) {
        head = try HeadChange(fields)
        let word = try fields.neededWord("protocol", ["TCP", "HTTPS", "HTTP", "TERMINATED_HTTPS", "UDP", "SCTP", "PROMETHEUS"])
        if word == "TERMINATED_HTTPS" { throw .notImplemented(ListenerSettings.noTLS) }
        guard let serviceProtocol = ServiceProtocol(rawValue: word) else {
            throw .notImplemented("No worker serves metrics by a listener of the protocol PROMETHEUS: ask the server at /metrics.")
        }
        self.serviceProtocol = serviceProtocol
        port = UInt16(clamping: try fields.neededNumber("protocol_port", 1...65535))
        settings = try ListenerSettings(fields, serviceProtocol)
        self.poolName = poolName
    }

    /// One that is created by itself, with a new pool where it has one.
    static func single(_ fields: Fields) throws(OctaviaFault) -> (NewListener, NewPool?) {
        let pool = try fields.object("default_pool", known: NewPool.nested).map { pool throws(OctaviaFault) in try NewPool(pool) }
        return (try NewListener(fields, poolName: nil), pool)
    }

    /// One that is created together with its load balancer. Its pool can be a name alone.
    static func nested(_ fields: Fields) throws(OctaviaFault) -> (NewListener, NewPool?) {
        if let id = try fields.uuid("default_pool_id") { throw .notFound("Pool", id) }
        guard let object = try fields.object("default_pool", known: NewPool.nested) else {
            return (try NewListener(fields, poolName: nil), nil)
        }
        guard let name = try object.text("name"), !name.isEmpty else {
            throw .validation("Pools must be named when creating a fully populated loadbalancer.")
        }
        let isName = !["protocol", "lb_algorithm", "members", "healthmonitor", "session_persistence"].contains(where: object.has)
        return (try NewListener(fields, poolName: name), isName ? nil : try NewPool(object))
    }

    /// Whether it would listen where another does.
    func isAtPort(_ port: UInt16, _ serviceProtocol: ServiceProtocol) -> Bool {
        port == self.port && serviceProtocol.transport == self.serviceProtocol.transport
    }

    func isAtPort(of other: NewListener) -> Bool { isAtPort(other.port, other.serviceProtocol) }
}
