import Dispatch
import DummyDriver
import LBaaS
import Synchronization

/// A driver over the dummy appliance that notes what it is asked, and fails and waits where a test wants it to.
final class RecordingDriver: LoadBalancerDriver {
    enum Call: Hashable, Sendable { case observe, apply, status, statistics, archive }

    /// What becomes of a group that fails.
    enum Trouble: Sendable, CaseIterable {
        /// Nothing of it is carried out.
        case refused
        /// Its load balancers lose their nodes, and that is all.
        case partly
        /// All of it is, though the driver says that it failed.
        case carriedOut
    }

    struct State {
        var calls: [Call] = []
        var applied: [[PatchGroup]] = []
        var counters: [LoadBalancerID: [TrafficCounter]] = [:]
        var isDeaf = false
        var hasEnded = false
        var leftOut: Set<LoadBalancerID> = []
        var finished: Set<Leaving> = []
        var unchecked: Set<NodeID> = []
        var unsound: Set<NodeID> = []
        var altered: Set<LoadBalancerID> = []
        /// What the next outcome says of counters.
        var outcome = GroupOutcome()
        var trouble: (@Sendable (PatchGroup) -> Trouble?)?
        var gate: Gate?
        var archived: [ArchiveOrder] = []
    }

    let capabilities: Capabilities
    let upkeep: Upkeep
    private let appliance: DummyDriver
    private let state = Mutex(State())

    init(capabilities: Capabilities = .everything, upkeep: Upkeep = Upkeep(), running: [LoadBalancer] = []) throws {
        self.capabilities = capabilities
        self.upkeep = upkeep
        appliance = try DummyDriver()
        _ = appliance.apply(running.map { PatchGroup([LoadBalancerPatch(.create($0))]) })
    }

    var calls: [Call] { state.withLock { $0.calls } }
    var applied: [[PatchGroup]] { state.withLock { $0.applied } }

    /// What runs, by identity.
    var running: [String: LoadBalancer] {
        get throws { Dictionary(uniqueKeysWithValues: try appliance.observe(expecting: []).running.map { ($0.id.text, $0) }) }
    }

    /// The orders to archive that it got.
    var archived: [ArchiveOrder] { state.withLock { $0.archived } }

    /// Forgets what was noted.
    func clear() {
        state.withLock { state in
            state.calls = []
            state.applied = []
        }
    }

    func count(_ bytes: UInt64, run: UInt64 = 1, of id: String) { count([TrafficCounter(bytesOut: bytes, run: run)], of: id) }

    func count(_ counters: [TrafficCounter], of id: String) { state.withLock { $0.counters[LoadBalancerID(id)] = counters } }

    /// Lets the first outcome of the next `apply` say this of counters.
    func tell(_ outcome: GroupOutcome) { state.withLock { $0.outcome = outcome } }

    /// Lets real servers that drain be without connections.
    func finish(_ leaving: Leaving...) { state.withLock { $0.finished = Set(leaving) } }

    /// Lets the next `observe` find these altered.
    func alter(_ ids: String...) { state.withLock { $0.altered = Set(ids.map { LoadBalancerID($0) }) } }

    /// Lets groups fail, or none any more.
    func fail(_ trouble: (@Sendable (PatchGroup) -> Trouble?)?) { state.withLock { $0.trouble = trouble } }

    /// Lets the groups of this load balancer fail.
    func fail(_ id: String, _ trouble: Trouble = .refused) {
        fail { group in group.patches.contains { $0.id.text == id } ? trouble : nil }
    }

    /// Lets the checks of these nodes fail, and those of all others pass.
    func failChecks(of nodes: String...) { state.withLock { $0.unsound = Set(nodes.map { NodeID($0) }) } }

    /// Lets `status` tell that no check of these nodes has ended, and of all others one has.
    func leaveUnchecked(_ nodes: String...) { state.withLock { $0.unchecked = Set(nodes.map { NodeID($0) }) } }

    /// Lets `status` tell that the appliance does not run.
    func end(_ hasEnded: Bool = true) { state.withLock { $0.hasEnded = hasEnded } }

