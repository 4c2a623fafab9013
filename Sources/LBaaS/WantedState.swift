/// What jobs and configuration ask for; the only thing a job changes.
public struct WantedState: Sendable {
    /// A load balancer that is wanted.
    public struct Entry: Hashable, Sendable {
        /// The load balancer.
        public var loadBalancer: LoadBalancer
        /// When it was created.
        public var createdAt: Timestamp
        /// Who wants it, and alone can change it.
        public var source: Source
        /// Whether another load balancer had its listener at the start of the worker: it is kept, and not in force. Not stored.
        public var isOutOfService = false
        /// The revision of the change that made it as it is; 0 where that is not known.
        public var revision: UInt64

        /// The load balancer, where it is in force.
        public var inService: LoadBalancer? { isOutOfService ? nil : loadBalancer }

        /// A load balancer that is wanted.
        public init(loadBalancer: LoadBalancer, createdAt: Timestamp, source: Source = .jobs, revision: UInt64 = 0) {
            self.loadBalancer = loadBalancer
            self.createdAt = createdAt
            self.source = source
            self.revision = revision
        }
    }

    /// Who wants a load balancer. The raw value is its name in the state file and the journal.
    public enum Source: String, Hashable, Sendable, CaseIterable {
        /// Requests of clients: Gearman jobs, and calls of the API.
        case jobs
        /// The configuration file.
        case file
        /// Objects of a Kubernetes cluster.
        case kubernetes
        /// Requests of go_keepalived's clients.
        case keepalived

        /// Whether the state file has what it wants. What a cluster wants it can be asked for, and it changes too often.
        public var isStored: Bool { self != .kubernetes }
    }

    /// The load balancers.
    public private(set) var entries = LoadBalancerTable<Entry>()
    /// How many of them jobs want.
    public private(set) var jobCount = 0
    /// The identities that were deleted.
    public private(set) var deleted: DeletedIdentities
    /// True where the last change was a DELETE that left nothing.
    public var isEmptyByDelete: Bool
    /// The virtual IPs.
    public var virtualIPs: VirtualIPTable
    /// The routes that are stopped.
    public var silencedRoutes: SilencedRoutes
    /// Which states of fleets it was made of.
    public var fronts: FrontTable

    /// A state with these load balancers.
    public init(
        entries: [Entry] = [], deleted: DeletedIdentities = DeletedIdentities(), isEmptyByDelete: Bool = false,
        virtualIPs: VirtualIPTable = VirtualIPTable(), silencedRoutes: SilencedRoutes = SilencedRoutes(),
        fronts: FrontTable = FrontTable()
    ) {
        self.virtualIPs = virtualIPs
        self.silencedRoutes = silencedRoutes
        self.fronts = fronts
        self.deleted = deleted
        self.isEmptyByDelete = isEmptyByDelete
        for entry in entries { keep(entry, as: entry.loadBalancer.id) }
    }

    /// Wants a load balancer, in place of any of its identity.
    public mutating func put(_ entry: Entry) {
        keep(entry, as: entry.loadBalancer.id)
        deleted.remove(entry.loadBalancer.id)
    }

    private mutating func keep(_ entry: Entry?, as id: LoadBalancerID) {
        let old = if let entry { entries.updateValue(entry, forKey: id) } else { entries.removeValue(forKey: id) }
        if old?.source == .jobs { jobCount -= 1 }
        if entry?.source == .jobs { jobCount += 1 }
    }

    /// Wants a load balancer no longer, and remembers that it was there; where its source is not stored, no job asks after it.
    ///
    /// - Returns: the deleted identity that is forgotten for it, if they are too many.
    @discardableResult
    public mutating func delete(_ id: LoadBalancerID) -> LoadBalancerID? {
        let isStored = entries[id]?.source.isStored ?? true
        keep(nil, as: id)
        return isStored ? deleted.insert(id) : nil
    }
}

/// The identities that were deleted last, so that a job that comes twice is told from one that names what never was.
///
/// A job server gives a job out again when the connection it was given to is lost, so a DELETE can come when it is done already.
public struct DeletedIdentities: Sendable {
    /// How many are remembered.
    public static let capacity = 10_000
    /// The longest identity that is remembered, in bytes: as long as a job's may be.
    public static let longest = 255

    private var order: [Int: LoadBalancerID] = [:]
    private var places: [LoadBalancerID: Int] = [:]
    private var first = 0
    private var next = 0

    /// These, the oldest first.
    public init(_ ids: [LoadBalancerID] = []) {
        for id in ids { insert(id) }
    }

    /// Whether this identity was deleted and not created since.
    public func contains(_ id: LoadBalancerID) -> Bool { places[id] != nil }

    /// Adds an identity as the last. One that is too long is not remembered.
    ///
    /// - Returns: the one that is forgotten: the oldest where there are too many, or this one where it is too long.
    @discardableResult
    public mutating func insert(_ id: LoadBalancerID) -> LoadBalancerID? {
        remove(id)
        if id.text.utf8.count > Self.longest { return id }
        order[next] = id
        places[id] = next
        next += 1
        guard places.count > Self.capacity else { return nil }
        while true {
            defer { first += 1 }
            guard let oldest = order.removeValue(forKey: first) else { continue }
            places[oldest] = nil
            return oldest
        }
    }

    /// Forgets an identity.
    public mutating func remove(_ id: LoadBalancerID) {
        if let place = places.removeValue(forKey: id) { order[place] = nil }
    }
}
