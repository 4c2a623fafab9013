package import LBaaS

/// The objects of a cluster and what they come to on this host, kept up to date change by change.
///
/// A change of one service costs the translation of that service, however many others there are. What comes of any changes in any order is
/// what the same objects come to when they are read for the first time.
package struct ClusterTable: Sendable {
    private let options: TranslationOptions
    private var host: HostFacts
    private var objects: ClusterObjects
    private var translator: Translator
    private var translated: [ObjectKey: TranslatedService] = [:]
    private var claims = ListenerClaims()
    private var counts = EdgeCounts()
    /// The kinds of which all objects were told once.
    private var known: Set<ObjectKind> = []
    /// Whether anything was translated yet.
    private var isStarted = false

    /// An empty table.
    package init(options: TranslationOptions, host: HostFacts = HostFacts()) {
        self.options = options
        self.host = host
        objects = ClusterObjects(nodeName: options.nodeName)
        translator = Translator(surroundings: Surroundings(options: options, host: host, nodes: [], serviceRanges: []))
    }

    /// Whether all services, slices and nodes were told once. Before that nothing is translated: what is not known yet would look like
    /// something that is gone.
    package var isComplete: Bool { known.count == ObjectKind.allCases.count }

    /// Takes in changes.
    ///
    /// - Returns: what this host must do otherwise; nil as long as not all is known. The first answer has everything.
    package mutating func apply(_ changes: [ObjectChange]) -> ClusterChange? {
        var touched: Set<ObjectKey> = []
        var isRearranged = false
        for change in changes {
            switch change {
            case .put(let object): isRearranged = objects.put(object, touching: &touched) || isRearranged
            case .delete(let kind, let key): isRearranged = objects.delete(kind, key, touching: &touched) || isRearranged
            case .replace(let kind, let all):
                isRearranged = objects.replace(kind, all, touching: &touched) || isRearranged
                known.insert(kind)
            // Without the ranges each cluster address is routed for itself. Nothing can be done without the others.
            case .unavailable(let kind): if kind == .serviceRange { known.insert(kind) }
            }
        }
        guard isComplete else { return nil }
        return update(touched, isRearranged: isRearranged)
    }

    /// Makes room for so many services with a slice each, before they are restored.
    package mutating func reserve(_ count: Int) {
        for kind in [ObjectKind.service, .endpointSlice] { objects.reserve(kind, count) }
    }

    /// Takes in an object that was known before a restart. When all of them are in, `endRestoring` is called.
    package mutating func restore(_ object: ClusterObject) {
        var touched: Set<ObjectKey> = []
        _ = objects.put(object, touching: &touched)
    }

    /// Takes it that all objects that were known before a restart are in.
    package mutating func endRestoring() {
        known = Set(ObjectKind.allCases)
        _ = update([], isRearranged: true, isNoted: false)
    }

    /// Takes in what this host is now.
    ///
    /// - Returns: as `apply`.
    package mutating func setHost(_ host: HostFacts) -> ClusterChange? {
        self.host = host
        return isComplete ? update([], isRearranged: true) : nil
    }

    private mutating func update(_ touched: Set<ObjectKey>, isRearranged: Bool, isNoted: Bool = true) -> ClusterChange {
        var change = ClusterChange(isNoted: isNoted)
        var services = touched
        if !isStarted || isRearranged {
            let new = Surroundings(
                options: options, host: host, nodes: objects.nodes.values, serviceRanges: objects.serviceRanges.values)
            if !isStarted || new != translator.surroundings {
                counts.replace(isStarted ? translator.surroundings.edge : [], by: new.edge, noting: &change)
                translator = Translator(surroundings: new)
                services = Set(objects.services.keys).union(translated.keys)
            }
            if !isStarted { reserve(&change) }
            isStarted = true
        }
        var listeners: Set<Listener> = []
        var owned: [Listener: VirtualService] = [:]
        for key in services { retranslate(key, &listeners, &owned, &change) }
        for listener in listeners { settle(listener, from: owned[listener], &change) }
        change.note(concerned: services)
        return change
    }

    /// Makes room for all services: what grows bit by bit is copied again and again.
    private mutating func reserve(_ change: inout ClusterChange) {
        let count = objects.services.count
        translated.reserveCapacity(count)
        claims.reserve(count)
        counts.reserve(count * 2)
        change.reserve(count)
    }

    /// Translates a service anew, and notes the listeners that it wants or wanted, and who had them.
    private mutating func retranslate(
        _ key: ObjectKey, _ listeners: inout Set<Listener>, _ owned: inout [Listener: VirtualService], _ change: inout ClusterChange
    ) {
        let old = translated.removeValue(forKey: key) ?? TranslatedService()
        let service = objects.services[key]
        let new = service.map { translator.translate($0, objects.slices(of: key)) } ?? TranslatedService()
        if service != nil { translated[key] = new }
        if old.virtualServices != new.virtualServices {
            for virtualService in old.virtualServices + new.virtualServices {
                guard listeners.insert(virtualService.listener).inserted, let owner = claims[virtualService.listener] else { continue }
                owned[virtualService.listener] = owner
            }
            for virtualService in old.virtualServices { claims.remove(virtualService) }
            for virtualService in new.virtualServices { claims.add(virtualService, created: service?.created ?? "") }
        }
        if old.hairpins != new.hairpins {
            counts.replace(Set(old.hairpins.map { .hairpin($0) }), by: Set(new.hairpins.map { .hairpin($0) }), noting: &change)
        }
        if old.healthPort != new.healthPort { change.healthPorts[key] = .some(new.healthPort) }
    }

    /// Notes what became of a listener.
    private mutating func settle(_ listener: Listener, from old: VirtualService?, _ change: inout ClusterChange) {
        let new = claims[listener]
        change.note(concerned: claims.owners(of: listener))
        if let owner = old?.owner { change.note(concerned: CollectionOfOne(owner)) }
        if old == new { return }
        counts.replace(old?.edge ?? [], by: new?.edge ?? [], noting: &change)
        change.note(listener, from: old, to: new)
    }
}

