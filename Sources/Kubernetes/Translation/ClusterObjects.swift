/// The objects of a cluster, with the slices by the service that they belong to.
struct ClusterObjects: Sendable {
    private(set) var services: [ObjectKey: ClusterService] = [:]
    private(set) var nodes: [String: ClusterNode] = [:]
    private(set) var serviceRanges: [String: ServiceRange] = [:]
    /// How many endpoints are on the node with this name.
    private(set) var localEndpoints = 0

    private var slices: [ObjectKey: EndpointSlice] = [:]
    /// In order.
    private var slicesOfService: [ObjectKey: [ObjectKey]] = [:]
    /// Why objects cannot be read: services and slices.
    private var invalid: [ObjectKind: [ObjectKey: String]] = [:]
    private let nodeName: String

    init(nodeName: String) { self.nodeName = nodeName }

    /// The slices of a service, in order of their names.
    func slices(of service: ObjectKey) -> [EndpointSlice] {
        (slicesOfService[service] ?? []).compactMap { slices[$0] }
    }

    /// What is wrong with a service as an object.
    func faults(of service: ObjectKey) -> [String] { invalid[.service]?[service].map { [$0] } ?? [] }

    /// The objects besides services that cannot be read, by kind and name, with the reasons.
    var unreadable: [String: String] {
        var found: [String: String] = [:]
        for (kind, objects) in invalid where kind != .service {
            for (key, reason) in objects { found["\(kind.rawValue) \(key)"] = reason }
        }
        return found
    }

    /// Hands on all objects, one after another, kind by kind; not those that are invalid.
    func forEach<Failure>(_ body: (ClusterObject) throws(Failure) -> Void) throws(Failure) {
        for service in services.values { try body(.service(service)) }
        for slice in slices.values { try body(.endpointSlice(slice)) }
        for node in nodes.values { try body(.node(node)) }
        for range in serviceRanges.values { try body(.serviceRange(range)) }
    }

    /// Takes an object in.
    ///
    /// - Parameter touched: gets the services that it concerns.
    /// - Returns: whether it may concern all services.
    mutating func put(_ object: ClusterObject, touching touched: inout Set<ObjectKey>) -> Bool {
        let isRearranged = delete(object.kind, object.key, touching: &touched)
        switch object {
        case .service(let service):
            services[service.key] = service
            touched.insert(service.key)
        case .endpointSlice(let slice):
            slices[slice.key] = slice
            localEndpoints += count(slice)
            guard let service = slice.service else { break }
            var keys = slicesOfService.removeValue(forKey: service) ?? []
            keys.insert(slice.key, at: keys.firstIndex { slice.key < $0 } ?? keys.endIndex)
            slicesOfService[service] = keys
            touched.insert(service)
        case .node(let node):
            nodes[node.name] = node
            return true
        case .serviceRange(let range):
            serviceRanges[range.name] = range
            return true
        case .invalid(let kind, let key, let reason):
            invalid[kind, default: [:]][key] = reason
            if kind == .service { touched.insert(key) }
        }
        return isRearranged
    }

    /// Takes an object out. The rest as `put`.
    mutating func delete(_ kind: ObjectKind, _ key: ObjectKey, touching touched: inout Set<ObjectKey>) -> Bool {
        if invalid[kind]?.removeValue(forKey: key) != nil, kind == .service { touched.insert(key) }
        switch kind {
        case .service:
            if services.removeValue(forKey: key) != nil { touched.insert(key) }
            return false
        case .endpointSlice:
            guard let slice = slices.removeValue(forKey: key) else { return false }
            localEndpoints -= count(slice)
            guard let service = slice.service else { return false }
            slicesOfService[service]?.removeAll { $0 == key }
            if slicesOfService[service]?.isEmpty ?? false { slicesOfService[service] = nil }
            touched.insert(service)
            return false
        case .node: return nodes.removeValue(forKey: key.name) != nil
        case .serviceRange: return serviceRanges.removeValue(forKey: key.name) != nil
        }
    }

    /// Takes all objects of a kind in, and out what is not among them. What is as it was concerns nobody. The rest as `put`.
    mutating func replace(_ kind: ObjectKind, _ all: [ClusterObject], touching touched: inout Set<ObjectKey>) -> Bool {
        var isRearranged = false
        let known = keys(of: kind)
        if known.isEmpty {
            reserve(kind, all.count)
            touched.reserveCapacity(all.count)
        } else {
            let keys = Set(all.lazy.map(\.key))
            for key in known where !keys.contains(key) { isRearranged = delete(kind, key, touching: &touched) || isRearranged }
        }
        for object in all where object.kind == kind && !has(object) {
            isRearranged = put(object, touching: &touched) || isRearranged
        }
        return isRearranged
    }

    /// Makes room for so many objects of a kind.
    mutating func reserve(_ kind: ObjectKind, _ count: Int) {
        switch kind {
        case .service: services.reserveCapacity(count)
        case .endpointSlice:
            slices.reserveCapacity(count)
            slicesOfService.reserveCapacity(count)
        case .node, .serviceRange: break
        }
    }

    private func keys(of kind: ObjectKind) -> [ObjectKey] {
        let valid: [ObjectKey] =
            switch kind {
            case .service: Array(services.keys)
            case .endpointSlice: Array(slices.keys)
            case .node: nodes.keys.map { ObjectKey(name: $0) }
            case .serviceRange: serviceRanges.keys.map { ObjectKey(name: $0) }
            }
        return valid + (invalid[kind] ?? [:]).keys
    }

    private func has(_ object: ClusterObject) -> Bool {
        switch object {
        case .service(let service): services[service.key] == service
        case .endpointSlice(let slice): slices[slice.key] == slice
        case .node(let node): nodes[node.name] == node
        case .serviceRange(let range): serviceRanges[range.name] == range
        case .invalid(let kind, let key, let reason): invalid[kind]?[key] == reason
        }
    }

    private func count(_ slice: EndpointSlice) -> Int { slice.endpoints.count { $0.nodeName == nodeName } }
}
