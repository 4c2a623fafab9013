import LBaaS

/// The appliance as the commit pipeline sees it: its driver, and where it runs something else than what is committed.
struct Appliance {
    let driver: any LoadBalancerDriver
    private let log: Log
    /// What runs, where it is not what is committed; nil where nothing runs. Mostly empty.
    private var diverging: [LoadBalancerID: LoadBalancer?] = [:]

    init(driver: any LoadBalancerDriver, log: Log) {
        self.driver = driver
        self.log = log
    }

    /// Asks the appliance what it runs.
    mutating func observe(expecting committed: CommittedState) throws(DriverError) {
        let expected = committed.withLock { $0.entries.values.map(\.loadBalancer) }
        let running = try driver.observe(expecting: expected)
        let runningByID = Dictionary(running.map { ($0.id, $0) }) { first, _ in first }
        diverging = [:]
        for id in Set(expected.map(\.id)).union(runningByID.keys) where runningByID[id] != committed[id]?.loadBalancer {
            diverging.updateValue(runningByID[id], forKey: id)
        }
    }

    /// The steps from what runs to the draft.
    func groups(to draft: Draft) -> [PatchGroup] {
        PatchGroup.groups(
            of: draft.order.compactMap { LoadBalancerPatch(from: running($0, draft.committed), to: draft[$0]?.loadBalancer) })
    }

    /// Brings the appliance to the draft.
    ///
    /// - Throws: the first failure. What the appliance runs then is noted; `settle` brings it back.
    mutating func apply(_ draft: Draft) throws(DriverError) {
        let groups = groups(to: draft)
        if groups.isEmpty { return }
        if let failure = apply(groups, committed: draft.committed) { throw failure }
    }

    /// Notes that the draft, which was applied, is committed: what runs is what is committed.
    mutating func keep(_ draft: Draft) {
        if diverging.isEmpty { return }
        for id in draft.order { diverging[id] = nil }
    }

    /// Notes that the draft, which was applied, is not committed.
    mutating func abandon(_ draft: Draft) {
        for id in draft.order { note(draft[id]?.loadBalancer, of: id, draft.committed) }
    }

    /// Brings whatever runs something else back to what is committed.
    mutating func settle(on committed: CommittedState) {
        let patches = diverging.keys.sorted().compactMap { id in
            LoadBalancerPatch(from: running(id, committed), to: committed[id]?.loadBalancer)
        }
        guard let failure = apply(PatchGroup.groups(of: patches), committed: committed) else {
            diverging = [:]
            return
        }
        log.write(
            .error, "the appliance does not run what is committed; this is tried again later",
            [("load_balancers", diverging.keys.sorted().map { quoted($0.text) }.joined(separator: " ")), ("error", failure.message)])
    }

    /// Whether something else runs than what is committed.
    var isDiverging: Bool { !diverging.isEmpty }

    private func running(_ id: LoadBalancerID, _ committed: CommittedState) -> LoadBalancer? {
        if let running = diverging[id] { return running }
        return committed[id]?.loadBalancer
    }

    /// Carries groups out. After a failure, which it returns, it notes what became of each of them.
    private mutating func apply(_ groups: [PatchGroup], committed: CommittedState) -> DriverError? {
        let outcomes = driver.apply(groups)
        guard let failure = outcomes.lazy.compactMap(\.self).first else { return nil }
        for (group, outcome) in zip(groups, outcomes) where outcome == nil {
            for patch in group.patches { note(patch.loadBalancer.new, of: patch.id, committed) }
        }
        observe(zip(groups, outcomes).filter { $0.1 != nil }.flatMap(\.0.patches), committed)
        return failure
    }

    /// Asks what became of steps that failed. Where even that fails nothing is known, and the old is the best guess.
    private mutating func observe(_ failed: [LoadBalancerPatch], _ committed: CommittedState) {
        do {
            let running = try driver.observe(expecting: failed.compactMap(\.loadBalancer.old))
            let runningByID = Dictionary(running.map { ($0.id, $0) }) { first, _ in first }
            for patch in failed { note(runningByID[patch.id], of: patch.id, committed) }
        } catch {
            log.write(.error, "the appliance cannot be asked what it runs", [("error", error.message)])
            for patch in failed { note(patch.loadBalancer.old, of: patch.id, committed) }
        }
    }

    private mutating func note(_ running: LoadBalancer?, of id: LoadBalancerID, _ committed: CommittedState) {
        if running == committed[id]?.loadBalancer {
            diverging[id] = nil
        } else {
            diverging.updateValue(running, forKey: id)
        }
    }
}
