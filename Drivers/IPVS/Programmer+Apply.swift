import LBaaS

// How the kernel is told what it should have.

extension Programmer {
    /// What `apply` would tell the kernel, at once and later, and what to beware of.
    func plan(_ groups: [PatchGroup]) -> [String] {
        var difference = Difference()
        var later: [String] = []
        for group in groups {
            let steps = steps(of: group)
            for (step, target) in zip(steps, append(steps, to: &difference)) where standsStill(step, target) && still[step.key] == nil {
                later.append("\(Change.deleteService(step.key)) when its last bytes are counted")
            }
        }
        let changes = difference.changes.filter { if case .readService = $0 { false } else { true } }
        return changes.map(\.description) + later + difference.warnings
    }

    /// Whether a service is left without real servers because nobody wants it.
    private func standsStill(_ step: Step, _ target: VirtualService?) -> Bool {
        step.wanted.service == nil && target?.destinations.isEmpty ?? false
    }

    /// Tells the kernel the difference, many groups in one batch.
    mutating func apply(_ groups: [PatchGroup], kernel: any Kernel) -> [GroupOutcome] {
        table.reserve(groups.count)
        var outcomes = [GroupOutcome](repeating: GroupOutcome(), count: groups.count)
        var failed: [Work] = []
        func finish(_ work: Work) {
            outcomes[work.place] = work.outcome
            if work.outcome.failure != nil { failed.append(work) }
        }
        carryOut(groups.enumerated().lazy.map { Work(place: $0.offset, group: $0.element) }, kernel, finish)
        // Where the kernel had something else than we knew, look, and try once more.
        let surprised = failed.filter(\.isSurprised)
        if !surprised.isEmpty {
            failed.removeAll(where: \.isSurprised)
            for work in surprised { lookAgain(at: work, kernel) }
            carryOut(surprised, kernel, finish)
        }
        for work in failed {
            _ = try? refresh(work.steps.map(\.key), kernel)
            leaveBehind(work, &outcomes[work.place])
        }
        return outcomes
    }

    /// Reads the services of a work anew, and tells what was not as it was known.
    private mutating func lookAgain(at work: Work, _ kernel: any Kernel) {
        let unknown = work.steps.filter { table[$0.key] == nil }
        _ = try? refresh(work.steps.map(\.key), kernel)
        var isTakenOver = false
        for step in unknown {
            guard let found = table[step.key] else { continue }
            isTakenOver = true
            // What is wanted may have been made a moment ago.
            let wanted = step.wanted.service?.destinations.table ?? [:]
            let others = found.destinations.keys.filter { wanted[$0] == nil }.map(\.description).sorted()
            log.write(
                .warning,
                "a virtual service was there that nobody here had made; from now on it is this worker's, and becomes what was asked for",
                [("service", step.key.description), ("settings", found.settings.description), ("not_wanted", others.shown)])
        }
        if !isTakenOver {
            log.write(
                .warning, "the kernel's table is not as it was left; it is looked at again",
                [("steps", work.steps[0].key.description)])
        }
    }

    /// Carries works out. What they change is worked out and sent portion by portion, because new memory costs more than one send for all
    /// saves.
    ///
    /// - Parameter finish: gets each when it is known what became of it, in their order.
    private mutating func carryOut(_ works: some Sequence<Work>, _ kernel: any Kernel, _ finish: (Work) -> Void) {
        var difference = Difference()
        var portion: [Work] = []
        var interruption: KernelInterruption?
        func send() {
            if let interruption {
                for index in portion.indices { portion[index].outcome.failure = DriverError(interruption.message) }
            } else {
                interruption = self.send(difference.changes, of: &portion, kernel)
            }
            for warning in difference.warnings { log.write(.warning, warning) }
            portion.forEach(finish)
            difference.removeAll()
            portion.removeAll(keepingCapacity: true)
        }
        for var work in works {
            let first = difference.changes.count
            let steps = steps(of: work.group)
            let targets = append(steps, to: &difference)
            work.begin(first..<difference.changes.count, steps, targets)
            portion.append(work)
            if difference.changes.count >= Self.portion { send() }
        }
        send()
    }

    /// As many changes are worked out, and more by one group at most, before they are sent.
    private static var portion: Int { 512 }

    /// Has the kernel carry out the changes of some works, and notes for each what became of them; returns what kept it from going on.
    private mutating func send(_ changes: [Change], of works: inout [Work], _ kernel: any Kernel) -> KernelInterruption? {
        var refused: [RefusedChange] = []
        var unknown = changes.count..<changes.count
        var interruption: KernelInterruption?
        var readings: [ServiceKey: Statistics] = [:]
        if !changes.isEmpty {
            do throws(KernelInterruption) {
                refused = try kernel.carryOut(changes) { readings[$1.key] = $1.statistics }
            } catch {
                (refused, unknown, interruption) = (error.refused, error.unknown, error)
            }
        }
        var next = refused[...]
        for index in works.indices {
            while let first = next.first, first.index < works[index].range.upperBound {
                works[index].refused.append((changes[first.index], first.number))
                next = next.dropFirst()
            }
            if let interruption, works[index].range.overlaps(unknown) {
                works[index].fail(interruption.message, table)
            } else if let refusal = works[index].refused.first {
                works[index].fail(refusal.change.sentence(refusal.number), table)
            } else {
                keep(&works[index], readings)
            }
        }
        if log.wants(.debug) {
            for change in changes { log.write(.debug, change.description) }
        }
        return interruption
    }

