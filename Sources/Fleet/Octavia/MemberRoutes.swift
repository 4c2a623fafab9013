import Authorization
import FleetModel
import HTTPServer
import LBaaS

extension OctaviaAPI {
    var memberRoutes: [(HTTPMethod, String, Handler)] {
        let path = "/pools/{pool}/members"
        return [
            (.get, path, listMembers), (.post, path, createMember), (.put, path, replaceMembers), (.get, path + "/{id}", showMember),
            (.put, path + "/{id}", updateMember), (.delete, path + "/{id}", deleteMember),
        ]
    }

    @Sendable private func listMembers(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let query = try ListQuery(call.request)
        let views = try look(call, pool: call.id("pool")) { state, pool, _ in state.members(of: pool) }
        return query.response(try query.apply(to: views.filter { query.mayAdmit($0.head) }), call.request)
    }

    @Sendable private func showMember(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let view = try look(call, pool: call.id("pool")) { (state, pool, _) throws(OctaviaFault) in
            guard let view = state.members(of: pool).first(where: { $0.head.id == call.id() }) else { throw .notFound("Member", call.id()) }
            return view
        }
        return .octavia(200, view, fields: try ListQuery(call.request).fields)
    }

    @Sendable private func createMember(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try look(call, pool: call.id("pool")) { _, _, _ in }
        let wanted = try NewMember(try Fields.root(call.request.body, "member", known: NewMember.known))
        let quota = configuration.quota
        let view = try change(call, "member.create") { (edit) throws(OctaviaFault) in
            var (old, new, parent) = try edit.mutablePool(call.id("pool"), call)
            try edit.checkQuota(.member, "Member", of: parent.record.head.project, quota)
            if new.members.contains(where: { $0.address == wanted.address && $0.port == wanted.port }) {
                throw .duplicateMember(wanted.address, wanted.port)
            }
            if new.members.count >= PoolRecord.mostMembers { throw .quota("Member: a pool has \(PoolRecord.mostMembers) at most") }
            let record = wanted.record(project: parent.record.head.project, at: edit.now)
            new.members.append(record)
            new = edit.change(old, to: new, of: parent)
            let view = MemberView(record: record, status: .pending(.create), operating: edit.state.operatingStatus(of: record, in: new))
            return (view, record.head.id)
        }
        return .octavia(201, view)
    }

    @Sendable private func updateMember(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try look(call, pool: call.id("pool")) { _, _, _ in }
        let fields = try Fields.root(call.request.body, "member", known: NewMember.changeable)
        let head = try HeadChange(fields)
        let settings = try MemberSettings(fields)
        let view = try change(call, "member.update") { (edit) throws(OctaviaFault) in
            var (old, new, parent) = try edit.mutablePool(call.id("pool"), call)
            let place = try new.place(of: call.id())
            head.apply(to: &new.members[place].head)
            settings.apply(to: &new.members[place])
            new.members[place].head.note(.update, at: edit.now)
            let record = new.members[place]
            new = edit.change(old, to: new, of: parent)
            return (
                MemberView(record: record, status: .pending(.update), operating: edit.state.operatingStatus(of: record, in: new)),
                record.head.id
            )
        }
        return .octavia(200, view)
    }

    @Sendable private func deleteMember(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try change(call, "member.delete") { (edit) throws(OctaviaFault) in
            var (old, new, parent) = try edit.mutablePool(call.id("pool"), call)
            let place = try new.place(of: call.id())
            new.members[place].head.note(.delete, at: edit.now)
            _ = edit.change(old, to: new, of: parent)
            return ((), call.id())
        }
        return HTTPResponse(status: 204)
    }

