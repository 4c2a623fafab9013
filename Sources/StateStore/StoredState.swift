public import LBaaS

/// A load balancer as it is kept.
public struct StoredLoadBalancerRow: Hashable, Sendable {
    /// Its identity.
    public let id: String
    /// Its text, which the store does not look into.
    public let text: [UInt8]
    /// Whether it is suspended.
    public let isSuspended: Bool
    /// When it was created, in microseconds since 1970 began.
    public let createdAt: Int64
    /// The name of the source that wants it.
    public let source: String
    /// The number of the change that made it as it is; 0 where that is not known.
    public let revision: UInt64

    /// A load balancer as it is kept.
    public init(id: String, text: [UInt8], isSuspended: Bool, createdAt: Int64, source: String = "jobs", revision: UInt64 = 0) {
        self.id = id
        self.text = text
        self.isSuspended = isSuspended
        self.createdAt = createdAt
        self.source = source
        self.revision = revision
    }
}

/// What METRICS has reported of a load balancer.
public struct StoredTraffic: Hashable, Sendable {
    /// The last reading of a counter.
    public struct Reading: Hashable, Sendable {
        /// The run of the counter that the reading is of.
        public let run: UInt64
        /// The bytes to clients that it showed.
        public let bytes: UInt64
        /// The bytes from clients, and their connections.
        public let bytesIn, connections: UInt64

        /// A reading.
        public init(run: UInt64, bytes: UInt64, bytesIn: UInt64 = 0, connections: UInt64 = 0) {
            self.run = run
            self.bytes = bytes
            self.bytesIn = bytesIn
            self.connections = connections
        }
    }

    /// Whose traffic.
    public let id: String
    /// Bytes that were counted and not reported yet.
    public let unreported: UInt64
    /// Bytes to clients that were ever counted, bytes from clients, and their connections.
    public let total, totalIn, totalConnections: UInt64
    /// The counters' last readings, each run once, in the order of the runs as the store sorts them.
    public let readings: [Reading]
    /// When it was last reported, in microseconds since 1970 began.
    public let reportedAt: Int64

    /// What was reported.
    public init(
        id: String, unreported: UInt64, total: UInt64 = 0, totalIn: UInt64 = 0, totalConnections: UInt64 = 0, readings: [Reading],
        reportedAt: Int64
    ) {
        self.id = id
        self.unreported = unreported
        self.total = total
        self.totalIn = totalIn
        self.totalConnections = totalConnections
        self.readings = readings
        self.reportedAt = reportedAt
    }
}

/// The real servers that drain on one listener.
public struct StoredDrains: Hashable, Sendable {
    /// One of them.
    public struct Drain: Hashable, Sendable {
        /// Its address.
        public let host: String
        /// Its port.
        public let port: UInt16
        /// When it goes at the latest, in microseconds since 1970 began.
        public let deadline: Int64

        /// A real server that drains.
        public init(host: String, port: UInt16, deadline: Int64) {
            self.host = host
            self.port = port
            self.deadline = deadline
        }
    }

    /// The listener's address; nil for every address of the host.
    public let address: String?
    /// The listener's port.
    public let port: UInt16
    /// The listener's transport.
    public let transport: String
    /// The load balancer that they belong to.
    public var owner: String
    /// The real servers, in the order in which they began; none where nothing drains there any more.
    public var drains: [Drain]

    /// Real servers that drain.
    public init(address: String?, port: UInt16, transport: String, owner: String, drains: [Drain]) {
        self.address = address
        self.port = port
        self.transport = transport
        self.owner = owner
        self.drains = drains
    }
}

/// How a node is.
public struct StoredNodeHealth: Hashable, Sendable {
    /// The load balancer.
    public let id: String
    /// The node.
    public let node: String
    /// Its address.
    public let host: String
    /// Its port.
    public let port: UInt16
    /// Whether its checks say that it is up.
    public let isUp: Bool
    /// Whether it ever was.
    public let wasUp: Bool
    /// How many results in a row speak against that.
    public let against: UInt32
    /// Why the last check failed.
    public let reason: String?
    /// Since when it has been so, in microseconds since 1970 began.
    public let since: Int64
    /// Whether it is kept in service all the same.
    public let isHeld: Bool
    /// How much of its weight it has, in thousandths.
    public let share: UInt16