    /// Notes that all of a group was carried out.
    private mutating func keep(_ work: inout Work, _ readings: [ServiceKey: Statistics]) {
        for patch in work.group.patches { settle(patch, work.steps, &work.outcome) }
        for (step, target) in zip(work.steps, work.targets) {
            if work.made.contains(step.key) || table[step.key] == nil && target != nil {
                beginCounter(of: step, &work.outcome)
            } else if let reading = readings[step.key] {
                handOnCounter(of: step, at: reading, &work.outcome)
            }
            if standsStill(step, target) {
                standStill(step.key)
            } else {
                still[step.key] = nil
            }
            table.set(step.key, target, of: step.owner)
        }
    }

    /// Notes what a group that failed has made, and may have left.
    private mutating func leaveBehind(_ work: Work, _ outcome: inout GroupOutcome) {
        for step in work.steps where table[step.key] != nil {
            if work.made.contains(step.key) { beginCounter(of: step, &outcome) }
            if table.owner(of: step.key) == nil { table.give(step.key, to: step.owner) }
        }
        let keys = work.steps.map(\.key)
        for patch in work.group.patches { leftBehind[patch.id, default: []].formUnion(keys) }
    }
}

extension Programmer {
    /// A step of one virtual service.
    struct Step {
        let key: ServiceKey
        let wanted: WantedService
        /// Whose service it is.
        let owner: LoadBalancerID
        /// Whether the load balancer was there before: then a service that is made anew is one that was lost or stood still.
        let isKnown: Bool
        /// Whether the load balancer stays, and somebody may ask what the service counted.
        let isCounted: Bool
    }

    /// A group on its way.
    private struct Work {
        /// Its place among all groups.
        let place: Int
        let group: PatchGroup
        var steps: [Step] = []
        /// The changes of the group among those that are sent together.
        var range = 0..<0
        var targets: [VirtualService?] = []
        var outcome = GroupOutcome()
        var refused: [(change: Change, number: Int32)] = []
        /// The services that were made by an attempt that failed.
        var made: Set<ServiceKey> = []

        /// Whether it was refused for nothing but that the kernel had something else than we knew.
        var isSurprised: Bool { !refused.isEmpty && refused.allSatisfy { $0.change.isSurprise($0.number) } }

        init(place: Int, group: PatchGroup) {
            self.place = place
            self.group = group
        }

        /// Takes it that the changes of its steps are sent.
        mutating func begin(_ range: Range<Int>, _ steps: [Step], _ targets: [VirtualService?]) {
            self.range = range
            self.steps = steps
            self.targets = targets
            refused = []
            outcome.failure = nil
        }

        /// Notes that not all of the changes were carried out.
        ///
        /// - Parameter table: the services that there were before.
        mutating func fail(_ message: String, _ table: ServiceTable) {
            outcome.failure = DriverError(message)
            for (step, target) in zip(steps, targets) where table[step.key] == nil && target != nil {
                let isRefused = refused.contains { if case .addService(step.key, _) = $0.change { true } else { false } }
                if !isRefused { made.insert(step.key) }
            }
        }
    }

    /// Appends the changes of some steps; returns what their services are to be.
    private func append(_ steps: [Step], to difference: inout Difference) -> [VirtualService?] {
        steps.map { step in
            let current = table[step.key]
            var target = step.wanted.target(from: current)
            let crowdedOut = step.wanted.crowdedOut(from: current)
            if crowdedOut > 0 { difference.warn(step.key.warningOfCrowd(crowdedOut)) }
            // What was counted in the last two seconds cannot be read yet. It is not lost as long as the service is there.
            if target == nil, step.isCounted, let current { target = VirtualService(settings: current.settings) }
            if current != nil, passesCounter(step) { difference.read(step.key) }
            difference.append(step.key, from: current, to: target)
            return target
        }
    }

    /// The steps of a group, each service once.
    private func steps(of group: PatchGroup) -> [Step] {
        var steps: [Step] = []
        var places: [ServiceKey: Int] = [:]
        func add(_ step: Step) {
            guard let place = places[step.key] else {
                places[step.key] = steps.count
                steps.append(step)
                return
            }
            // What one load balancer gives up another takes.
            let known = steps[place]
            let taker = known.wanted.service == nil ? step : known
            steps[place] = Step(
                key: step.key, wanted: WantedService(taker.wanted.service, leaving: known.wanted.leaving.union(step.wanted.leaving)),
                owner: taker.owner, isKnown: taker.isKnown, isCounted: taker.isCounted)
        }
        for patch in group.patches {
            let (old, new) = (patch.loadBalancer.old, patch.loadBalancer.new)
            let beginsLife = patch.beginsLife
            for (key, wanted) in new?.wantedServices(defaults) ?? [] {
                add(Step(key: key, wanted: wanted, owner: patch.id, isKnown: !beginsLife, isCounted: true))
            }
            for key in (old.map { keys(of: $0) } ?? []) + leftBehind(by: patch.id) where places[key] == nil {
                add(Step(key: key, wanted: WantedService(nil), owner: patch.id, isKnown: true, isCounted: new != nil && !beginsLife))
            }
        }
        return steps
    }

    private func keys(of loadBalancer: LoadBalancer) -> [ServiceKey] {
        if let key = foreign[loadBalancer.id] { return [key] }
        return ([loadBalancer.listener] + loadBalancer.leaving.map(\.listener)).compactMap { ServiceKey($0) }
    }
}
