import Authorization
import FleetModel
import HTTPServer
import LBaaS

extension OctaviaAPI {
    var monitorRoutes: [(HTTPMethod, String, Handler)] {
        [
            (.get, "/healthmonitors", listMonitors), (.post, "/healthmonitors", createMonitor), (.get, "/healthmonitors/{id}", showMonitor),
            (.put, "/healthmonitors/{id}", updateMonitor), (.delete, "/healthmonitors/{id}", deleteMonitor),
        ]
    }

    @Sendable private func listMonitors(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let pools = { (state: FleetState) in
            state.pools.ordered.filter { $0.record.monitor != nil }.sorted { left, right in
                guard let one = left.record.monitor?.head, let other = right.record.monitor?.head else { return false }
                return (one.created, one.id) < (other.created, other.id)
            }
        }
        return try list(call, pools, head: { $0.monitor?.head }) { state, pool in
            state.status(of: pool) == .gone ? nil : state.monitor(of: pool)
        }
    }

    @Sendable private func showMonitor(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let view = try cache.read { state in
            Result { () throws(OctaviaFault) in
                guard let pool = state.poolOfMonitor[call.id()].flatMap({ state.pools[$0] }), state.status(of: pool) != .gone,
                    let view = state.monitor(of: pool)
                else { throw .notFound("HealthMonitor", call.id()) }
                try call.mayReach(pool.record.head.project, to: .read)
                return view
            }
        }.get()
        return .octavia(200, view, fields: try ListQuery(call.request).fields)
    }

    @Sendable private func createMonitor(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let fields = try Fields.root(call.request.body, "healthmonitor", known: NewMonitor.known)
        let poolID = try fields.neededUUID("pool_id")
        // Wrong values come before a pool that is not there, and that before values that do not go together.
        try NewMonitor.checkValues(fields)
        try look(call, pool: poolID) { _, _, _ in }
        let wanted = try NewMonitor(fields)
        let quota = configuration.quota
        let view = try change(call, "healthmonitor.create") { (edit) throws(OctaviaFault) in
            var (old, new, parent) = try edit.mutablePool(poolID, call)
            try wanted.check(poolProtocol: new.serviceProtocol)
            let project = parent.record.head.project
            try edit.checkQuota(.healthMonitor, "HealthMonitor", of: project, quota)
            if new.monitor != nil { throw OctaviaFault(409, "This pool already has a health monitor") }
            let record = wanted.record(project: project, at: edit.now)
            new.monitor = record
            _ = edit.change(old, to: new, of: parent)
            return (MonitorView(record: record, pool: poolID, status: .pending(.create), operating: Operating.offline), record.head.id)
        }
        return .octavia(201, view)
    }

    @Sendable private func updateMonitor(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let fields = try Fields.root(call.request.body, "healthmonitor", known: NewMonitor.changeable)
        let head = try HeadChange(fields)
        // Wrong values come before a monitor that is not there. The type HTTP has all fields.
        _ = try MonitorSettings(fields, "HTTP")
        let view = try change(call, "healthmonitor.update") { (edit) throws(OctaviaFault) in
            var (old, new, parent, record) = try edit.mutableMonitor(call)
            head.apply(to: &record.head)
            try MonitorSettings(fields, record.type).apply(to: &record)
            record.head.note(.update, at: edit.now)
            new.monitor = record
            _ = edit.change(old, to: new, of: parent)
            return (MonitorView(record: record, pool: new.head.id, status: .pending(.update), operating: Operating.online), record.head.id)
        }
        return .octavia(200, view)
    }

    @Sendable private func deleteMonitor(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try change(call, "healthmonitor.delete") { (edit) throws(OctaviaFault) in
            var (old, new, parent, record) = try edit.mutableMonitor(call)
            record.head.note(.delete, at: edit.now)
            new.monitor = record
            _ = edit.change(old, to: new, of: parent)
            return ((), record.head.id)
        }
        return HTTPResponse(status: 204)
    }
}

extension Edit {
    /// The health monitor of the path with its pool, where that may be changed.
    fileprivate func mutableMonitor(
        _ call: OctaviaAPI.Call
    ) throws(OctaviaFault) -> (old: Stored<PoolRecord>, new: PoolRecord, parent: Stored<LoadBalancerRecord>, monitor: MonitorRecord) {
        guard let pool = state.poolOfMonitor[call.id()], let entry = state.pools[pool], state.status(of: entry) != .gone else {
            throw .notFound("HealthMonitor", call.id())
        }
        let (old, new, parent) = try mutablePool(pool, call)
        guard let monitor = new.monitor else { throw .notFound("HealthMonitor", call.id()) }
        return (old, new, parent, monitor)
    }
}

/// What of a health monitor can be changed.
struct MonitorSettings: Sendable {
    private var delay, timeout, maxRetries, maxRetriesDown: Int?
    private var method, path, expectedCodes, domainName, httpVersion: String?

    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"]

