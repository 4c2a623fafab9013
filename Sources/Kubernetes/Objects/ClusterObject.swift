package import JSON

/// The kinds of objects that are read.
package enum ObjectKind: String, Hashable, Sendable, CaseIterable {
    case service = "Service"
    case endpointSlice = "EndpointSlice"
    case node = "Node"
    case serviceRange = "ServiceCIDR"
}

/// An object of a cluster.
package enum ClusterObject: Hashable, Sendable {
    case service(ClusterService)
    case endpointSlice(EndpointSlice)
    case node(ClusterNode)
    case serviceRange(ServiceRange)
    /// One that cannot be read. It counts as one that is not there, and only it.
    case invalid(ObjectKind, ObjectKey, reason: String)

    /// Its kind.
    package var kind: ObjectKind {
        switch self {
        case .service: .service
        case .endpointSlice: .endpointSlice
        case .node: .node
        case .serviceRange: .serviceRange
        case .invalid(let kind, _, _): kind
        }
    }

    /// What tells it from the others of its kind.
    package var key: ObjectKey {
        switch self {
        case .service(let service): service.key
        case .endpointSlice(let slice): slice.key
        case .node(let node): ObjectKey(name: node.name)
        case .serviceRange(let range): ObjectKey(name: range.name)
        case .invalid(_, let key, _): key
        }
    }

    /// Reads an object of a kind that is known.
    ///
    /// - Throws: where it has no name. All else that is wrong with it makes it an invalid one.
    package init(_ kind: ObjectKind, _ object: JSONValue) throws(FieldError) {
        let metadata = try ObjectMetadata(object)
        do throws(FieldError) {
            self =
                switch kind {
                case .service: .service(try ClusterService(object, metadata))
                case .endpointSlice: .endpointSlice(try EndpointSlice(object, metadata))
                case .node: .node(try ClusterNode(object, metadata))
                case .serviceRange: .serviceRange(try ServiceRange(object, metadata))
                }
        } catch {
            self = .invalid(kind, metadata.key, reason: error.sentence)
        }
    }
}

/// What changed in a cluster.
package enum ObjectChange: Hashable, Sendable {
    /// An object is new, or is this now.
    case put(ClusterObject)
    /// An object is gone.
    case delete(ObjectKind, ObjectKey)
    /// These are all objects of a kind. Others of it are gone.
    case replace(ObjectKind, [ClusterObject])
    /// Objects of a kind cannot be had. That is an answer only where they are not needed.
    case unavailable(ObjectKind)

    /// Whether it tells of all objects of a kind.
    package var isList: Bool { if case .replace = self { true } else { false } }
}
