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

    /// What the worker does for it from time to time. It does not change while the worker runs.
    var upkeep: Upkeep { get }

    /// Why it cannot run this load balancer, where its capabilities do not tell: the field, below the load balancer, and what is wrong
    /// with it, in words that follow a colon. Nil where it can. Asked before anything is touched.
    func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)?

    /// What the appliance runs now.
    ///
    /// - Parameter expected: every load balancer that it should run. What the appliance cannot tell of a load balancer (its id, its
    ///   monitor, …) is taken from the expected one.
    /// - Returns: every load balancer that this worker owns on the appliance.
    /// - Throws: where the appliance cannot be asked.
    func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation

    /// Begins a look at everything, part by part. Called only where `upkeep.resyncPart` is set.
    ///
    /// - Throws: where the appliance cannot be asked.
    func prepareResync() throws(DriverError)

    /// What became of a few load balancers after a change that failed, or what they are found to run as in a resync.
    ///
    /// - Parameter possible: what each of them may run as: the load balancer as it was, and then as it was to be.
    /// - Returns: those of them that the appliance runs, each once; of others it may tell or not.
    /// - Throws: where the appliance cannot be asked.
    func observe(possible: [LoadBalancer]) throws(DriverError) -> Observation

    /// What `apply` would do, in the order it would do it, in words for an operator.
    func plan(_ groups: [PatchGroup]) -> [String]

    /// Why `apply` would refuse a change, as far as that can be found out without touching the appliance; nil where nothing speaks
    /// against it. A dry run asks.
    func objection(to groups: [PatchGroup]) -> DriverError?

    /// Changes the appliance.
    ///
    /// A step can go from a load balancer to the same: then the appliance runs it in a way that a load balancer cannot tell, and it
    /// is to be put right.
    ///
    /// - Parameter groups: independent of each other.
    /// - Returns: an outcome for each group, in their order. A failed group does not keep others from being carried out. After a
    ///   failure the worker asks `observe` what became of the group.
    func apply(_ groups: [PatchGroup]) -> [GroupOutcome]

    /// How the nodes of these load balancers are, as the appliance sees them; a load balancer it does not run is left out: its nodes serve
    /// nobody.
    ///
    /// - Throws: `notRunning` where the appliance does not run, so that it serves nobody; `failed` where it could not be asked this time.
    func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]]

    /// What the appliance says now of load balancers that it should run as these, in its own words. One that it does not run is left out.
    ///
    /// - Throws: where the appliance cannot be asked.
    func report(on expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancerID: ApplianceReport]

    /// Takes the load balancers of which the worker logs when a node goes down or comes up, in place of those that it was given before. The
    /// driver need not log the same.
    func nodeChangesAreLogged(of ids: Set<LoadBalancerID>)

    /// The traffic counters of these load balancers, each run once; a load balancer that it does not run is left out.
    ///
    /// - Throws: where the appliance cannot be asked.
    func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]]

    /// How many connections nodes of these load balancers have now. Left out is a load balancer that it does not run, and a node whose
    /// connections it does not count.
    ///
    /// - Throws: where the appliance cannot be asked.
    func connections(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeID: UInt64]]

    /// Has counters read before the driver ends them behind a change: what they showed last would be lost with the worker.
    ///
    /// - Parameter read: asks `statistics` for these load balancers, and makes what it says durable. The driver calls it from a thread of its
    ///   own, outside of all calls of this protocol, and goes on when it returns.
    func beforeCountersEnd(_ read: @escaping @Sendable ([LoadBalancerID]) -> Void)

    /// Which of these real servers, which drain, have no connection left. Asked only where `upkeep.drainTimeout` is set.
    ///
    /// - Throws: where the appliance cannot be asked.
    func finished(_ leaving: [Leaving]) throws(DriverError) -> [Leaving]

    /// Takes away what the driver keeps of load balancers apart from the appliance, such as their logs. Called after they were deleted, once
    /// that is durable: `apply` keeps it, for a change that cannot be made durable is undone.
    func discard(_ ids: [LoadBalancerID])

    /// Stores the log of a load balancer. Called only where `capabilities.archive` is true.
    ///
    /// - Throws: where the log could not be stored.
    func archive(_ order: ArchiveOrder) throws(DriverError)
}