    init(_ fields: Fields, _ type: String) throws(OctaviaFault) {
        // The longest that a worker takes.
        delay = try fields.number("delay", 0...86_400)
        timeout = try fields.number("timeout", 0...86_400)
        maxRetries = try fields.number("max_retries", 1...10)
        if fields.has("max_retries_down") { maxRetriesDown = try fields.number("max_retries_down", 1...10) ?? 3 }
        let isHTTP = type == "HTTP" || type == "HTTPS"
        for name in ["http_method", "url_path", "expected_codes"] where !isHTTP && fields.says(name) {
            throw .option(name, "health monitors of type \(type)")
        }
        method = try fields.word("http_method", Self.methods)
        path = try fields.text("url_path", most: 2048)
        if let path { try Self.check(path: path, fields) }
        expectedCodes = try fields.text("expected_codes", most: 64)
        if let expectedCodes, !expectedCodes.isCodes {
            throw fields.fault("expected_codes", "Value should be codes as in 200, 200,202 or 200-204")
        }
        domainName = try fields.text("domain_name")
        if let domainName, HostAddress(domainName) == nil { throw fields.fault("domain_name", "Value should be a name of a domain") }
        httpVersion = try Self.version(fields)
        if domainName != nil, !isHTTP { throw .option("domain_name", "health monitors of type \(type)") }
    }

    private static func version(_ fields: Fields) throws(OctaviaFault) -> String? {
        switch fields["http_version"] {
        case nil: return nil
        case .number(let text)?, .text(let text)?:
            if Double(text) == 1.0 { return "1.0" }
            if Double(text) == 1.1 { return "1.1" }
        default: break
        }
        throw fields.fault("http_version", "Value should be one of: 1.0, 1.1")
    }

    private static func check(path: String, _ fields: Fields) throws(OctaviaFault) {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !path.hasPrefix("//") else {
            throw fields.fault("url_path", "Value must be a valid URL Path string")
        }
    }

    func apply(to record: inout MonitorRecord) throws(OctaviaFault) {
        record.delay = delay ?? record.delay
        record.timeout = timeout ?? record.timeout
        record.maxRetries = maxRetries ?? record.maxRetries
        record.maxRetriesDown = maxRetriesDown ?? record.maxRetriesDown
        record.method = method ?? record.method
        record.path = path ?? record.path
        record.expectedCodes = expectedCodes ?? record.expectedCodes
        record.domainName = domainName ?? record.domainName
        record.httpVersion = httpVersion ?? record.httpVersion
        if record.delay < 1 || record.timeout < 1 { throw .validation("delay and timeout are one second at least") }
        if record.timeout > record.delay {
            throw .validation("the timeout of \(record.timeout) s is longer than the delay of \(record.delay) s")
        }
        if record.domainName != nil {
            guard let version = record.httpVersion else {
                throw .validation("'http_version' must be specified when 'domain_name' is provided.")
            }
            if version == "1.0" { throw .option("http_version 1.0", "health monitors HTTP 1.1 domain name health check") }
        }
    }
}

extension String {
    /// Whether it is a list of status codes, or one range of them.
    fileprivate var isCodes: Bool {
        let isForm = wholeMatch(of: /[0-9]{3}(\s*,\s*[0-9]{3})*/) != nil || wholeMatch(of: /[0-9]{3}-[0-9]{3}/) != nil
        return isForm && [ClosedRange<UInt16>](statusCodes: self) != nil
    }
}

/// A health monitor that a body asks for.
struct NewMonitor: Sendable {
    private let head: HeadChange
    private let record: MonitorRecord

    static let changeable: Set = [
        "name", "delay", "timeout", "max_retries", "max_retries_down", "http_method", "url_path", "expected_codes", "admin_state_up",
        "tags",
        "http_version", "domain_name",
    ]
    /// Of one within a pool.
    static let nested = changeable.union(["type"])
    static let known = nested.union(["pool_id", "project_id", "tenant_id"])

    private static let types = ["HTTP", "HTTPS", "PING", "TCP", "TLS-HELLO", "UDP-CONNECT", "SCTP"]

    /// Checks each value for itself.
    static func checkValues(_ fields: Fields) throws(OctaviaFault) {
        _ = try HeadChange(fields)
        _ = try fields.neededWord("type", types)
        for name in ["delay", "timeout"] { _ = try fields.neededNumber(name, 0...86_400) }
        _ = try fields.neededNumber("max_retries", 1...10)
        // The type HTTP has all fields.
        _ = try MonitorSettings(fields, "HTTP")
    }

    init(_ fields: Fields) throws(OctaviaFault) {
        head = try HeadChange(fields)
        let type = try fields.neededWord("type", Self.types)
        var record = MonitorRecord(
            ObjectHead(id: "", project: "", created: Timestamp(microseconds: 0)), type: type,
            delay: try fields.neededNumber("delay", 0...86_400), timeout: try fields.neededNumber("timeout", 0...86_400),
            maxRetries: try fields.neededNumber("max_retries", 1...10))
        if type == "HTTP" || type == "HTTPS" { (record.method, record.path, record.expectedCodes) = ("GET", "/", "200") }
        try MonitorSettings(fields, type).apply(to: &record)
        self.record = record
    }

    /// Checks that it can be that of a pool.
    func check(poolProtocol: String) throws(OctaviaFault) {
        let type = record.type
        if type == "SCTP" { throw .notImplemented("No worker checks members by SCTP: use TCP, HTTP or PING.") }
        if ["UDP", "SCTP"].contains(poolProtocol) {
            guard ["UDP-CONNECT", "TCP", "HTTP"].contains(type) else {
                throw .validation(
                    "The associated pool protocol is \(poolProtocol), so only a UDP-CONNECT/SCTP/TCP/HTTP health monitor is supported.")
            }
        } else if type == "UDP-CONNECT" {
            throw .validation("The \(type) type is only supported for pools of type UDP/SCTP.")
        }
    }

    /// The record of a new health monitor.
    func record(project: String, at time: Timestamp) -> MonitorRecord {
        var record = record
        record.head = head.head(project: project, at: time)
        return record
    }
}
