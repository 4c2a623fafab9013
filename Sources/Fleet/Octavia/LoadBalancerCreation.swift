import Authorization
import FleetAuth
import FleetModel
import FleetStore
import HTTPServer
import LBaaS

extension OctaviaAPI {
    @Sendable func createLoadBalancer(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let wanted = try NewLoadBalancer(call.request.body)
        let project = wanted.project ?? call.session.project
        try call.mayReach(project, to: .change)
        let quota = configuration.quota
        let tree = try change(call, "loadbalancer.create") { (edit) throws(OctaviaFault) in
            try edit.checkQuota(.loadBalancer, "Load Balancer", of: project, quota)
            try wanted.checkQuotas(&edit, project, quota)
            let (group, address) = try wanted.placement.choose(edit.state)
            if wanted.listeners.count > Edit.mostListeners(on: group.workers.count) {
                throw .validation("listeners: " + Edit.tooManyListeners(on: group.workers.count))
            }
            var record = LoadBalancerRecord(
                wanted.head.head(project: project, at: edit.now), group: group.name, address: address, provider: wanted.provider,
                preferredWorker: Int.random(in: 0..<max(1, group.workers.count)))
            record.port = wanted.port
            edit.create(.loadBalancer, record)
            edit.take(address, of: group.name, for: record.head.id)
            edit.writeAddress(of: record)
            // Each at a time of its own: lists are in the order of times.
            let pools = wanted.pools.map { $0.record(of: record, at: edit.nextTime(after: $0.members.count)) }
            for pool in pools { edit.create(.pool, pool) }
            var listeners: [ListenerRecord] = []
            for listener in wanted.listeners {
                let pool = try listener.poolName.map { name throws(OctaviaFault) in try wanted.pool(named: name, pools) }
                listeners.append(try edit.create(listener, of: record, pool))
            }
            return (Tree(edit.state, record, listeners, pools), record.head.id)
        }
        return .octavia(201, tree.json)
    }
}

extension Edit {
    /// The most listeners and pools of a load balancer.
    static let mostListeners = 40
    static let mostPools = 40

    /// The most listeners of a load balancer on so many workers. One transaction can take all of them away from the workers with the address,
    /// and can take a pool away from all of them; beside that it writes the load balancer, the pool and the audit.
    static func mostListeners(on workers: Int) -> Int {
        let keys = StoreLimits.transactionKeys
        return (0...mostListeners).last { ($0 + 1) * workers + 2 <= keys && $0 * (workers + 1) + 3 <= keys } ?? 0
    }

    /// That a load balancer has as many listeners as it can.
    static func tooManyListeners(on workers: Int) -> String {
        "a load balancer on a group of \(workers) workers has \(mostListeners(on: workers)) at most: make another one for more"
    }

    /// Creates a listener.
    mutating func create(
        _ wanted: NewListener, of parent: LoadBalancerRecord, _ pool: PoolRecord?
    ) throws(OctaviaFault) -> ListenerRecord {
        var record = ListenerRecord(
            wanted.head.head(project: parent.head.project, at: nextTime()), loadBalancer: parent.head.id,
            serviceProtocol: wanted.serviceProtocol,
            port: wanted.port)
        wanted.settings.apply(to: &record)
        if let pool {
            try Translation.check(record.serviceProtocol, pool: pool.serviceProtocol)
            record.defaultPool = pool.head.id
        }
        create(.listener, record)
        write(record, pool, of: parent)
        return record
    }
}

/// A load balancer that a body asks for, with all that is below it.
struct NewLoadBalancer: Sendable {
    let head: HeadChange
    let project: String?
    let provider: String
    let placement: Placement
    let port: String?
    let pools: [NewPool]
    let listeners: [NewListener]

    /// The providers: this fleet, by the name that clients use without thinking and by its own.
    static let providers = ["lbaas", "octavia"]

    private static let known: Set = [
        "name", "description", "admin_state_up", "vip_address", "vip_port_id", "vip_subnet_id", "vip_network_id", "vip_qos_policy_id",
        "vip_sg_ids", "additional_vips", "project_id", "tenant_id", "listeners", "pools", "provider", "tags", "flavor_id",
        "availability_zone",
    ]

    init(_ body: [UInt8]) throws(OctaviaFault) {
        let fields = try Fields.root(body, "loadbalancer", known: Self.known)
        head = try HeadChange(fields)
        let tenant = try fields.text("tenant_id", most: 36)
        project = try fields.text("project_id", most: 36) ?? tenant
        provider = try fields.text("provider", most: 64) ?? Self.providers[0]
        guard Self.providers.contains(provider) else { throw OctaviaFault(501, "Provider '\(provider)' was not found.") }
        if fields.says("flavor_id") { throw .validation("Invalid flavor_id.") }
        if fields.says("availability_zone") { throw .validation("Invalid availability zone.") }
        if fields.says("additional_vips") { throw .notImplemented("A load balancer has one virtual IP: leave out additional_vips.") }
        if fields.says("vip_qos_policy_id") {
            throw .notImplemented("No worker limits the bandwidth of a virtual IP: leave out vip_qos_policy_id.")
        }
        if fields.says("vip_sg_ids") { throw .notImplemented("No worker has security groups: leave out vip_sg_ids.") }
        port = try fields.uuid("vip_port_id")
        if let port { throw OctaviaFault(400, "Port \(port) not found.") }
        placement = Placement(
            address: try fields.address("vip_address"), subnet: try fields.uuid("vip_subnet_id"), network: try fields.uuid("vip_network_id")
        )
        (pools, listeners) = try Self.children(fields)
    }

