import IPVSDriver
import LBaaS
import TestSupport

/// The driver of a namespace's IPVS table, at a time that stands until it is moved.
final class DriverBench {
    /// The driver. Who asks it does so in the namespace.
    let driver: IPVSDriver
    private let namespace: Namespace
    private let time = FakeTime()
    private(set) var running: [LoadBalancerID: LoadBalancer] = [:]

    /// A driver that has looked at the table for the first time.
    init(in namespace: Namespace, _ section: [String: String] = [:], running wanted: [LoadBalancer] = [], log: Log = .silent) throws {
        self.namespace = namespace
        driver = try IPVSDriver(
            DriverConfiguration(section), log: log, open: { () throws(KernelFailure) in try NetlinkKernel() },
            later: { [time] in time.add($1, after: $0) }, now: { [time] in time.now })
        running = Dictionary(uniqueKeysWithValues: wanted.map { ($0.id, $0) })
        try resync()
    }

    /// What is to be done holds the driver, which holds the time, and with its socket the namespace.
    deinit { time.forget() }

    /// Looks at the table as a worker does at its start and from time to time, and puts right what is not as it is to be.
    ///
    /// - Returns: the changes.
    @discardableResult
    func resync() throws -> [String] {
        try namespace.run {
            let observation = try driver.observe(expecting: Array(running.values))
            let patches = observation.running.compactMap { found in
                let wanted = running[found.id]
                return wanted == nil || observation.altered.contains(found.id) ? LoadBalancerPatch(restoring: found, to: wanted) : nil
            }
            return try apply(patches)
        }
    }

    /// Runs these and no others.
    ///
    /// - Returns: the changes.
    @discardableResult
    func run(_ wanted: [LoadBalancer]) throws -> [String] {
        let wanted = Dictionary(uniqueKeysWithValues: wanted.map { ($0.id, $0) })
        let ids = Set(running.keys).union(wanted.keys).sorted()
        let changes = try namespace.run { try apply(ids.compactMap { LoadBalancerPatch(from: running[$0], to: wanted[$0]) }) }
        running = wanted
        return changes
    }

    @discardableResult
    func run(_ wanted: LoadBalancer...) throws -> [String] { try run(wanted) }

    /// Creates load balancers, each for itself.
    ///
    /// - Returns: why it failed; nil where it did not.
    func create(_ wanted: [LoadBalancer]) throws -> [String?] {
        let groups = wanted.map { PatchGroup([LoadBalancerPatch(.create($0))]) }
        return try namespace.run { driver.apply(groups).map { $0.failure?.message } }
    }

    private func apply(_ patches: [LoadBalancerPatch]) throws -> [String] {
        let groups = PatchGroup.groups(of: patches)
        let changes = driver.plan(groups)
        if let failure = driver.apply(groups).lazy.compactMap(\.failure).first { throw failure }
        return changes
    }

    /// Lets time pass for the driver, with all that is to be done in it.
    func advance(_ duration: Duration) throws { try namespace.run { time.advance(duration) } }

    /// Which real servers that leave have finished.
    func finished(_ leaving: [Leaving]) throws -> [Leaving] { try namespace.run { try driver.finished(leaving) } }

    /// The nodes that are up.
    func up(_ id: LoadBalancerID = "web") throws -> [String] {
        try namespace.run { try driver.status(of: [id])[id]?.filter(\.isUp).map(\.id.text) ?? [] }
    }
}