    /// Makes the members of a pool those of a list: by address and port it is known which are new, changed, or gone.
    @Sendable private func replaceMembers(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        try look(call, pool: call.id("pool")) { _, _, _ in }
        let root = try Fields(BodyValue(body: call.request.body), known: ["members"])
        guard let values = try root.list("members") else { throw root.fault("members", "Mandatory field missing.") }
        if values.count > PoolRecord.mostMembers { throw .validation("a pool has \(PoolRecord.mostMembers) members at most") }
        var wanted: [NewMember] = []
        var places: Set<Endpoint> = []
        var twice: NewMember?
        for (index, value) in values.enumerated() {
            let member = try NewMember(try Fields(value, at: root.place("members", index), known: NewMember.known))
            if !places.insert(member.endpoint).inserted { twice = twice ?? member }
            wanted.append(member)
        }
        let double = twice
        let isAdditive = ["true", "1", "yes", "on", "t", "y"].contains((call.request.query("additive_only") ?? "").lowercased())
        let quota = configuration.quota
        try change(call, "member.batch") { (edit) throws(OctaviaFault) in
            var (old, new, parent) = try edit.mutablePool(call.id("pool"), call)
            var present: [Endpoint: Int] = [:]
            for (place, member) in new.members.enumerated() { present[member.endpoint] = place }
            if let double {
                if present[double.endpoint] == nil { throw .duplicateMember(double.address, double.port) }
                throw .validation("Member must be updated only once in the same request.")
            }
            let added = wanted.count { present[$0.endpoint] == nil }
            let deleted = isAdditive ? 0 : new.members.count { !places.contains($0.endpoint) }
            if added == 0, deleted == 0, wanted.isEmpty { return ((), new.head.id) }
            try edit.checkQuota(.member, "Member", of: parent.record.head.project, adding: max(0, added - deleted), quota)
            if new.members.count + added - deleted > PoolRecord.mostMembers {
                throw .quota("Member: a pool has \(PoolRecord.mostMembers) at most")
            }
            if !isAdditive {
                for place in new.members.indices where !places.contains(new.members[place].endpoint) {
                    new.members[place].head.note(.delete, at: edit.now)
                }
            }
            for member in wanted {
                if let place = present[member.endpoint] {
                    member.head.apply(to: &new.members[place].head)
                    // What the list does not say of a member is the default, but for its name and tags.
                    let fresh = member.record(project: parent.record.head.project, at: edit.now)
                    (new.members[place].weight, new.members[place].isBackup) = (fresh.weight, fresh.isBackup)
                    new.members[place].head.isEnabled = fresh.head.isEnabled
                    new.members[place].head.note(.update, at: edit.now)
                } else {
                    new.members.append(member.record(project: parent.record.head.project, at: edit.nextTime()))
                }
            }
            _ = edit.change(old, to: new, of: parent)
            return ((), new.head.id)
        }
        return HTTPResponse(status: 202)
    }
}

extension OctaviaFault {
    /// That a pool has a member already.
    static func duplicateMember(_ address: IPAddress, _ port: UInt16) -> OctaviaFault {
        OctaviaFault(409, "Another member on this pool is already using ip \(address) on protocol_port \(port)")
    }
}

extension PoolRecord {
    /// The place of a member.
    fileprivate func place(of id: String) throws(OctaviaFault) -> Int {
        guard let place = members.firstIndex(where: { $0.head.id == id }) else { throw .notFound("Member", id) }
        return place
    }
}

extension MemberRecord {
    fileprivate var endpoint: Endpoint { Endpoint(host: .address(address), port: port) }
}

/// What of a member can be changed.
struct MemberSettings: Sendable {
    private var weight: Int?
    private var isBackup: Bool?

    init(_ fields: Fields) throws(OctaviaFault) {
        if fields.has("weight") { weight = try fields.number("weight", 0...256) ?? 1 }
        if fields.has("backup") { isBackup = try fields.flag("backup") ?? false }
        _ = try fields.number("monitor_port", 1...65535)
        _ = try fields.address("monitor_address")
        for name in ["monitor_port", "monitor_address"] where fields.says(name) {
            throw .notImplemented("Workers check a member at its own address and port: leave out \(name).")
        }
        if fields.says("request_sriov") {
            throw .notImplemented("No worker has virtual functions of network cards: leave out request_sriov.")
        }
    }

    func apply(to record: inout MemberRecord) {
        record.weight = weight ?? record.weight
        record.isBackup = isBackup ?? record.isBackup
    }
}

/// A member that a body asks for.
struct NewMember: Sendable {
    let head: HeadChange
    let address: IPAddress
    let port: UInt16
    let settings: MemberSettings
    let subnet: String?

    static let changeable: Set = ["name", "admin_state_up", "weight", "backup", "monitor_port", "monitor_address", "tags"]
    static let known = changeable.union(["address", "protocol_port", "subnet_id", "project_id", "tenant_id", "request_sriov"])

    init(_ fields: Fields) throws(OctaviaFault) {
        head = try HeadChange(fields)
        address = try fields.neededAddress("address")
        if address.isUnspecified { throw fields.fault("address", "Value should be the address of one host") }
        port = UInt16(clamping: try fields.neededNumber("protocol_port", 1...65535))
        settings = try MemberSettings(fields)
        subnet = try fields.uuid("subnet_id")
    }

    fileprivate var endpoint: Endpoint { Endpoint(host: .address(address), port: port) }

    /// The record of a new member.
    func record(project: String, at time: Timestamp) -> MemberRecord {
        var record = MemberRecord(head.head(project: project, at: time), address: address, port: port)
        settings.apply(to: &record)
        record.subnet = subnet
        return record
    }
}
