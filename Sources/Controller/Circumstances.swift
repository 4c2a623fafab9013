import LBaaS
import Requests

/// All that is known of one load balancer at one moment: what its explanation is made of.
struct Circumstances {
    /// The load balancer as it is wanted, and by whom.
    let entry: WantedState.Entry
    /// The revision of the state.
    let revision: UInt64
    /// The virtual IP that is its address; nil where that is none.
    let virtualIP: VirtualIPReport?
    /// How its nodes are; nil where nobody finds out.
    let health: ServiceHealth?
    /// What drains of it, until when, by the clock of the wall.
    let drains: [(listener: Listener, drains: [Drain])]
    /// As it should be in force.
    let effective: EffectiveState
    /// Why no route is told to its address; nil where one may be.
    let silence: SilencedRoutes.Stop?
    /// Who finds out how nodes are.
    let checking: NodeChecking
    /// The change that made it as it is wanted; nil where the journal does not have it any more.
    let change: JournalEntry?
    /// What was refused since, the latest first.
    let refusals: [RefusalTable.Entry]
    /// The last operation on the appliance for it; nil where there was none since the start.
    let operation: OperationTable.Entry?
    /// When the worker began.
    let start: Timestamp
    /// What the appliance says of it, nil where that does not run it; or why it could not be asked.
    let report: Result<ApplianceReport?, DriverError>
    /// The name of the driver.
    let driver: String
    /// Now.
    let now: Moment

    var loadBalancer: LoadBalancer { entry.loadBalancer }

    /// How often a check must pass or fail in a row: the worker's own count, for what an appliance tells has counted already.
    func limit(isUp: Bool) -> UInt32 {
        guard checking == .worker, let monitor = loadBalancer.monitor else { return 1 }
        return isUp ? monitor.attempts : monitor.rise ?? monitor.attempts
    }
}

extension CommitPipeline {
    /// All that is known of a load balancer. The appliance is asked, and the journal is read.
    ///
    /// - Throws: `notFound` where there is none.
    func circumstances(of id: LoadBalancerID, driverName: String) throws(Refusal) -> Circumstances {
        typealias Found = (
            entry: WantedState.Entry, virtualIP: VirtualIPReport?, health: ServiceHealth?, drains: DrainTable,
            silence: SilencedRoutes.Stop?, revision: UInt64
        )
        let found = committed.read { snapshot -> Found? in
            guard let entry = snapshot.wanted.entries[id] else { return nil }
            let address = entry.loadBalancer.address
            let virtualIP = address.flatMap { address in snapshot.wanted.virtualIPs[address].map { snapshot.report(on: $0) } }
            let silence = snapshot.wanted.silencedRoutes[address]
            return (entry, virtualIP, snapshot.facts.health[id], snapshot.facts.drains, silence, snapshot.revision)
        }
        guard let (entry, virtualIP, health, drains, silence, revision) = found else { throw Refusal(missing: id, index: 0) }
        let effective = EffectiveRule(driver.upkeep).state(
            of: id, wanted: entry.inService, drains: drains, health: health, isSilenced: silence != nil)
        return Circumstances(
            entry: entry, revision: revision, virtualIP: virtualIP, health: health, drains: drains.drains(of: id), effective: effective,
            silence: silence, checking: driver.upkeep.checking, change: change(at: entry.revision),
            refusals: refusals.entries(of: id, since: entry.revision),
            operation: operations[id], start: operations.start, report: report(on: effective.appliance), driver: driverName, now: now())
    }

    /// The change of a revision; nil where the journal does not have it any more, or cannot be read.
    private func change(at revision: UInt64) -> JournalEntry? {
        if revision == 0 { return nil }
        guard let entry = (try? journal(after: revision - 1, limit: 1))?.first, entry.revision == revision else { return nil }
        return entry
    }

    private func report(on loadBalancer: LoadBalancer?) -> Result<ApplianceReport?, DriverError> {
        guard let loadBalancer else { return .success(nil) }
        do throws(DriverError) {
            return .success(try driver.report(on: [loadBalancer])[loadBalancer.id])
        } catch {
            return .failure(error)
        }
    }
}