    /// Lets `status` leave these out, and no others.
    func leaveOut(_ ids: String...) { state.withLock { $0.leftOut = Set(ids.map { LoadBalancerID($0) }) } }

    /// Lets `observe`, `status` and `finished` fail.
    func goDeaf(_ isDeaf: Bool = true) { state.withLock { $0.isDeaf = isDeaf } }

    /// Makes the next `apply` wait.
    func hold() -> Gate {
        let gate = Gate()
        state.withLock { $0.gate = gate }
        return gate
    }

    func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        let (isDeaf, altered) = note(.observe) { state in
            defer { state.altered = [] }
            return (state.isDeaf, state.altered)
        }
        if isDeaf { throw DriverError("the appliance does not answer") }
        return Observation(running: try appliance.observe(expecting: expected).running, altered: altered)
    }

    func finished(_ leaving: [Leaving]) throws(DriverError) -> [Leaving] {
        let (isDeaf, finished) = state.withLock { ($0.isDeaf, $0.finished) }
        if isDeaf { throw DriverError("the appliance does not answer") }
        return leaving.filter(finished.contains)
    }

    func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        let (gate, trouble, told) = note(.apply) { state in
            state.applied.append(groups)
            defer { (state.gate, state.outcome) = (nil, GroupOutcome()) }
            return (state.gate, state.trouble, state.outcome)
        }
        gate?.pass()
        var outcomes = groups.map { outcome(of: $0, trouble?($0)) }
        (outcomes[0].ended, outcomes[0].began) = (told.ended, told.began)
        return outcomes
    }

    private func outcome(of group: PatchGroup, _ trouble: Trouble?) -> GroupOutcome {
        switch trouble {
        case nil: return appliance.apply([group])[0]
        case .refused: break
        case .partly: if let fault = appliance.apply([group.withoutNodes])[0].failure { return GroupOutcome(failure: fault) }
        case .carriedOut: if let fault = appliance.apply([group])[0].failure { return GroupOutcome(failure: fault) }
        }
        return GroupOutcome(failure: DriverError("told to fail \(group.patches.map(\.id.text).joined(separator: ", "))"))
    }

    func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        let state = note(.status) { $0 }
        let (unsound, unchecked) = (state.unsound, state.unchecked)
        if state.isDeaf { throw DriverError("the appliance does not answer") }
        if state.hasEnded { throw DriverError("the appliance does not run", code: .notRunning) }
        return try appliance.status(of: ids.filter { !state.leftOut.contains($0) }).mapValues { statuses in
            statuses.map { status in
                let isSound = !unsound.contains(status.id)
                return NodeStatus(
                    id: status.id, isUp: status.isUp && isSound, isSound: isSound, isChecked: !unchecked.contains(status.id))
            }
        }
    }

    func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] {
        note(.statistics) { state in state.counters.filter { ids.contains($0.key) } }
    }

    func archive(_ order: ArchiveOrder) throws(DriverError) {
        note(.archive) { $0.archived.append(order) }
        if order.token == "bad" { throw DriverError("the store wants another token") }
    }

    private func note<Answer: Sendable>(_ call: Call, _ body: (inout State) -> Answer) -> Answer {
        state.withLock { state in
            state.calls.append(call)
            return body(&state)
        }
    }
}

extension PatchGroup {
    /// The group as it is half-way: what it was, or is to be, without the nodes.
    fileprivate var withoutNodes: PatchGroup {
        PatchGroup(
            patches.compactMap { patch in
                var empty = patch.loadBalancer.old ?? patch.loadBalancer.new
                empty?.nodes = []
                return LoadBalancerPatch(from: patch.loadBalancer.old, to: empty)
            })
    }
}

/// A place where a thread waits until it is let through.
final class Gate: Sendable {
    private let arrived = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)

    func pass() {
        arrived.signal()
        opened.wait()
    }

    /// Waits until somebody waits.
    func waitForArrival() { arrived.wait() }
    func open() { opened.signal() }
}
