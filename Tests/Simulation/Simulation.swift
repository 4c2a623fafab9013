import HostSystem
import LBaaS
import Requests
import TestSupport

@testable import Controller

/// One run of the whole core with the requests, facts, failures and crashes of one seed.
///
/// Unchecked because its tasks run one at a time.
final class Simulation: @unchecked Sendable {
    let world: World
    let appliance: SimulatedAppliance
    let store: SimulatedStore
    let rule: EffectiveRule
    let hasListeners: Bool
    private(set) var pipeline: CommitPipeline
    private(set) var controller: LBaaSController
    private var checker: StatusChecker?
    private var checks: SimulatedChecks?
    private(set) var listener: SimulatedListener
    var random: RandomRequests
    var sent = SentChanges()
    /// What somebody changed since the appliance was looked at.
    var unseen: Set<LoadBalancerID> = [] {
        didSet { world.with { [unseen] in $0.isMeddled = !unseen.isEmpty } }
    }
    /// Bytes that METRICS reported.
    var reported: UInt64 = 0
    /// Whether bytes may be lost because something failed or crashed.
    var hasFailed = false
    private(set) var trace: [String] = []

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let checking = [NodeChecking.nobody, .driver, .worker][Int.random(in: 0...2, using: &generator)]
        let drains = checking != .driver && Bool.random(using: &generator)
        let parts = Bool.random(using: &generator)
        let upkeep = Upkeep(
            resyncInterval: .seconds(30), resyncPart: parts ? 2 : nil, drainTimeout: drains ? .seconds(60) : nil, checking: checking)
        hasListeners = Int.random(in: 0..<4, using: &generator) > 0
        world = World(seed: seed)
        random = RandomRequests(generator: generator, checking: checking)
        rule = EffectiveRule(upkeep)
        appliance = SimulatedAppliance(world, upkeep: upkeep)
        store = SimulatedStore(world)
        listener = SimulatedListener(world, appliance)
        (pipeline, controller) = try Self.core(world, appliance, store)
        connect()
        note("checking \(checking), drains \(drains), parts \(parts), listeners \(hasListeners)")
    }

    private static func core(
        _ world: World, _ appliance: SimulatedAppliance, _ store: SimulatedStore
    ) throws -> (CommitPipeline, LBaaSController) {
        let monitor = ProgressMonitor(now: { world.time })
        appliance.watchdog.withLock { $0 = { monitor.stuck() } }
        let clock = world.clock
        let pipeline = try CommitPipeline(
            driver: appliance, driverName: "simulated", store: store, progress: monitor, log: .silent, threads: world.lockStep.threads,
            now: { clock.now })
        let surroundings = LBaaSController.Surroundings(
            version: "1", release: "1.0", diagnose: { .refused(Refusal(.invalid, "no diagnosis")) })
        let controller = LBaaSController(pipeline: pipeline, driver: appliance, driverName: "simulated", surroundings: surroundings)
        return (pipeline, controller)
    }

    /// Has the core checked and listened to, as the program does after a start.
    private func connect() {
        let clock = world.clock
        if hasListeners {
            pipeline.begin(listeners: [listener])
            appliance.told.withLock { [listener] in $0 = { listener.told } }
        }
        switch rule.checking {
        case .nobody: break
        case .driver:
            // It looks when the simulation says so.
            checker = StatusChecker(appliance, every: Int(Int32.max), pipeline: pipeline, log: .silent, now: { clock.now })
        case .worker:
            let checks = SimulatedChecks(world, seed: random.generator.next())
            self.checks = checks
            pipeline.begin(checks)
        }
    }

    /// Adds a line to the trace.
    func note(_ line: String) { trace.append(line) }

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

    /// Takes what has become durable.
    func follow() {
        for fault in sent.follow(store) { world.violate(fault) }
    }

    // MARK: - Health

    /// Has it found out how nodes are, by the appliance or by the worker.
    func look() {
        checker?.look()
        guard let checks else { return }
        checks.round()
        deliver(checks)
    }

    private func deliver(_ checks: SimulatedChecks) {
        while let findings = checks.delivery() {
            if random.chance(50) { pipeline.report(findings) } else { pipeline.submit(findings) }
        }
    }

    /// Has found out and committed how all nodes are.
    private func lookUntilKnown() {
        if let checks {
            // The longest delay is 4 s, and two results in a row turn a node.
            for _ in 0..<4 {
                world.pass(4)
                checks.round()
            }
            while checks.hasMail { deliver(checks) }
        } else {
            checker?.look()
        }
        world.lockStep.finish()
        pipeline.advance()
        world.lockStep.finish()
    }

    // MARK: - Crashes and the end

    /// Ends the core and starts another one with the same appliance and store.
    func restart(afterCrash: Bool) throws {
        note(afterCrash ? "crash" : "restart")
        world.with { $0.meanwhile = [] }
        world.lockStep.finish()
        world.with { state in
            (state.hasPower, state.effectsUntilCrash, state.failing) = (true, nil, nil)
            (state.isSilent, state.refusedWrites) = (false, 0)
        }
        (checker, checks) = (nil, nil)
        listener = SimulatedListener(world, appliance)
        appliance.told.withLock { $0 = nil }
        (pipeline, controller) = try Self.core(world, appliance, store)
        unseen = []
        connect()
        if afterCrash { hasFailed = true }
    }

    /// Lets all failures end and everything come to rest: then nothing diverges, facts are the truth, and each byte is reported.
    private func rest() throws {
        note("rest")
        world.with { state in
            (state.failing, state.isSilent, state.refusedWrites, state.callTime, state.isFailing) = (nil, false, 0, 0, false)
            (state.meanwhile, state.effectsUntilCrash) = ([], nil)
        }
        world.pass(100)
        resync()
        pipeline.endDrains()
        lookUntilKnown()
        world.pass(100)
        pipeline.advance()
        metrics()
        world.lockStep.finish()
        try check()
        checkRest()
    }
}
