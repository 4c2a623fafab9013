import LBaaS

/// The appliance as the commit pipeline sees it: its driver, and where it runs something else than what is committed.
struct Appliance {
    let driver: any LoadBalancerDriver
    private let log: Log
    private let trouble: Trouble

    /// What runs, where it is not what is committed; nil where nothing runs. Mostly empty.
    private var diverging: [LoadBalancerID: LoadBalancer?] = [:] {
        didSet { if diverging.isEmpty { trouble.isOver() } }
    }
    /// Those of them that are to be put right even where the load balancer that runs is the one that is to run. Mostly empty.
    private var altered: Set<LoadBalancerID> = []
    /// The outcomes with which counters ended or began since they were asked for.
    private var counterChanges: [GroupOutcome] = []

    /// Steps that failed.
    struct Failure {
        /// Why the first of them did.
        let message: String
        /// Whose steps they are.
        let ids: [LoadBalancerID]
    }

    init(driver: any LoadBalancerDriver, log: Log) {
        self.driver = driver
        self.log = log
        trouble = Trouble(log)
    }

    /// Asks the appliance what it runs.
    mutating func observe(expecting effective: Effective) throws(DriverError) {
        let expected = effective.all
        let observation = try driver.observe(expecting: expected)
        let running = Dictionary(observation.running.map { ($0.id, $0) }) { first, _ in first }
        var diverging: [LoadBalancerID: LoadBalancer?] = [:]
        altered = observation.altered
        var known: Set<LoadBalancerID> = []
        known.reserveCapacity(expected.count)
        for loadBalancer in expected {
            known.insert(loadBalancer.id)
            if running[loadBalancer.id] != loadBalancer { diverging.updateValue(running[loadBalancer.id], forKey: loadBalancer.id) }
        }
        for id in observation.altered { diverging.updateValue(running[id], forKey: id) }
        for loadBalancer in observation.running where !known.contains(loadBalancer.id) { diverging[loadBalancer.id] = loadBalancer }
        self.diverging = diverging
    }

    /// The steps from what runs to the draft.
    func groups(to draft: Draft, on effective: Effective) -> [PatchGroup] {
        let ids = draft.unsettled.isEmpty ? draft.order : draft.order + draft.unsettled.subtracting(draft.order).sorted()
        return PatchGroup.groups(
            of: ids.compactMap { step($0, to: effective($0, in: draft), effective, isForced: draft.forced.contains($0)) })
    }

    /// Brings the appliance to the draft.
    ///
    /// - Returns: nil where all worked, otherwise the first failure and whose steps failed. What they left is noted; `settle` brings it
    ///   back.
    mutating func apply(_ draft: Draft, on effective: Effective) -> Failure? {
        let groups = groups(to: draft, on: effective)
        return groups.isEmpty ? nil : apply(groups, effective)
    }

    /// Notes that the draft, which was applied, is committed: what runs is what is committed.
    mutating func keep(_ draft: Draft) {
        if diverging.isEmpty { return }
        for id in draft.order { forget(id) }
        for id in draft.unsettled { forget(id) }
    }

    /// Notes that the draft, which was applied, is not committed.
    mutating func abandon(_ draft: Draft, on effective: Effective) {
        for id in draft.unsettled.union(draft.order) { note(effective(id, in: draft), of: id, effective) }
    }

    /// The steps that bring these back to what is committed where they run something else.
    func groups(settling ids: [LoadBalancerID], on effective: Effective) -> [PatchGroup] {
        PatchGroup.groups(of: ids.compactMap { diverging[$0] == nil ? nil : step($0, to: effective[$0], effective) })
    }

    /// Brings these back to what is committed where they run something else.
    mutating func settle(_ ids: [LoadBalancerID], on effective: Effective) {
        let groups = groups(settling: ids, on: effective)
        if groups.isEmpty { return }
        guard let failure = apply(groups, effective) else {
            for id in ids { forget(id) }
            return
        }
        trouble.tell(
            .error, "the appliance does not run what is committed; this is tried again later",
            [("load_balancers", failure.ids.map { quoted($0.text) }.joined(separator: " ")), ("error", failure.message)])
    }

    /// Whose load balancers run as something else than what is committed, in their order.
    var divergingIDs: [LoadBalancerID] { diverging.isEmpty ? [] : diverging.keys.sorted() }

    /// Whether this one runs as something else than what is committed.
    func isDiverging(_ id: LoadBalancerID) -> Bool { diverging[id] != nil }

    /// The outcomes with which counters ended or began since this was asked last.
    mutating func takeCounterChanges() -> [GroupOutcome] {
        if counterChanges.isEmpty { return [] }
        defer { counterChanges = [] }
        return counterChanges
    }

    private func step(
        _ id: LoadBalancerID, to new: LoadBalancer?, _ effective: Effective, isForced: Bool = false
    ) -> LoadBalancerPatch? {
        let running = diverging[id] ?? effective[id]
        return altered.contains(id)
            ? LoadBalancerPatch(restoring: running, to: new, isForced: isForced)
            : LoadBalancerPatch(from: running, to: new, isForced: isForced)
    }

    private mutating func forget(_ id: LoadBalancerID) {
        diverging[id] = nil
        altered.remove(id)
    }

    /// Carries groups out; nil where all worked. After a failure it notes what became of each of them.
    private mutating func apply(_ groups: [PatchGroup], _ effective: Effective) -> Failure? {
        let outcomes = driver.apply(groups)
        for outcome in outcomes where !outcome.ended.isEmpty || !outcome.began.isEmpty { counterChanges.append(outcome) }
        guard let failure = outcomes.lazy.compactMap(\.failure).first else { return nil }
        for (group, outcome) in zip(groups, outcomes) where outcome.failure == nil {
            for patch in group.patches { note(patch.loadBalancer.new, of: patch.id, effective) }
        }
        let failed = zip(groups, outcomes).filter { $0.1.failure != nil }.flatMap(\.0.patches)
        observe(failed, effective)
        return Failure(message: failure.message, ids: failed.map(\.id))
    }

    /// Asks what became of steps that failed. Where even that fails nothing is known, and the old is the best guess.
    private mutating func observe(_ failed: [LoadBalancerPatch], _ effective: Effective) {
        do {
            let observation = try driver.observe(
                possible: failed.flatMap { [$0.loadBalancer.old, $0.loadBalancer.new].compactMap(\.self) })
            let running = Dictionary(observation.running.map { ($0.id, $0) }) { first, _ in first }
            for patch in failed {
                note(running[patch.id], of: patch.id, effective)
                if observation.altered.contains(patch.id) {
                    altered.insert(patch.id)
                    diverging.updateValue(running[patch.id], forKey: patch.id)
                }
            }
        } catch {
            log.write(.error, "the appliance cannot be asked what it runs", [("error", error.message)])
            for patch in failed { note(patch.loadBalancer.old, of: patch.id, effective) }
        }
    }

    private mutating func note(_ running: LoadBalancer?, of id: LoadBalancerID, _ effective: Effective) {
        altered.remove(id)
        if running == effective[id] {
            diverging[id] = nil
        } else {
            diverging.updateValue(running, forKey: id)
        }
    }
}
