import LBaaS
import Requests
import StateStore

// Plans, traffic, facts, and who is told.

extension Committer {
    /// What a change would do to what is in force.
    mutating func plan(_ change: WantedChange, _ options: ChangeOptions, by origin: Origin) -> Outcome {
        switch machine.plan(change, options, by: origin, now: now()) {
        case .success((let virtualIPs, let groups)):
            driver.objection(to: groups).map { .refused(Refusal(.appliance, $0.message)) } ?? .planned(virtualIPs + driver.plan(groups))
        case .failure(let refusal): .refused(refusal)
        }
    }

    /// How often counters ended or began.
    var counterSequence: UInt64 { machine.ledger.sequence }

    /// Notes what counters show, durably.
    mutating func noteTraffic(_ traffic: TrafficReadings) {
        takeStage()
        defer { stage.pass() }
        if let failure = traffic.failure {
            log.write(.warning, "the traffic cannot be read; METRICS may miss some", [("error", failure)])
        }
        machine.read(traffic)
        saveRest()
    }

    /// Makes the accounts and facts durable that are not, if nobody else does.
    mutating func saveRest() {
        saveFacts()
        let accounts = machine.ledger.unsavedAccounts
        if accounts.isEmpty { return }
        do throws(StateStoreError) {
            try stage.write(
                accounts.filter { committed[$0.key]?.source.isStored ?? true }.map { .traffic(StoredTraffic($0.value, of: $0.key)) })
            machine.savedAccounts()
        } catch {
            log.write(.error, "the traffic could not be made durable; this is tried again later", [("error", error.message)])
        }
    }

    /// Has these effects brought about from now on, and these listeners told.
    mutating func begin(_ actuators: [any Actuator], _ listeners: [any EventListener]) {
        layers = EffectLayers(actuators: actuators, listeners: listeners, log: log)
        if layers.isEmpty { return }
        layers.begin(allEffective, at: now().wall)
        machine.isAnnounced = true
        followUnknown()
    }

    /// Has one more effect brought about from now on.
    mutating func add(_ actuator: any Actuator) {
        // What is being made durable is told to the layers before.
        takeStage()
        layers = layers.adding(actuator)
        actuator.begin(allEffective)
        stage.pass()
        machine.isAnnounced = true
        followUnknown()
    }

    private var allEffective: [EffectiveState] { committed.entries.keys.map { machine.effective($0) } }

    /// Has the nodes of every load balancer checked from now on, by whom it is given.
    mutating func begin(_ checker: any NodeChecker) {
        self.checker = checker
        let publication = publication
        for id in committed.entries.keys { publication.check(id) }
    }

    /// Gives load balancers facts about their nodes that have none: it did not matter before how they are.
    mutating func followUnknown() {
        let (rule, now) = (machine.healthRule, now().steady)
        if rule.checking == .nobody { return }
        takeStage()
        defer { stage.pass() }
        unsavedFacts += committed.change { snapshot in
            var ids: [LoadBalancerID] = []
            for entry in snapshot.wanted.entries.values
            where !entry.isOutOfService && rule.applies(to: entry.loadBalancer) && snapshot.facts.health[entry.loadBalancer.id] == nil {
                var health = ServiceHealth()
                health.follow(entry.loadBalancer, checkedBy: rule.checking, version: snapshot.revision, now: now)
                snapshot.facts.health[entry.loadBalancer.id] = health
                ids.append(entry.loadBalancer.id)
            }
            return ids
        }
        saveFacts()
    }

    /// Makes the facts durable that are not, with both turns.
    private mutating func saveFacts() {
        if unsavedFacts.isEmpty { return }
        do throws(StateStoreError) {
            try stage.write(unsavedFacts.flatMap { committed.health(of: $0).writes(from: nil, of: $0) })
            unsavedFacts = []
        } catch {
            log.write(.error, "how nodes are could not be made durable; this is tried again later", [("error", error.message)])
        }
    }
}