extension LoadBalancerDriver {
    /// Nothing: the driver sees to everything itself.
    public var upkeep: Upkeep { Upkeep() }

    /// Nothing is to be prepared.
    public func prepareResync() throws(DriverError) {}

    /// Asks for everything, with these as what is expected.
    public func observe(possible: [LoadBalancer]) throws(DriverError) -> Observation { try observe(expecting: possible) }

    /// Nothing is refused.
    public func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)? { nil }

    /// The steps in the words of `PatchGroup.operations`.
    public func plan(_ groups: [PatchGroup]) -> [String] { groups.flatMap(\.operations) }

    /// Nothing speaks against it.
    public func objection(to groups: [PatchGroup]) -> DriverError? { nil }

    /// Nothing: counters end with changes alone, and their outcomes tell.
    public func beforeCountersEnd(_ read: @escaping @Sendable ([LoadBalancerID]) -> Void) {}

    /// None: the driver counts no connections.
    public func connections(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeID: UInt64]] { [:] }

    /// All of them: the driver knows no connections.
    public func finished(_ leaving: [Leaving]) throws(DriverError) -> [Leaving] { leaving }

    /// What `status` says.
    public func report(on expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancerID: ApplianceReport] {
        let expected = Dictionary(expected.map { ($0.id, $0) }) { first, _ in first }
        return try status(of: Array(expected.keys)).mapValues { statuses in
            ApplianceReport(
                words: "it runs",
                nodes: statuses.compactMap { status in
                    let node = expected.values.lazy.flatMap(\.nodes).first { $0.id == status.id }
                    return node.map { ApplianceReport.Node(id: $0.id, endpoint: $0.endpoint, words: status.isUp ? "up" : "down") }
                })
        }
    }

    /// Nothing: the driver does not log how nodes are.
    public func nodeChangesAreLogged(of ids: Set<LoadBalancerID>) {}

    /// Nothing: the driver keeps nothing apart from the appliance.
    public func discard(_ ids: [LoadBalancerID]) {}

    /// Refuses: the driver keeps no logs.
    public func archive(_ order: ArchiveOrder) throws(DriverError) {
        throw DriverError("the driver keeps no logs to archive")
    }
}

/// What the worker does for a driver from time to time.
public struct Upkeep: Hashable, Sendable {
    /// How often the appliance is asked what it runs and put right where that is not what is committed; nil for at the start alone.
    public var resyncInterval: Duration?
    /// How many load balancers are looked at in one turn, by `observe(possible:)`, so that a change does not wait for the look at all; nil
    /// where the appliance is looked at as a whole.
    public var resyncPart: Int?
    /// How long a real server that leaves may finish what it has; nil where the driver sees to that itself.
    public var drainTimeout: Duration?
    /// Who finds out how its nodes are.
    public var checking: NodeChecking

    /// Upkeep at these times.
    public init(resyncInterval: Duration? = nil, resyncPart: Int? = nil, drainTimeout: Duration? = nil, checking: NodeChecking = .nobody) {
        self.resyncInterval = resyncInterval
        self.resyncPart = resyncPart
        self.drainTimeout = drainTimeout
        self.checking = checking
    }
}

/// Who finds out how nodes are.
public enum NodeChecking: Hashable, Sendable {
    /// Nobody: what is enabled counts as up.
    case nobody
    /// The driver's appliance, which takes nodes out by itself and is asked how they are.
    case driver
    /// The worker, for an appliance without checks.
    case worker
}

/// Finds out how nodes are, and reports it to the commit pipeline.
public protocol NodeChecker: Sendable {
    /// Checks the nodes of a load balancer that are enabled, from now on as it is now, and no others of it. A check that stays the same goes on.
    ///
    /// - Parameters:
    ///   - loadBalancer: as it is wanted; nil where it is gone, or stands still.
    ///   - facts: how its nodes are, as it is committed. What is found is told with the version of the fact.
    func check(_ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, facts: [NodeID: ServiceHealth.NodeFact])
}

