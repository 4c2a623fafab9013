import JSON
import LBaaS
import LoadBalancerJSON
import Requests

private enum JobField: Int, FieldName {
    case action, loadBalancers, dryRun, force, storeType, basePath, endpoint, token, virtualIPs, revision, front, totals, details
    /// Clients of the original have a field of this name, which says nothing here.
    case virtualIps

    static let table = FieldTable<JobField>([
        "hpcs_action", "loadBalancers", "hpcs_dry_run", "hpcs_force", "hpcs_object_store_type", "hpcs_object_store_basepath",
        "hpcs_object_store_endpoint", "hpcs_object_store_token", "virtualIPs", "hpcs_revision", "hpcs_front", "hpcs_totals", "hpcs_details",
        "virtualIps",
    ])
}

/// What a job asks for. The raw value is its name on the wire.
enum JobAction: String, CaseIterable, Sendable {
    case update = "UPDATE"
    case create = "CREATE"
    case suspend = "SUSPEND"
    case enable = "ENABLE"
    case delete = "DELETE"
    case discover = "DISCOVER"
    case stats = "STATS"
    case metrics = "METRICS"
    case archive = "ARCHIVE"
    case diagnostics = "DIAGNOSTICS"
}

private let actions = Choices(JobAction.self)

/// Reads a job, and notes what the reply gets on the way.
struct RequestDecoder {
    /// The action, as soon as it is known.
    private(set) var action: JobAction?
    private(set) var reply = ReplyEdits()
    /// What the job asks its answer to have besides.
    private(set) var extras = ReplyExtras()
    /// The sentences of all that is wrong with the load balancers but the first, where the job is of a front.
    private(set) var otherErrors: [String] = []

    mutating func decode(_ job: JSONValue) throws(FieldError) -> Request {
        let fields = try JobField.table.find(in: job)
        guard let actionField = fields[.action] else {
            try fields.refuseNearMiss()
            throw .invalid("hpcs_action: is missing; it says what to do")
        }
        let action = try actionField.oneOf(actions, "an action")
        self.action = action
        // An UPDATE without load balancers is answered as the original answers it, whatever else it has.
        if fields[.loadBalancers] != nil || ![.update, .create, .archive].contains(action) { try fields.refuseNearMiss() }
        if ![.update, .create, .delete].contains(action), let force = fields[.force], force.boolean == true {
            throw force.wrong("is for UPDATE, CREATE and DELETE, and this is \(action.rawValue)")
        }
        switch action {
        case .discover:
            extras.hasDetails = try fields.unlessNull(.details)?.boolean("whether the driver is told") ?? false
            return .discover
        case .diagnostics: return .diagnostics
        case .archive: return .archive(try archiveOrder(fields))
        case .stats: return .status(try selection(fields))
        case .metrics:
            extras.hasTotals = try fields.unlessNull(.totals)?.boolean("whether all bytes are told") ?? false
            return .metrics(try selection(fields), hasConnections: extras.hasTotals)
        case .update:
            // A front leaves out what is refused, and sends the rest again.
            extras.hasRefusals = fields.unlessNull(.revision) != nil
            return try change(try update(fields), fields)
        case .create: return try change(try create(fields), fields)
        case .suspend: return try change(.suspend(try selection(fields)), fields)
        case .enable: return try change(.enable(try selection(fields)), fields)
        case .delete: return try change(try delete(fields), fields)
        }
    }

    /// An UPDATE without virtual IPs leaves these as they are.
    private mutating func update(_ fields: Fields<JobField>) throws(FieldError) -> WantedChange {
        let update = WantedChange.update(try loadBalancers(fields))
        guard let list = fields[.virtualIPs] else { return update }
        return .virtualIPs(.replace(try VirtualIPDecoder.list(list)), with: update)
    }

    /// A CREATE of virtual IPs needs no load balancers.
    private mutating func create(_ fields: Fields<JobField>) throws(FieldError) -> WantedChange {
        guard let list = fields[.virtualIPs] else { return .create(try loadBalancers(fields)) }
        let create = fields[.loadBalancers] == nil ? nil : WantedChange.create(try loadBalancers(fields))
        if create == nil { try fields.refuseNearMiss() }
        return .virtualIPs(.put(try VirtualIPDecoder.list(list)), with: create)
    }

    /// A DELETE that names virtual IPs and no load balancers deletes none of these.
    private func delete(_ fields: Fields<JobField>) throws(FieldError) -> WantedChange {
        guard let list = fields[.virtualIPs] else { return .delete(try selection(fields)) }
        let delete = fields[.loadBalancers] == nil ? nil : WantedChange.delete(try selection(fields))
        return .virtualIPs(.remove(try VirtualIPDecoder.addresses(list), mustExist: false), with: delete)
    }