// What it comes to, as a whole.
extension ClusterTable {
    /// All virtual services.
    package var services: [Listener: VirtualService] { claims.all }

    /// How many of them there are.
    package var count: Int { claims.count }

    /// The same one after another, in no order.
    package var everyService: some Sequence<VirtualService> { claims.every }

    /// What has a listener; nil where nothing has it.
    package subscript(listener: Listener) -> VirtualService? { claims[listener] }

    /// Everything at the edge.
    package var edge: Set<EdgeElement> { counts.all() }

    /// What there is at the edge of the elements that are meant.
    package func edge(where isMeant: (EdgeElement) -> Bool) -> Set<EdgeElement> { counts.all(where: isMeant) }

    /// Whether something needs an element of the edge.
    package func needs(_ element: EdgeElement) -> Bool { counts.has(element) }

    /// The addresses of this host's Node; none where it is not known.
    package var nodeAddresses: [IPAddress] { objects.nodes[options.nodeName]?.internalAddresses ?? [] }

    /// Whether this host's Node is about to go. One that is not known is not.
    package var isNodeLeaving: Bool { objects.nodes[options.nodeName]?.isLeaving ?? false }

    /// All health ports.
    package var healthPorts: [ObjectKey: HealthPort] { translated.compactMapValues(\.healthPort) }

    /// Hands on all objects, one after another; not those that are invalid.
    package func forEachObject<Failure>(_ body: (ClusterObject) throws(Failure) -> Void) throws(Failure) { try objects.forEach(body) }

    /// What of a service cannot be carried out, as sentences; none where all of it is.
    package func faults(of key: ObjectKey) -> [String] {
        var faults = objects.faults(of: key)
        guard let service = translated[key] else { return faults }
        faults += service.faults
        for virtualService in service.virtualServices {
            guard let winner = claims[virtualService.listener], winner.owner != key else { continue }
            faults.append("\(virtualService.listener) is not served: service \(winner.owner) has it")
        }
        return faults
    }

    /// The objects besides services that cannot be read, by kind and name, with the reasons.
    package var unreadable: [String: String] { objects.unreadable }

    /// What is wrong as a whole; nil where nothing is. A host whose node has another name than it thinks takes no endpoint for its own.
    package var fault: String? {
        guard isComplete, !options.nodeName.isEmpty, objects.nodes[options.nodeName] == nil, objects.localEndpoints == 0 else { return nil }
        return "there is no Node '\(options.nodeName)', and no endpoint is on it: is node_name the name of this host's Node?"
    }
}
