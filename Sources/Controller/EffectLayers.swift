import LBaaS

/// The effects of the layers around the appliance, in their order, and the listeners of events, which come after them.
///
/// Before the appliance is changed: the layers above it remove what goes, the highest first, then the layers below it add what comes, the
/// lowest first. When a change is durable: the layers below remove what went, the highest first, and the layers above add what came, the
/// lowest first.
struct EffectLayers: Sendable {
    private let actuators: [any Actuator]
    private let listeners: [any EventListener]
    /// The layers above the appliance, the highest first, and then those below, the lowest first.
    private let steps: [Step]
    /// What was done for batches that wait for it.
    private let inFlight: EffectsInFlight
    private let log: Log

    /// The longest that a change waits for one step before the appliance is changed, however many actuators and listeners there are.
    private static let patience = Duration.seconds(2)
    /// After so many rounds for each step a change waits no more without its turn.
    private static let mostRounds = 3

    /// What is done and waited for together before the appliance is changed.
    private struct Step: Sendable {
        var above: [any Actuator] = []
        var below: [any Actuator] = []
        var listeners: [any EventListener] = []

        /// What has to be done before the appliance is changed, with the changes that it is a part of.
        func effects(of decision: Decision) -> PreparedEffects.Effects {
            var effects: PreparedEffects.Effects = [:]
            if !above.isEmpty || !listeners.isEmpty, !decision.events.before.isEmpty {
                let changes = Dictionary(decision.changes.map { ($0.old.id, $0) }) { first, _ in first }
                for event in decision.events.before {
                    if let change = changes[event.service.loadBalancer] { effects[.down(event.service)] = change }
                }
            }
            if !above.isEmpty {
                for change in decision.changes where change.new.isSilenced && !change.old.isSilenced {
                    if let service = change.new.service, service.isUp, change.old.service?.isUp ?? false {
                        effects[.withdrawal(service.service)] = change
                    }
                }
            }
            if !below.isEmpty {
                for change in decision.changes {
                    let addresses = change.new.addresses.subtracting(change.old.addresses)
                    for address in addresses { effects[.address(change.new.id, address)] = change }
                }
            }
            return effects
        }
    }

    /// No effects and no listeners.
    init() { self.init(actuators: [], listeners: [], log: .silent) }

    /// Effects that have not begun.
    init(actuators: [any Actuator], listeners: [any EventListener], log: Log) {
        self.init(actuators: actuators, listeners: listeners, log: log, inFlight: EffectsInFlight())
    }

    /// The same layers with one more effect. A batch that waits for effects begins them again when it comes.
    func adding(_ actuator: any Actuator) -> EffectLayers {
        EffectLayers(actuators: actuators + [actuator], listeners: listeners, log: log, inFlight: inFlight)
    }

    private init(actuators: [any Actuator], listeners: [any EventListener], log: Log, inFlight: EffectsInFlight) {
        self.inFlight = inFlight
        let layers = Dictionary(grouping: actuators, by: \.layer)
        let ordered = layers.sorted { $0.key < $1.key }
        self.actuators = ordered.flatMap(\.value)
        var steps = ordered.filter { $0.key > .appliance }.reversed().map { Step(above: $0.value) }
        steps += ordered.filter { $0.key < .appliance }.map { Step(below: $0.value) }
        if !listeners.isEmpty {
            if steps.isEmpty { steps.append(Step()) }
            steps[steps.count - 1].listeners = listeners
        }
        self.steps = steps
        self.listeners = listeners
        self.log = log
    }

    /// Whether there are no effects and no listeners.
    var isEmpty: Bool { steps.isEmpty }

    /// Tells how everything is at the start.
    func begin(_ states: [EffectiveState], at time: Timestamp) {
        for actuator in actuators { actuator.begin(states) }
        if listeners.isEmpty { return }
        let services = states.compactMap { $0.service?.event(at: time) }
        for listener in listeners { listener.begin(services) }
    }
}

// MARK: - Before the appliance is changed

extension EffectLayers {
    /// Whether something has to be done before the appliance is changed.
    func needsPreparation(_ decision: Decision) -> Bool { steps.contains { !$0.effects(of: decision).isEmpty } }

    /// Begins the next step of what has to be done before the appliance is changed, and takes back what was done and is not needed any more.
    ///
    /// - Parameter current: a load balancer as it is in force.
    /// - Returns: what was done, where it has to be waited for before anything else happens; nil where the appliance can be changed. Until the
    ///   batch comes again, what others take back leaves it done.
    func prepare(
        _ decision: Decision, _ prepared: PreparedEffects, at time: Timestamp, current: (LoadBalancerID) -> EffectiveState
    ) -> PreparedEffects? {
        var prepared = prepared
        inFlight.remove(prepared)
        if prepared.done.count != steps.count { prepared.done = steps.map { _ in [:] } }
        for (index, step) in steps.enumerated() {
            let needed = step.effects(of: decision)
            let stale = prepared.done[index].filter { needed[$0.key] == nil }
            takeBack(stale, of: index, at: time, current: current)
            let new = needed.filter { prepared.done[index][$0.key] == nil }
            prepared.done[index] = needed
            if new.isEmpty { continue }
            begin(new, of: step, decision)
            (prepared.step, prepared.rounds) = (index, prepared.rounds + 1)
            if prepared.rounds <= Self.mostRounds * steps.count {
                inFlight.insert(&prepared)
                return prepared
            }
            waitUntilDone(prepared)
        }
        return nil
    }