/// What an appliance was found to run.
public struct Observation: Sendable {
    /// The load balancers that it runs, as far as a load balancer can tell.
    public var running: [LoadBalancer]
    /// Those of them that it runs in another way than their load balancer says, which cannot be told by a load balancer: they are to be put right.
    public var altered: Set<LoadBalancerID>

    /// An observation.
    public init(running: [LoadBalancer], altered: Set<LoadBalancerID> = []) {
        self.running = running
        self.altered = altered
    }
}

/// What became of a group.
public struct GroupOutcome: Sendable {
    /// Why it failed; nil where all of it was carried out.
    public var failure: DriverError?
    /// Counters that ended with the group, as they were read last. What they counted is reported with the next METRICS.
    public var ended: [LoadBalancerID: [TrafficCounter]]
    /// Counters that began with the group, after those of their run that ended, with what they showed then: what they counted before is
    /// not of this load balancer. One that begins at 0 with a load balancer that was not there before need not be told.
    public var began: [LoadBalancerID: [TrafficCounter]]

    /// An outcome.
    public init(
        failure: DriverError? = nil, ended: [LoadBalancerID: [TrafficCounter]] = [:], began: [LoadBalancerID: [TrafficCounter]] = [:]
    ) {
        self.failure = failure
        self.ended = ended
        self.began = began
    }
}

/// Why an appliance could not be asked or changed.
public struct DriverError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Hashable, Sendable {
        /// The appliance could not be asked, or did not do what it was asked for. What it runs is not known from that.
        case failed
        /// The appliance does not run: it serves nobody.
        case notRunning
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do, for the operator.
    public let message: String

    /// An error with this message.
    public init(_ message: String, code: Code = .failed) { (self.message, self.code) = (message, code) }

    /// The message.
    public var description: String { message }
}

/// A counter of an appliance.
public struct TrafficCounter: Hashable, Sendable {
    /// Bytes sent to clients since the counter began.
    public let bytesOut: UInt64
    /// Bytes received from clients since the counter began.
    public let bytesIn: UInt64
    /// Connections that clients have made since the counter began; 0 where the appliance does not tell.
    public let connections: UInt64
    /// Which run of the counter this is: another value is another counter, which began at 0. A load balancer can have several at a time,
    /// such as one for each process of the appliance that still serves it.
    public let run: UInt64

    /// A reading of a counter.
    public init(bytesOut: UInt64, bytesIn: UInt64 = 0, connections: UInt64 = 0, run: UInt64) {
        self.bytesOut = bytesOut
        self.bytesIn = bytesIn
        self.connections = connections
        self.run = run
    }
}

/// Where to store the log of a load balancer.
public struct ArchiveOrder: Sendable {
    /// Whose log. What the client calls it, until the controller has found out which load balancer is meant.
    public var loadBalancer: LoadBalancerID
    /// What the client calls it, by which the store's objects are named.
    public let clientID: LoadBalancerID
    /// What it is known by where the client made it without an id.
    public let otherNames: [LoadBalancerID]
    /// Its protocol, as the client sent it.
    public let serviceProtocol: ServiceProtocol
    /// The container of the object store.
    public let basePath: String
    /// The address of the object store.
    public let endpoint: String
    /// The token that opens it. Never logged.
    public let token: String

    /// An order to store a log.
    public init(
        loadBalancer: LoadBalancerID, otherNames: [LoadBalancerID] = [], serviceProtocol: ServiceProtocol, basePath: String,
        endpoint: String, token: String
    ) {
        self.loadBalancer = loadBalancer
        clientID = loadBalancer
        self.otherNames = otherNames
        self.serviceProtocol = serviceProtocol
        self.basePath = basePath
        self.endpoint = endpoint
        self.token = token
    }
}
