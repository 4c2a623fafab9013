package import JSON
package import LBaaS

/// A pool of Octavia with its members and its health monitor. They are one record, so that any number of members is changed at once.
package struct PoolRecord: ObjectRecord, Hashable {
    /// How a client stays with its member.
    package enum Persistence: Hashable, Sendable {
        /// By its address, for so many seconds; nil where nothing was said.
        case sourceIP(timeout: Int?)
        /// By a cookie that the load balancer sets.
        case httpCookie
    }

    /// The most members of a pool.
    package static let mostMembers = 1000

    /// What all objects have.
    package var head: ObjectHead
    /// The id of its load balancer.
    package let loadBalancer: String
    /// The protocol, in Octavia's words.
    package let serviceProtocol: String
    /// How a member is chosen, in Octavia's words.
    package var algorithm: String
    /// How a client stays with its member; nil where it does not.
    package var persistence: Persistence?
    /// The members, in the order in which they were made, also those that are deleted and not settled.
    package var members: [MemberRecord] = []
    /// The health monitor; nil for none.
    package var monitor: MonitorRecord?

    /// A new pool.
    package init(_ head: ObjectHead, loadBalancer: String, serviceProtocol: String, algorithm: String) {
        (self.head, self.loadBalancer, self.serviceProtocol, self.algorithm) = (head, loadBalancer, serviceProtocol, algorithm)
    }

    /// Takes out members and a monitor that are deleted, and notes that what is left was not changed: what was done before is settled.
    package mutating func settle() {
        members.removeAll { $0.head.change == .delete }
        for place in members.indices { members[place].head.change = .update }
        if monitor?.head.change == .delete { monitor = nil }
        monitor?.head.change = .update
    }

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object(capacity: 512 + members.count * 256) { writer in
            head.write(to: &writer)
            writer.text("load_balancer", loadBalancer)
            writer.text("protocol", serviceProtocol)
            writer.text("algorithm", algorithm)
            switch persistence {
            case .sourceIP(let timeout)?: writer.number("persistence_timeout", timeout ?? 0)
            case .httpCookie?: writer.flag("persistence_cookie", true)
            case nil: break
            }
            writer.list("members") { list in for member in members { list.element { member.write(to: &$0) } } }
            if let monitor { writer.object("monitor") { monitor.write(to: &$0) } }
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let head = ObjectHead(object), let loadBalancer = object.text("load_balancer"), let name = object.text("protocol"),
            let algorithm = object.text("algorithm")
        else { return nil }
        self.init(head, loadBalancer: loadBalancer, serviceProtocol: name, algorithm: algorithm)
        if let timeout = object.number("persistence_timeout") { persistence = .sourceIP(timeout: timeout == 0 ? nil : timeout) }
        if object.flag("persistence_cookie") { persistence = .httpCookie }
        for element in object.elements(of: "members") {
            guard let member = MemberRecord(element) else { return nil }
            members.append(member)
        }
        if let value = object["monitor"] {
            guard let monitor = MonitorRecord(value) else { return nil }
            self.monitor = monitor
        }
    }
}

/// A member of a pool: a node.
package struct MemberRecord: Hashable, Sendable {
    /// What all objects have.
    package var head: ObjectHead
    /// Where it is.
    package let address: IPAddress
    /// Its port.
    package let port: UInt16
    /// Its share, 0 to 256; 0 for one that drains.
    package var weight: Int
    /// Whether it serves only where no other can.
    package var isBackup: Bool
    /// The subnet that the client named; nil for none.
    package var subnet: String?

    /// A new member.
    package init(_ head: ObjectHead, address: IPAddress, port: UInt16, weight: Int = 1, isBackup: Bool = false) {
        (self.head, self.address, self.port, self.weight, self.isBackup) = (head, address, port, weight, isBackup)
    }

    func write(to writer: inout ObjectWriter) {
        head.write(to: &writer)
        writer.text("address", address.description)
        writer.number("port", Int(port))
        writer.number("weight", weight)
        if isBackup { writer.flag("backup", true) }
        writer.optional("subnet", subnet)
    }

    init?(_ object: JSONValue) {
        guard let head = ObjectHead(object), let address = object.text("address").flatMap(IPAddress.init),
            let port = object.number("port").flatMap(UInt16.init(exactly:)), let weight = object.number("weight")
        else { return nil }
        self.init(head, address: address, port: port, weight: weight, isBackup: object.flag("backup"))
        subnet = object.text("subnet")
    }
}

/// A health monitor of a pool. The words are Octavia's.
package struct MonitorRecord: Hashable, Sendable {
    /// What all objects have.
    package var head: ObjectHead
    /// What a check does.
    package let type: String
    /// Seconds between checks.
    package var delay: Int
    /// Seconds until a check has failed.
    package var timeout: Int
    /// After so many checks that passed a member is up.
    package var maxRetries: Int
    /// After so many checks that failed a member is down.
    package var maxRetriesDown = 3
    /// What is asked for by HTTP; nil where nothing was said.
    package var method, path, expectedCodes, domainName: String?
    /// The version of HTTP, as it is written; nil where nothing was said.
    package var httpVersion: String?

    /// A new monitor.
    package init(_ head: ObjectHead, type: String, delay: Int, timeout: Int, maxRetries: Int) {
        (self.head, self.type, self.delay, self.timeout, self.maxRetries) = (head, type, delay, timeout, maxRetries)
    }

    func write(to writer: inout ObjectWriter) {
        head.write(to: &writer)
        writer.text("type", type)
        writer.number("delay", delay)
        writer.number("timeout", timeout)
        writer.number("max_retries", maxRetries)
        writer.number("max_retries_down", maxRetriesDown)
        writer.optional("method", method)
        writer.optional("path", path)
        writer.optional("expected_codes", expectedCodes)
        writer.optional("domain_name", domainName)
        writer.optional("http_version", httpVersion)
    }

    init?(_ object: JSONValue) {
        guard let head = ObjectHead(object), let type = object.text("type"), let delay = object.number("delay"),
            let timeout = object.number("timeout"), let maxRetries = object.number("max_retries")
        else { return nil }
        self.init(head, type: type, delay: delay, timeout: timeout, maxRetries: maxRetries)
        maxRetriesDown = object.number("max_retries_down") ?? maxRetriesDown
        (method, path, expectedCodes) = (object.text("method"), object.text("path"), object.text("expected_codes"))
        (domainName, httpVersion) = (object.text("domain_name"), object.text("http_version"))
    }
}

/// How many objects a project may have.
package struct QuotaRecord: Hashable, Sendable {
    /// What is counted.
    package enum Resource: String, CaseIterable, Sendable {
        case loadBalancer = "load_balancer"
        case listener
        case pool
        case member
        case healthMonitor = "health_monitor"
    }

    /// The limits that were set, -1 for none.
    package var limits: [Resource: Int] = [:]

    /// No limits.
    package init() {}

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            writer.object("limits") { limits in
                for resource in Resource.allCases {
                    if let limit = self.limits[resource] { limits.json(named: resource.rawValue, "\(limit)") }
                }
            }
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let limits = object["limits"], limits.isObject else { return nil }
        for (name, value) in limits.members {
            if let resource = name.string.flatMap(Resource.init), let limit = value.integer { self.limits[resource] = limit }
        }
    }
}