    /// Does everything that has to be done before the appliance is changed. Only what the appliance cannot do without is waited for.
    ///
    /// - Parameter told: the services that listeners were told are going already.
    func prepare(_ decision: Decision, told: Set<Service>) {
        for (index, step) in steps.enumerated() {
            let effects = step.effects(of: decision)
            if effects.isEmpty { continue }
            begin(effects, of: step, decision, told: told)
            if !step.below.isEmpty { waitUntilDone(step: index, count: effects.count) }
        }
    }

    private func begin(_ effects: PreparedEffects.Effects, of step: Step, _ decision: Decision, told: Set<Service> = []) {
        // All changes: an actuator has to know what takes the place of what.
        for actuator in step.above { actuator.remove(decision.changes) }
        for actuator in step.below { actuator.add(decision.changes) }
        let events = decision.events.before.filter { effects[.down($0.service)] != nil && !told.contains($0.service) }
        if !events.isEmpty { for listener in step.listeners { listener.notify(events) } }
    }

    private func takeBack(
        _ effects: PreparedEffects.Effects, of index: Int, at time: Timestamp, current: (LoadBalancerID) -> EffectiveState
    ) {
        if effects.isEmpty { return }
        let step = steps[index]
        var ups: [EffectiveChange] = []
        var silenced: [EffectiveChange] = []
        var unused: [EffectiveChange] = []
        for (effect, change) in effects {
            let current = inFlight.kept(in: current(change.old.id), by: index)
            switch effect {
            case .down: ups.append(EffectiveChange(from: .absent(current.id), to: current))
            case .withdrawal: silenced.append(EffectiveChange(from: .absent(current.id), to: current))
            case .address: unused.append(EffectiveChange(from: change.new, to: current))
            }
        }
        if !silenced.isEmpty { for actuator in step.above { actuator.add(silenced) } }
        if !ups.isEmpty {
            for actuator in step.above { actuator.add(ups) }
            let events = ups.compactMap { $0.new.service?.event(at: time) }
            for listener in step.listeners { listener.notify(events) }
        }
        if !unused.isEmpty { for actuator in step.below { actuator.remove(unused) } }
    }

    /// Waits until what was begun last is done, for a limited time.
    func waitUntilDone(_ prepared: PreparedEffects) {
        waitUntilDone(step: prepared.step, count: prepared.done[prepared.step].count)
    }

    private func waitUntilDone(step index: Int, count: Int) {
        let deadline = ContinuousClock.now + Self.patience
        let step = steps[index]
        var isDone = true
        for actuator in step.above + step.below { isDone = actuator.flush(within: max(.zero, deadline - .now)) && isDone }
        for listener in step.listeners { isDone = listener.flush(within: max(.zero, deadline - .now)) && isDone }
        if !isDone { log.write(.warning, "a notifier could not hand on in time that services go", [("services", "\(count)")]) }
    }
}

// MARK: - Afterwards

extension EffectLayers {
    /// Does what is left of a change that the appliance serves and that is durable. Does not wait.
    func finish(_ decision: Decision) {
        if decision.changes.isEmpty { return }
        bringAbout(decision.changes)
        if inFlight.isEmpty { return notify(decision.events.after) }
        let states = Dictionary(decision.changes.map { ($0.new.id, $0.new) }) { first, _ in first }
        notify(decision.events.after.filter { $0.kind == .down || states[$0.service.loadBalancer].map(isToldUp) ?? true })
    }

    /// Takes back what was done for a change that was not made: the effects are as the state in force asks for, and what was done for the
    /// batches that wait stays done. Does not wait.
    ///
    /// - Parameters:
    ///   - told: the services that listeners were told are going; those that are up in force are told so, and taken out.
    ///   - current: a load balancer as it is in force without the change.
    func takeBack(
        _ decision: Decision, told: inout Set<Service>, at time: Timestamp, current: (LoadBalancerID) -> EffectiveState
    ) {
        if decision.changes.isEmpty { return }
        bringAbout(decision.changes.map { EffectiveChange(from: $0.new, to: current($0.new.id)) })
        // What was told to go stays where the state in force has it.
        let events = decision.events.before.compactMap { event -> ServiceEvent? in
            let state = current(event.service.loadBalancer)
            guard let service = state.service, service.service == event.service, service.isUp, isToldUp(state) else { return nil }
            return told.remove(event.service) == nil ? nil : service.event(at: time)
        }
        notify(events)
    }

    /// Whether listeners of events may be told that a service is up: no batch that waits has told them that it goes.
    private func isToldUp(_ state: EffectiveState) -> Bool { inFlight.kept(in: state, by: steps.count - 1).service != nil }

    /// Removes from the layers below, the highest first, what is not needed any more, and adds to the layers above, the lowest first, what is.
    private func bringAbout(_ changes: [EffectiveChange]) {
        let isAlone = inFlight.isEmpty
        for (index, step) in steps.enumerated().reversed() where !step.above.isEmpty || !step.below.isEmpty {
            let kept = isAlone ? changes : changes.map { EffectiveChange(from: $0.old, to: inFlight.kept(in: $0.new, by: index)) }
            for actuator in step.below { actuator.remove(kept) }
            for actuator in step.above { actuator.add(kept) }
            // A service that goes for a batch that waits takes over nothing from another.
            if !isAlone { for actuator in step.above { actuator.remove(kept) } }
        }
    }

    private func notify(_ events: [ServiceEvent]) {
        if events.isEmpty { return }
        for listener in listeners { listener.notify(events) }
    }
}
