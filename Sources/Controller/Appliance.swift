import LBaaS

/// The appliance as the commit pipeline sees it: its driver, and where it runs something else than what is committed.
struct Appliance {
    let driver: any LoadBalancerDriver
    private let log: Log
    /// Steps that failed.
    struct Failure {
        /// Why the first of them did.
        let message: String
        /// Whose steps they are.
        let ids: [LoadBalancerID]
    }

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
        let ids = draft.unsettled.isEmpty ? draft.order : draft.order + draft.unsettled.subtracting(draft.order).sorted()
        return PatchGroup.groups(
            of: ids.compactMap { LoadBalancerPatch(from: running($0, draft.committed), to: draft[$0]?.loadBalancer) })
    }

    /// Brings the appliance to the draft.
    ///
    /// - Returns: nil where all worked, otherwise the first failure and whose steps failed. What they left is noted; `settle` brings it
    ///   back.
    mutating func apply(_ draft: Draft) -> Failure? {
        let groups = groups(to: draft)
        return groups.isEmpty ? nil : apply(groups, committed: draft.committed)
    }

    /// Notes that the draft, which was applied, is committed: what runs is what is committed.
    mutating func keep(_ draft: Draft) {
        if diverging.isEmpty { return }
        for id in draft.order { diverging[id] = nil }
        for id in draft.unsettled { diverging[id] = nil }
    }

    /// Notes that the draft, which was applied, is not committed.
    mutating func abandon(_ draft: Draft) {
        for id in draft.order { note(draft[id]?.loadBalancer, of: id, draft.committed) }
    }

    /// Brings these back to what is committed where they run something else.
    mutating func settle(_ ids: [LoadBalancerID], on committed: CommittedState) {
        let patches = ids.compactMap { id in
            diverging[id].flatMap { LoadBalancerPatch(from: $0, to: committed[id]?.loadBalancer) }
        }
        if patches.isEmpty { return }
        guard let failure = apply(PatchGroup.groups(of: patches), committed: committed) else {
            for id in ids { diverging[id] = nil }
            return
        }
        log.write(
            .error, "the appliance does not run what is committed; this is tried again later",
            [("load_balancers", failure.ids.map { quoted($0.text) }.joined(separator: " ")), ("error", failure.message)])
    }

    /// Whose load balancers run as something else than what is committed, in their order.
    var divergingIDs: [LoadBalancerID] { diverging.isEmpty ? [] : diverging.keys.sorted() }

    /// Whether this one runs as something else than what is committed.
    func isDiverging(_ id: LoadBalancerID) -> Bool { diverging[id] != nil }

    private func running(_ id: LoadBalancerID, _ committed: CommittedState) -> LoadBalancer? {
        if let running = diverging[id] { return running }
        return committed[id]?.loadBalancer
    }

    /// Carries groups out; nil where all worked. After a failure it notes what became of each of them.
    private mutating func apply(_ groups: [PatchGroup], committed: CommittedState) -> Failure? {
        let outcomes = driver.apply(groups)
        guard let failure = outcomes.lazy.compactMap(\.self).first else { return nil }
        for (group, outcome) in zip(groups, outcomes) where outcome == nil {
            for patch in group.patches { note(patch.loadBalancer.new, of: patch.id, committed) }
        }
        let failed = zip(groups, outcomes).filter { $0.1 != nil }.flatMap(\.0.patches)
        observe(failed, committed)
        return Failure(message: failure.message, ids: failed.map(\.id))
    }

    /// Asks what became of steps that failed. Where even that fails nothing is known, and the old is the best guess.
    private mutating func observe(_ failed: [LoadBalancerPatch], _ committed: CommittedState) {
        do {
            let running = try driver.observe(expecting: failed.flatMap { [$0.loadBalancer.old, $0.loadBalancer.new].compactMap(\.self) })
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