    /// How a node is.
    public init(
        id: String, node: String, host: String, port: UInt16, isUp: Bool, wasUp: Bool, against: UInt32, reason: String?, since: Int64,
        isHeld: Bool, share: UInt16
    ) {
        self.id = id
        self.node = node
        self.host = host
        self.port = port
        self.isUp = isUp
        self.wasUp = wasUp
        self.against = against
        self.reason = reason
        self.since = since
        self.isHeld = isHeld
        self.share = share
    }
}

/// What requests have made of a virtual IP.
public struct StoredVirtualIPRow: Hashable, Sendable {
    /// The address.
    public let address: String
    /// The text of the virtual IP, which the store does not look into; nil where it was removed.
    public let text: String?
    /// The number of the version.
    public let version: Int64
    /// The host that made the version.
    public let host: String

    /// What requests have made.
    public init(address: String, text: String?, version: Int64, host: String) {
        self.address = address
        self.text = text
        self.version = version
        self.host = host
    }
}

/// An address to which routes are stopped.
public struct StoredSilencedRoute: Hashable, Sendable {
    /// The address; `*` for every one.
    public let address: String
    /// When they were stopped, in microseconds since 1970 began.
    public let time: Int64
    /// Which request stopped them.
    public let origin: String

    /// An address to which routes are stopped.
    public init(address: String, time: Int64, origin: String) {
        self.address = address
        self.time = time
        self.origin = origin
    }
}

/// All that is kept.
public struct StoredState: Hashable, Sendable {
    /// The load balancers.
    public var loadBalancers: [StoredLoadBalancerRow] = []
    /// What was reported of them.
    public var traffic: [StoredTraffic] = []
    /// What drains, a listener each.
    public var drains: [StoredDrains] = []
    /// How nodes are.
    public var nodes: [StoredNodeHealth] = []
    /// Whether services have their quorum, by the load balancer.
    public var quorums: [String: Bool] = [:]
    /// What requests have made of virtual IPs.
    public var virtualIPs: [StoredVirtualIPRow] = []
    /// The routes that are stopped.
    public var silencedRoutes: [StoredSilencedRoute] = []
    /// Which states of fleets came last.
    public var fronts = FrontTable()
    /// The identities that were deleted, the oldest first.
    public var deleted: [String] = []
    /// True where the last change was a DELETE that left nothing.
    public var isEmptyByDelete = false
    /// The number of the last change.
    public var revision: UInt64 = 0

    /// Nothing.
    public init() {}
}

/// One change of what is kept.
public enum StateWrite: Hashable, Sendable {
    /// Keep a load balancer, in place of any of its identity. Where it is among the deleted, `forgetDeleted` takes it out.
    case put(StoredLoadBalancerRow)
    /// Forget a load balancer and its traffic; it is now the last of the deleted.
    case delete(id: String)
    /// Forget that there ever was one.
    case forgetDeleted(id: String)
    /// Keep what was reported.
    case traffic(StoredTraffic)
    /// Keep what drains on a listener, in place of what did.
    case drains(StoredDrains)
    /// Keep how a node is.
    case node(StoredNodeHealth)
    /// Forget how a node is.
    case forgetNode(id: String, node: String)
    /// Keep whether a service has its quorum.
    case quorum(id: String, Bool)
    /// Forget how the nodes of a load balancer are, and whether it has its quorum.
    case forgetHealth(id: String)
    /// Keep what requests have made of a virtual IP.
    case virtualIP(StoredVirtualIPRow)
    /// Keep the routes that are stopped, in place of those that were.
    case silencedRoutes([StoredSilencedRoute])
    /// Keep which state of a front came last; nil to forget the front.
    case front(String, FrontTable.Front?)
    /// Keep whether the last change was a DELETE that left nothing.
    case isEmptyByDelete(Bool)
    /// Keep the number of the last change, which has no entry in the journal.
    case revision(UInt64)
    /// Add entries to the journal, each with its revision.
    case journal([JournalEntry])
}
