import Dispatch
import Foundation
import HostSystem
import LBaaS
import Requests
import Synchronization
import TestSupport

@testable import Controller

/// One run of the whole core with the requests, facts, failures and crashes of one seed.
final class Simulation {
    let world = World()
    let appliance: SimulatedAppliance
    let store: SimulatedStore
    private let rule: EffectiveRule
    private let hasListeners: Bool
    private(set) var pipeline: CommitPipeline
    private var checker: StatusChecker?
    private var listener: SimulatedListener
    private var random: RandomRequests
    private(set) var model = Model()
    private var lastRevision: UInt64 = 0
    /// What somebody changed since the appliance was looked at.
    private var unseen: Set<LoadBalancerID> = [] {
        didSet { world.with { [unseen] in $0.isMeddled = !unseen.isEmpty } }
    }
    /// Bytes that METRICS reported.
    private var reported: UInt64 = 0
    /// Whether bytes may be lost: something failed or crashed, or a load balancer was deleted with bytes that nobody asked for.
    private var mayLoseBytes = false
    /// Jobs in hand, of which nobody has the answer yet.
    private var inHand: [(change: WantedChange, source: WantedState.Source)] = []
    private(set) var trace: [String] = []

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let checking = [NodeChecking.nobody, .driver, .worker][Int.random(in: 0...2, using: &generator)]
        let drains = checking != .driver && Bool.random(using: &generator)
        let parts = Bool.random(using: &generator)
        let upkeep = Upkeep(
            resyncInterval: .seconds(30), resyncPart: parts ? 2 : nil, drainTimeout: drains ? .seconds(60) : nil, checking: checking)
        hasListeners = Int.random(in: 0..<4, using: &generator) > 0
        random = RandomRequests(generator: generator, checking: checking)
        rule = EffectiveRule(upkeep)
        appliance = SimulatedAppliance(world, upkeep: upkeep)
        store = SimulatedStore(world)
        listener = SimulatedListener(world, appliance)
        pipeline = try Self.pipeline(world, appliance, store)
        wire()
        trace.append("checking \(checking), drains \(drains), parts \(parts), listeners \(hasListeners)")
    }

    private static func pipeline(
        _ world: World, _ appliance: SimulatedAppliance, _ store: SimulatedStore
    ) throws -> CommitPipeline {
        let monitor = ProgressMonitor(now: { world.time })
        appliance.watchdog.withLock { $0 = { monitor.stuck() } }
        let clock = world.clock
        return try CommitPipeline(
            driver: appliance, driverName: "simulated", store: store, progress: monitor, log: .silent, now: { clock.now })
    }

    /// Has the core checked and listened to, as the program does after a start.
    private func wire() {
        let clock = world.clock
        if hasListeners {
            pipeline.begin(listeners: [listener])
            appliance.told.withLock { [listener] in $0 = { listener.told } }
        }
        // It looks when the simulation says so.
        if rule.checking == .driver {
            checker = StatusChecker(appliance, every: Int(Int32.max), pipeline: pipeline, log: .silent, now: { clock.now })
        }
    }

    /// Runs steps, and then brings everything to rest.
    ///
    /// - Returns: what was found wrong; nothing where all is right.
    func run(steps: Int) throws -> [String] {
        for _ in 0..<steps {
            try step()
            try check()
            if !violations.isEmpty { return violations }
        }
        try rest()
        return violations
    }

    private var violations: [String] { world.with { $0.violations } }

    // MARK: - Steps

    private func step() throws {
        world.with { state in
            (state.failing, state.isSilent, state.refusedWrites, state.isFailing) = (nil, false, 0, false)
            state.callTime = random.chance(10) ? Int64(random.number(20...100)) : 0
        }
        world.pass(Int64(random.number(0...8)))
        if random.chance(15) { fail() }
        if random.chance(8) {
            let effects = random.number(0...5)
            world.with { $0.effectsUntilCrash = effects }
        }
        if random.chance(30) { overlap() }
        act()
        // What waits for a synchronization that did not come.
        world.with { $0.whileSynchronizing = nil }
        if !world.with({ $0.hasPower }) { try restart(afterCrash: true) } else { world.with { $0.effectsUntilCrash = nil } }
        inHand = []
    }

    private func fail() {
        world.with { $0.isFailing = true }
        mayLoseBytes = true
        let (id, kind) = (random.jobID(), World.FailureKind.allCases[random.number(0...2)])
        switch random.number(0...2) {
        case 0: world.with { $0.failing = (id, kind) }
        case 1: world.with { $0.refusedWrites = 1 }
        default: world.with { $0.isSilent = true }
        }
    }

    private func act() {
        switch random.number(0...19) {
        case 0...8: run((0...random.number(0...2)).map { _ in (random.change(), random.chance(20)) })
        case 9: replace()
        case 10...13: checks()
        case 14: drainsAndTime()
        case 15: note("resync") { resync() }
        case 16: meddle()
        case 17: metrics()
        case 18:
            note("dry run") { _ = pipeline.run([.plan(random.change())]) }
        default: try? restart(afterCrash: false)
        }
    }

    private func note(_ what: String, _ body: () -> Void) {
        trace.append(what)
        body()
    }

    private func run(_ changes: [(WantedChange, isForced: Bool)]) {
        trace.append("changes \(changes.map(\.0.text))")
        inHand += changes.map { ($0.0, .jobs) }
        let outcomes = pipeline.run(changes.map { .commit(.change($0.0, isForced: $0.isForced)) })
        take(changes.map(\.0), outcomes, .jobs)
    }

    /// Takes answers: what was answered holds. Without power nobody hears the answer.
    private func take(_ changes: [WantedChange], _ outcomes: [Outcome], _ source: WantedState.Source) {
        trace.append("  outcomes \(outcomes)")
        guard world.with({ $0.hasPower }) else { return }
        for (change, outcome) in zip(changes, outcomes) {
            guard case .changed = outcome else { continue }
            let before = model.entries
            model.take(change, by: source)
            if before.keys.contains(where: { model.entries[$0] == nil }) { mayLoseBytes = true }
        }
    }

    private func replace() {
        let entries = random.fileEntries()
        if random.chance(50) {
            inHand.append((.update(entries), .file))
            let outcome = pipeline.run(.commit(.change(.update(entries), by: Origin(.file))))
            trace.append("replace \(entries.map(\.id))")
            take([.update(entries)], [outcome], .file)
        } else {
            trace.append("replace \(entries.map(\.id)), skipping")
            // Several transactions: what came between them is not told by the order of the answers.
            world.with { $0.whileSynchronizing = nil }
            let kept = Set(entries.map(\.id))
            let gone = model.entries.filter { $0.value.source == .file && !kept.contains($0.key) }.keys.sorted()
            inHand.append((.delete(.named(gone)), .file))
            for entry in entries { inHand.append((.create([entry]), .file)) }
            let refused = Set(pipeline.replaceSkipping(.file, entries).map(\.id))
            guard world.with({ $0.hasPower }) else { return }
            // What could not be taken out because the store or the appliance refused is still there.
            for id in gone where pipeline.committed[id] == nil { model.entries[id] = nil }
            if !gone.isEmpty { mayLoseBytes = true }
            model.take(.create(entries.filter { !refused.contains($0.id) }), by: .file)
        }
    }

    private func checks() {
        // Reports that wait for others are committed on a thread of their own, whose order to a second batch is not the seed's.
        world.with { $0.whileSynchronizing = nil }
        let (node, isDown) = (random.nodeID(), random.chance(50))
        world.with { world in _ = isDown ? world.downNodes.insert(node).inserted : world.downNodes.remove(node) != nil }
        trace.append("\(node) is \(isDown ? "down" : "up")")
        look()
    }

    /// Has it found out how nodes are, by the appliance or by the worker.
    private func look() {
        checker?.look()
        guard rule.checking == .worker else { return }
        let down = world.with { $0.downNodes }
        var reports: HealthReports = [:]
        for (id, _, health) in monitored {
            for (node, fact) in health.nodes {
                let found = NodeHealth(isUp: !down.contains(node), since: world.clock.now)
                reports[id, default: [:]][node] = (fact.endpoint, found)
            }
        }
        if !reports.isEmpty { pipeline.report(reports) }
    }

    /// What the worker checks.
    private var monitored: [(LoadBalancerID, LoadBalancer, ServiceHealth)] {
        pipeline.committed.read { snapshot in
            snapshot.facts.health.sorted { $0.key < $1.key }.compactMap { id, health in
                guard let loadBalancer = snapshot.wanted.entries[id]?.loadBalancer, loadBalancer.monitor != nil else { return nil }
                return (id, loadBalancer, health)
            }
        }
    }

    private func drainsAndTime() {
        note("time passes") {
            world.pass(Int64(random.number(1...70)))
            pipeline.endDrains()
            pipeline.advance()
        }
    }

    private func meddle() {
        let id = random.jobID()
        note("somebody changes \(id)") { appliance.meddle(id) { $0.port = 9 } }
        unseen.insert(id)
        resync()
    }

    private func resync() {
        pipeline.resync()
        if !world.with({ $0.isSilent }) { unseen = [] }
    }

    private func metrics() {
        appliance.count(UInt64(random.number(1...100)))
        note("METRICS") {
            guard case .metrics(let report) = pipeline.run(.commit(.metrics(.all))), world.with({ $0.hasPower }) else { return }
            for entry in report.entries { reported += entry.bytesOut }
        }
    }

    /// Lets a second batch be decided and applied while the store synchronizes the first.
    private func overlap() {
        let changes = [random.change()]
        let isLook = rule.checking == .driver && random.chance(40)
        let simulation = UncheckedReference(self)
        world.with { $0.whileSynchronizing = { simulation.value.decideMeanwhile(changes, isLook: isLook) } }
    }

    private let second = DispatchGroup()

    private func decideMeanwhile(_ changes: [WantedChange], isLook: Bool) {
        let goOn = DispatchSemaphore(value: 0)
        let turns = [pipeline.turn, pipeline.stage.turn]
        for turn in turns { turn.beforeWaiting { goOn.signal() } }
        let simulation = UncheckedReference(self)
        second.enter()
        Thread.detachNewThread {
            let simulation = simulation.value
            if isLook {
                simulation.checker?.look()
            } else {
                simulation.secondOutcome.withLock { $0 = (changes, simulation.pipeline.run(changes.map { .commit(.change($0)) })) }
            }
            simulation.second.leave()
            goOn.signal()
        }
        // Until it is done, or waits for the one that synchronizes.
        goOn.wait()
        for turn in turns { turn.beforeWaiting(nil) }
    }

    fileprivate let secondOutcome = Mutex<([WantedChange], [Outcome])?>(nil)

    // MARK: - Crashes

    private func restart(afterCrash: Bool) throws {
        trace.append(afterCrash ? "crash" : "restart")
        finishSecond()
        while pipeline.retained.withLock(\.isCommitting) { sched_yield() }
        world.with { state in
            (state.hasPower, state.effectsUntilCrash, state.failing) = (true, nil, nil)
            (state.isSilent, state.refusedWrites) = (false, 0)
        }
        checker = nil
        listener = SimulatedListener(world, appliance)
        appliance.told.withLock { $0 = nil }
        pipeline = try Self.pipeline(world, appliance, store)
        unseen = []
        wire()
        if !afterCrash { return }
        mayLoseBytes = true
        let found = pipeline.committed.read { $0.wanted.entries }
        if !isReachable(found) { world.violate("after a crash there is \(found.keys.sorted()), which no answered or begun change made") }
        model.entries = found
    }

    /// Whether a state is what was answered, with some of the changes in hand, in their order.
    private func isReachable(_ found: [LoadBalancerID: WantedState.Entry]) -> Bool {
        (0..<(1 << inHand.count)).contains { chosen in
            var possible = model
            for (place, job) in inHand.enumerated() where chosen & (1 << place) != 0 { possible.take(job.change, by: job.source) }
            return possible.matches(found)
        }
    }

    private func finishSecond() {
        second.wait()
        guard
            let (changes, outcomes) = secondOutcome.withLock({ second in
                defer { second = nil }
                return second
            })
        else { return }
        inHand += changes.map { ($0, .jobs) }
        trace.append("second batch \(changes.map(\.text))")
        take(changes, outcomes, .jobs)
    }

    // MARK: - What must hold

    private func check() throws {
        finishSecond()
        // What was found while something else was committed follows on another thread.
        while pipeline.retained.withLock(\.isCommitting) { sched_yield() }
        let snapshot = pipeline.committed.read { Snapshot(revision: $0.revision, wanted: $0.wanted, facts: $0.facts) }
        if !model.matches(snapshot.wanted.entries) {
            world.violate(
                "wanted is \(snapshot.wanted.entries.values.map(\.loadBalancer)), and was answered \(model.entries.values.map(\.loadBalancer))"
            )
        }
        if snapshot.revision < lastRevision { world.violate("the revision goes back from \(lastRevision) to \(snapshot.revision)") }
        lastRevision = snapshot.revision
        if reported > appliance.counted { world.violate("\(reported) bytes were reported, and only \(appliance.counted) counted") }
        try checkDurable(snapshot)
        let diverging = Set(pipeline.diverging)
        checkAppliance(snapshot, diverging)
        if hasListeners, diverging.isEmpty { checkTold(snapshot) }
    }

    private func checkDurable(_ snapshot: Snapshot) throws {
        let durable = try store.durable.snapshot(now: world.clock.now, drainTimeout: appliance.upkeep.drainTimeout)
        if durable.wanted.entries != snapshot.wanted.entries { world.violate("the durable state is not the committed one") }
        if durable.revision != snapshot.revision { world.violate("the durable revision is \(durable.revision), not \(snapshot.revision)") }
        // Facts about what was never committed with them are made anew at each start.
        let stored = snapshot.facts.health.filter { durable.facts.health[$0.key] != nil }
        if rule.checking != .nobody, stored != durable.facts.health { world.violate("the durable facts are not the committed ones") }
        if durable.facts.drains.all != snapshot.facts.drains.all { world.violate("the durable drains are not the committed ones") }
    }

    private func effective(_ snapshot: Snapshot) -> [LoadBalancerID: LoadBalancer] {
        var effective: [LoadBalancerID: LoadBalancer] = [:]
        for id in Set(snapshot.wanted.entries.keys).union(snapshot.facts.drains.owners) {
            effective[id] =
                rule.state(
                    of: id, wanted: snapshot.wanted.entries[id]?.loadBalancer, drains: snapshot.facts.drains,
                    health: snapshot.facts.health[id]
                ).appliance
        }
        return effective
    }

    private func checkAppliance(_ snapshot: Snapshot, _ diverging: Set<LoadBalancerID>) {
        let (wanted, running) = (effective(snapshot), appliance.running)
        for id in Set(wanted.keys).union(running.keys) where wanted[id] != running[id] && !diverging.contains(id) && !unseen.contains(id) {
            world.violate("\(id) runs as \(String(describing: running[id])), and should as \(String(describing: wanted[id]))")
        }
    }

    private func checkTold(_ snapshot: Snapshot) {
        let up = snapshot.wanted.entries.values.compactMap { entry -> Service? in
            let state = ServiceState(of: entry.loadBalancer, health: snapshot.facts.health[entry.loadBalancer.id])
            return state.isUp ? state.service : nil
        }
        if Set(up) != listener.told { world.violate("the world was told \(listener.told), and up are \(up)") }
    }

    /// Lets all failures end and everything come to rest: then nothing diverges, facts are the truth, and each byte is reported.
    private func rest() throws {
        world.with { state in
            (state.failing, state.isSilent, state.refusedWrites, state.callTime, state.isFailing) = (nil, false, 0, 0, false)
        }
        world.pass(100)
        resync()
        pipeline.endDrains()
        look()
        while pipeline.retained.withLock(\.isCommitting) { sched_yield() }
        look()
        world.pass(100)
        pipeline.advance()
        trace.append("rest")
        metrics()
        try check()
        if !mayLoseBytes, reported != appliance.counted {
            world.violate("\(reported) bytes were reported, and \(appliance.counted) counted")
        }
        if !pipeline.diverging.isEmpty { world.violate("at rest \(pipeline.diverging) still diverge") }
        let down = world.with { $0.downNodes }
        for (id, loadBalancer, health) in monitored where rule.checking == .worker || !loadBalancer.isSuspended {
            for (node, fact) in health.nodes where fact.health.isUp == down.contains(node) {
                world.violate("at rest \(node) of \(id) is committed as \(fact.health.isUp ? "up" : "down"), and is not")
            }
        }
    }
}

extension WantedChange {
    fileprivate var text: String {
        switch self {
        case .create(let list), .update(let list):
            name + " "
                + list.map { "\($0.id)@\($0.listener) \($0.nodes.map { "\($0.id)*\($0.weight) \($0.condition)" })" }.joined(separator: ", ")
        default: name + " " + loadBalancers.shown
        }
    }
}

/// Carries the simulation to the thread of the second batch. Unchecked because the first one waits while it is used there.
private struct UncheckedReference: @unchecked Sendable {
    let value: Simulation
    init(_ value: Simulation) { self.value = value }
}
