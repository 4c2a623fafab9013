/// What makes one appliance run the load balancers that are wanted.
///
/// The verbs of the original's driver map to this protocol so: `set_protocol`, `set_algorithm`, `add_server`, `add_monitor` and
/// `set_timeouts` are properties of a finished `LoadBalancer`; `create`, `suspend`, `enable` and `delete` are patches given to
/// `apply`; `get_status`, `get_statistics` and `archive` are `status`, `statistics` and `archive`.
///
/// `observe` and `apply` are never called at the same time as each other. The rest may be called from any thread at any time.
public protocol LoadBalancerDriver: Sendable {
    /// What it can do. It does not change while the worker runs.
    var capabilities: Capabilities { get }

    /// What the appliance runs now.
    ///
    /// - Parameter expected: what it should run; after a failed change what it may run, which can be a load balancer as it was and as
    ///   it was to be. What the appliance cannot tell of a load balancer (its id, its monitor, …) is taken from the expected one.
    /// - Returns: every load balancer that this worker owns on the appliance.
    /// - Throws: where the appliance cannot be asked.
    func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancer]

    /// What `apply` would do, in the order it would do it, in words for an operator.
    func plan(_ groups: [PatchGroup]) -> [String]

    /// Changes the appliance.
    ///
    /// - Parameter groups: independent of each other.
    /// - Returns: an outcome for each group, in their order: nil where all of it was carried out, the reason where the group
    ///   failed. A failed group does not keep others from being carried out. After a failure the worker asks `observe` what
    ///   became of the group.
    func apply(_ groups: [PatchGroup]) -> [DriverError?]

    /// How the nodes of these load balancers are, as the appliance sees them; a load balancer it does not run is left out.
    ///
    /// - Throws: where the appliance cannot be asked.
    func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]]

    /// The traffic counters of these load balancers; a load balancer it does not run is left out.
    ///
    /// - Throws: where the appliance cannot be asked.
    func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: TrafficCounter]

    /// Stores the log of a load balancer. Called only where `capabilities.archive` is true.
    ///
    /// - Throws: where the log could not be stored.
    func archive(_ order: ArchiveOrder) throws(DriverError)
}

extension LoadBalancerDriver {
    /// The steps in the words of `PatchGroup.operations`.
    public func plan(_ groups: [PatchGroup]) -> [String] { groups.flatMap(\.operations) }

    /// Refuses: the driver keeps no logs.
    public func archive(_ order: ArchiveOrder) throws(DriverError) {
        throw DriverError("the driver keeps no logs to archive")
    }
}

/// Why an appliance could not be asked or changed.
public struct DriverError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, where, and what to do, for the operator.
    public let message: String

    /// An error with this message.
    public init(_ message: String) { self.message = message }

    /// The message.
    public var description: String { message }
}

/// How a node is.
public struct NodeStatus: Hashable, Sendable {
    /// The node's id.
    public let id: NodeID
    /// True only where it serves.
    public let isUp: Bool

    /// A node's state.
    public init(id: NodeID, isUp: Bool) {
        self.id = id
        self.isUp = isUp
    }
}

/// A counter of an appliance.
public struct TrafficCounter: Hashable, Sendable {
    /// Bytes sent to clients since the counter began.
    public let bytesOut: UInt64
    /// Which run of the counter this is: another value means that it began anew at 0.
    public let run: UInt64

    /// A reading of a counter.
    public init(bytesOut: UInt64, run: UInt64) {
        self.bytesOut = bytesOut
        self.run = run
    }
}

/// Where to store the log of a load balancer.
public struct ArchiveOrder: Sendable {
    /// Whose log.
    public let loadBalancer: LoadBalancerID
    /// Its protocol, as the client sent it.
    public let serviceProtocol: ServiceProtocol
    /// The container of the object store.
    public let basePath: String
    /// The address of the object store.
    public let endpoint: String
    /// The token that opens it. Never logged.
    public let token: String

    /// An order to store a log.
    public init(loadBalancer: LoadBalancerID, serviceProtocol: ServiceProtocol, basePath: String, endpoint: String, token: String) {
        self.loadBalancer = loadBalancer
        self.serviceProtocol = serviceProtocol
        self.basePath = basePath
        self.endpoint = endpoint
        self.token = token
    }
}
