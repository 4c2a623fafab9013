import HostSystem
import LBaaS
import Synchronization

/// An appliance that records what it runs, and fails and dawdles where the world wants it to. It survives a crash of the worker.
final class SimulatedAppliance: LoadBalancerDriver {
    struct State {
        var running: [LoadBalancerID: LoadBalancer] = [:]
        /// The counter of each load balancer that runs.
        var bytes: [LoadBalancerID: (run: UInt64, bytes: UInt64)] = [:]
        var lastRun: UInt64 = 0
        /// Bytes that were ever counted.
        var counted: UInt64 = 0
    }

    let capabilities = Capabilities.everything
    let upkeep: Upkeep
    private let world: World
    private let state = Mutex(State())
    /// Asked at each call: whether a watchdog would take the worker for hanging.
    let watchdog = Mutex<(@Sendable () -> [ProgressMonitor.Stuck])?>(nil)
    /// Asked before services go: which are told to be up.
    let told = Mutex<(@Sendable () -> Set<Service>)?>(nil)

    init(_ world: World, upkeep: Upkeep) {
        self.world = world
        self.upkeep = upkeep
    }

    var running: [LoadBalancerID: LoadBalancer] { state.withLock { $0.running } }

    /// Lets traffic flow through all that runs.
    func count(_ bytes: UInt64) {
        state.withLock { state in
            for id in state.running.keys {
                state.bytes[id]?.bytes += bytes
                state.counted += bytes
            }
        }
    }

    /// Bytes that were ever counted.
    var counted: UInt64 { state.withLock { $0.counted } }

    /// Lets somebody else change what it runs.
    func meddle(_ id: LoadBalancerID, _ change: (inout LoadBalancer) -> Void) {
        state.withLock { state in
            guard var loadBalancer = state.running[id] else { return }
            change(&loadBalancer)
            state.running[id] = loadBalancer
        }
    }

    private func ask() throws(DriverError) {
        pass()
        if world.with({ $0.isSilent }) { throw DriverError("the appliance does not answer") }
    }

    /// Each call takes its time. Where that is long, nothing goes on meanwhile: the times of two calls would add up.
    private func pass() {
        let time = world.with { $0.callTime }
        world.pass(time)
        for stuck in watchdog.withLock(\.self)?() ?? [] { world.violate("the watchdog takes \(stuck.name) for hanging") }
        if time == 0 { world.call() }
    }

    func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        try ask()
        return Observation(running: Array(running.values))
    }

    func observe(possible: [LoadBalancer]) throws(DriverError) -> Observation {
        try ask()
        let ids = Set(possible.map(\.id))
        return Observation(running: running.values.filter { ids.contains($0.id) })
    }

    func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        checkOrder(groups)
        pass()
        return groups.map(apply)
    }

    private func apply(_ group: PatchGroup) -> GroupOutcome {
        let failing = world.with { $0.failing }
        guard let failing, group.patches.contains(where: { $0.id == failing.id }) else { return carryOut(group) }
        var outcome = GroupOutcome()
        switch failing.kind {
        case .refused: break
        case .partly: outcome = carryOut(PatchGroup(Array(group.patches.prefix(1))), halfway: true)
        case .carriedOut: outcome = carryOut(group)
        }
        outcome.failure = DriverError("told to fail \(failing.id)")
        return outcome
    }

    private func carryOut(_ group: PatchGroup, halfway: Bool = false) -> GroupOutcome {
        guard world.effect() else { return GroupOutcome() }
        return state.withLock { state in
            var outcome = GroupOutcome()
            for patch in group.patches {
                let id = patch.id
                var new = patch.loadBalancer.new
                if halfway { new?.nodes = [] }
                if state.running[id] != nil, new == nil, let counter = state.bytes.removeValue(forKey: id) {
                    outcome.ended[id, default: []].append(TrafficCounter(bytesOut: counter.bytes, run: counter.run))
                }
                if state.running[id] == nil, new != nil {
                    state.lastRun += 1
                    state.bytes[id] = (state.lastRun, 0)
                }
                // What was counted for one that was deleted is not of the one that is made in its place.
                if state.running[id]?.isRest ?? false, let new, !new.isRest, let counter = state.bytes[id] {
                    outcome.began[id, default: []].append(TrafficCounter(bytesOut: counter.bytes, run: counter.run))
                }
                state.running[id] = new
            }
            return outcome
        }
    }

    /// A service that stops must have been told to go, unless another one takes its listener over.
    private func checkOrder(_ groups: [PatchGroup]) {
        guard let told = told.withLock(\.self)?(), world.with({ $0.hasPower }) else { return }
        let patches = groups.flatMap(\.patches)
        let taken = Set(patches.compactMap(\.loadBalancer.new).filter { !$0.isSuspended }.map(\.listener))
        for patch in patches {
            guard let old = patch.loadBalancer.old, !old.isSuspended, !taken.contains(old.listener) else { continue }
            let service = Service(loadBalancer: old.id, listener: old.listener)
            if told.contains(service) { world.violate("\(old.id) goes off \(old.listener) before the world was told") }
        }
    }

    func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        try ask()
        let down = world.with { $0.downNodes }
        return running.filter { ids.contains($0.key) }.mapValues { loadBalancer in
            loadBalancer.nodes.map { NodeStatus(id: $0.id, isUp: !down.contains($0.id)) }
        }
    }

    func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] {
        try ask()
        return state.withLock { state in
            state.bytes.filter { ids.contains($0.key) }.mapValues { [TrafficCounter(bytesOut: $0.bytes, run: $0.run)] }
        }
    }

    func finished(_ leaving: [Leaving]) throws(DriverError) -> [Leaving] {
        try ask()
        return leaving
    }
}