    private func change(_ change: WantedChange, _ fields: Fields<JobField>) throws(FieldError) -> Request {
        .change(
            change,
            ChangeOptions(
                isDryRun: try fields.unlessNull(.dryRun)?.boolean("whether this is a dry run") ?? false,
                isForced: try fields.unlessNull(.force)?.boolean("whether this is done by force") ?? false,
                front: try front(fields)))
    }

    /// Longer numbers are read as the highest there is, which is therefore none.
    private static let numbers = 0...(Int.max - 1)

    /// Which state of a fleet's front the job brings. Only a whole state has one.
    private func front(_ fields: Fields<JobField>) throws(FieldError) -> FrontRevision? {
        guard action == .update else { return nil }
        guard let field = fields.unlessNull(.revision) else {
            guard let name = fields.unlessNull(.front) else { return nil }
            throw name.wrong("names a front, whose hpcs_revision is missing")
        }
        let number = try field.integer("the number of a state", Self.numbers)
        let name = try fields.unlessNull(.front)?.within(255).string("the name of a front") ?? ""
        return FrontRevision(name: name, number: UInt64(number))
    }

    private mutating func loadBalancers(_ fields: Fields<JobField>) throws(FieldError) -> [LoadBalancer] {
        guard let list = fields[.loadBalancers] else { throw .invalidObject("Missing 'loadBalancers' element", path: "job") }
        var decoder = LoadBalancerDecoder(reply: reply, looksOn: extras.hasRefusals)
        defer { (reply, otherErrors) = (decoder.reply, decoder.otherErrors) }
        return try decoder.decode(list)
    }

    /// Null is refused: to take it for absent would let a DELETE of nothing be a DELETE of all.
    private func selection(_ fields: Fields<JobField>) throws(FieldError) -> Selection {
        guard let field = fields[.loadBalancers] else { return .all }
        var ids: [LoadBalancerID] = []
        var known = Set<LoadBalancerID>()
        for element in try field.list() {
            let id = try named(by: try element.object())
            if known.insert(id).inserted { ids.append(id) }
        }
        return .named(ids)
    }

    private func named(by element: JSONValue) throws(FieldError) -> LoadBalancerID {
        let fields = try LoadBalancerField.table.find(in: element)
        try fields.refuseNearMiss()
        // One from before there were limits can still be named.
        return try fields.identity(serviceProtocol: try fields.unlessNull(.protocol)?.string("a protocol"), limits: .none)
    }

    private func archiveOrder(_ fields: Fields<JobField>) throws(FieldError) -> ArchiveOrder {
        func required(_ field: JobField, _ name: String) throws(FieldError) -> JSONValue {
            guard let value = fields[field] else { throw .invalidObject("Missing '\(name)' element", path: "job") }
            return value
        }
        let type = try required(.storeType, "hpcs_object_store_type").string("a store type").lowercased()
        guard type == "swift" else { throw .invalidObject("'\(type)' is not a valid store type", path: "hpcs_object_store_type") }
        let basePath = try required(.basePath, "hpcs_object_store_basepath")
        let endpoint = try required(.endpoint, "hpcs_object_store_endpoint")
        let tokenField = try required(.token, "hpcs_object_store_token")
        let list = try required(.loadBalancers, "loadBalancers")
        // The value is a secret even where it is wrong.
        guard let token = tokenField.string else { throw .invalid("\(tokenField.path): is not a token (a string)") }
        let limits = LengthLimits.standard
        guard token.utf8.count <= limits.token else {
            throw .invalid("\(tokenField.path): has \(token.utf8.count) bytes; it may have \(limits.token)")
        }

        guard let first = try list.list().first(where: { _ in true }), first.isObject else {
            throw .invalid("loadBalancers[0]: is missing; it says whose log to store")
        }
        try fields.refuseNearMiss()
        let loadBalancer = try LoadBalancerField.table.find(in: first)
        try loadBalancer.refuseNearMiss()
        guard let id = loadBalancer.unlessNull(.id), !id.equals("") else {
            throw .invalid("loadBalancers[0].id: is missing; it says whose log to store")
        }
        guard let serviceProtocol = loadBalancer[.protocol] else { throw .invalid("loadBalancers[0].protocol: is missing") }
        let value = try serviceProtocol.oneOf(serviceProtocols, "a protocol")
        // Clients of the original send no id with UPDATE, but one with ARCHIVE.
        let name = (try? loadBalancer.unlessNull(.name)?.identifier()) ?? ""
        let otherNames = [name, value.rawValue.lowercased()].filter { !$0.isEmpty }
        return ArchiveOrder(
            loadBalancer: LoadBalancerID(try id.identifier()), otherNames: otherNames.map { LoadBalancerID($0) }, serviceProtocol: value,
            basePath: try basePath.within(limits.basePath).string("a base path"),
            endpoint: try endpoint.within(limits.endpoint).string("an address"), token: token)
    }
}