    /// The pools and listeners. Pools within listeners are pools as others, or name one.
    private static func children(_ fields: Fields) throws(OctaviaFault) -> ([NewPool], [NewListener]) {
        var pools: [NewPool] = []
        for (index, value) in (try fields.list("pools") ?? []).enumerated() {
            pools.append(try NewPool(try Fields(value, at: fields.place("pools", index), known: NewPool.nested)))
        }
        var listeners: [NewListener] = []
        for (index, value) in (try fields.list("listeners") ?? []).enumerated() {
            let object = try Fields(value, at: fields.place("listeners", index), known: NewListener.nested)
            let (listener, pool) = try NewListener.nested(object)
            listeners.append(listener)
            if let pool { pools.append(pool) }
        }
        guard listeners.count <= Edit.mostListeners, pools.count <= Edit.mostPools else {
            throw .validation("a load balancer has \(Edit.mostListeners) listeners and \(Edit.mostPools) pools at most")
        }
        if !listeners.isEmpty || !pools.isEmpty {
            let names = pools.map { Array(($0.head.name ?? "").utf8) }
            if names.contains([]) { throw .validation("Pools must be named when creating a fully populated loadbalancer.") }
            if Set(names).count != names.count {
                throw .validation("Pool names must be unique when creating a fully populated loadbalancer.")
            }
        }
        for (place, listener) in listeners.enumerated() {
            if let other = listeners[..<place].first(where: { $0.isAtPort(of: listener) }) {
                throw .duplicate(other.serviceProtocol, other.port)
            }
        }
        return (pools, listeners)
    }

    /// The pool of a name.
    func pool(named name: String, _ records: [PoolRecord]) throws(OctaviaFault) -> PoolRecord {
        guard let pool = records.first(where: { $0.head.name.hasBytes(of: name) }) else {
            throw .validation("Pool '\(name)' was referenced but no full definition was found.")
        }
        return pool
    }

    func checkQuotas(_ edit: inout Edit, _ project: String, _ standard: Int) throws(OctaviaFault) {
        try edit.checkQuota(.listener, "Listener", of: project, adding: listeners.count, standard)
        try edit.checkQuota(.pool, "Pool", of: project, adding: pools.count, standard)
        try edit.checkQuota(.member, "Member", of: project, adding: pools.reduce(0) { $0 + $1.members.count }, standard)
        try edit.checkQuota(.healthMonitor, "HealthMonitor", of: project, adding: pools.count { $0.monitor != nil }, standard)
    }
}

extension OctaviaFault {
    /// That a port of a load balancer is taken.
    static func duplicate(_ serviceProtocol: ServiceProtocol, _ port: UInt16) -> OctaviaFault {
        OctaviaFault(
            409,
            "Another Listener on this Load Balancer is already using protocol \(serviceProtocol.rawValue) and protocol_port \(port)")
    }
}

/// A new load balancer with all that is below it, as the answer to its creation shows it.
private struct Tree: Sendable {
    let loadBalancer: LoadBalancerView
    let listeners: [ListenerView]
    let pools: [PoolView]

    init(_ state: FleetState, _ record: LoadBalancerRecord, _ listeners: [ListenerRecord], _ pools: [PoolRecord]) {
        let (new, offline) = (ProvisioningStatus.pending(.create), Operating.offline)
        loadBalancer = state.view(
            of: record, as: new, operating: offline, listeners: listeners.map(\.head.id), pools: pools.map(\.head.id))
        self.listeners = listeners.map { ListenerView(record: $0, status: new, operating: offline) }
        self.pools = pools.map { pool in
            PoolView(
                record: pool, status: new, operating: offline,
                listeners: listeners.filter { $0.defaultPool == pool.head.id }.map(\.head.id),
                members: pool.members.map { MemberView(record: $0, status: new, operating: state.operatingStatus(of: $0, in: pool)) },
                monitor: pool.monitor.map { MonitorView(record: $0, pool: pool.head.id, status: new, operating: offline) })
        }
    }

    var json: [UInt8] {
        var members = loadBalancer.object
        for place in members.indices {
            switch "\(members[place].name)" {
            case "listeners": members[place].value = .objects(listeners.map(\.object))
            case "pools": members[place].value = .objects(pools.map(Self.members))
            default: break
            }
        }
        return ObjectWriter.object { $0.object("loadbalancer") { FieldValue.write(members, to: &$0) } }
    }

    private static func members(_ pool: PoolView) -> [FieldMember] {
        var members = pool.fullObject
        members.append(FieldMember("healthmonitor", pool.monitor.map { .object($0.object) } ?? .null))
        return members
    }
}

extension PoolView {
    /// Its members as parts of another object, with the members of the pool as objects.
    fileprivate var fullObject: [FieldMember] {
        Self.fields.filter(\.isShown).map { field in
            FieldMember(field.name, field.isNamed("members") ? .objects(members.map(\.object)) : field.value(self))
        }
    }
}
