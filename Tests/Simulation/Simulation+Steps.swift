import LBaaS
import Requests

@testable import Controller

// What happens: requests of all sources, failures, crashes, and what comes beside them.

extension Simulation {
    /// One step, and what comes beside it.
    func step() throws {
        world.with { state in
            (state.failing, state.isSilent, state.refusedWrites, state.isFailing) = (nil, false, 0, false)
            state.callTime = random.chance(10) ? Int64(random.number(20...100)) : 0
            (state.calls, state.meanwhile) = (0, [])
        }
        world.pass(Int64(random.number(0...8)))
        if random.chance(15) { fail() }
        if random.chance(8) {
            let effects = random.number(0...5)
            world.with { $0.effectsUntilCrash = effects }
        }
        if random.chance(35) { overlap() }
        act()
        world.lockStep.finish()
        if !world.with({ $0.hasPower }) { try restart(afterCrash: true) } else { world.with { $0.effectsUntilCrash = nil } }
    }

    private func fail() {
        world.with { $0.isFailing = true }
        hasFailed = true
        let (id, kind) = (random.jobID(), World.FailureKind.allCases[random.number(0...2)])
        switch random.number(0...2) {
        case 0: world.with { $0.failing = (id, kind) }
        case 1: world.with { $0.refusedWrites = 1 }
        default: world.with { $0.isSilent = true }
        }
    }

    private func act() {
        switch random.number(0...20) {
        case 0...8: change(count: random.number(1...3))
        case 9: replace()
        case 10...13: turnNode()
        case 14: passTime()
        case 15:
            note("resync")
            resync()
        case 16: meddle()
        case 17: metrics()
        case 18: statistics()
        case 19:
            note("dry run")
            _ = pipeline.run([.plan(random.change())])
        default: try? restart(afterCrash: false)
        }
    }

    /// Has one or two things done beside the step, each from a call of the outside on.
    private func overlap() {
        for _ in 0..<random.number(1...2) {
            let (calls, kind) = (random.number(1...6), random.number(0...9))
            let body = { @Sendable [self] in
                switch kind {
                case 0...4: change(count: 1)
                case 5...7: turnNode()
                case 8: random.chance(50) ? metrics() : statistics()
                default: passTime()
                }
            }
            world.with { $0.meanwhile.append((calls, body)) }
        }
    }

    // MARK: - Requests

    private func change(count: Int) {
        let known = sent.model.entries.values.filter { $0.source == .jobs }.map(\.loadBalancer).sorted { $0.id < $1.id }
        let changes = (0..<count).map { _ in
            let isEdit = !known.isEmpty && random.chance(30)
            let change = isEdit ? .create([random.edited(known[random.number(0...known.count - 1)])]) : random.change()
            return (change, isForced: random.chance(20))
        }
        note("changes \(changes.map(\.0.text))")
        let origins = changes.map { sent.send($0.0, by: .jobs) }
        let outcomes = pipeline.run(zip(changes, origins).map { .commit(.change($0.0, ChangeOptions(isForced: $0.isForced), by: $1)) })
        take(outcomes, of: origins)
    }

    /// Takes answers: what was answered holds. Without power nobody hears the answer.
    private func take(_ outcomes: [Outcome], of origins: [Origin]) {
        note("  \(origins.map(\.name)): \(outcomes)")
        guard world.with({ $0.hasPower }) else { return }
        follow()
        for (outcome, origin) in zip(outcomes, origins) {
            if let fault = sent.answer(outcome, to: origin) { world.violate(fault) }
        }
    }

    private func replace() {
        let entries = random.fileEntries()
        if random.chance(50) {
            note("replace \(entries.map(\.id))")
            let origin = sent.send(.update(entries), by: .file)
            take([pipeline.run(.commit(.change(.update(entries), by: origin)))], of: [origin])
        } else {
            note("replace \(entries.map(\.id)), skipping")
            sent.skipping = entries
            let refused = Set(pipeline.replaceSkipping(.file, entries).map(\.id))
            guard world.with({ $0.hasPower }) else { return }
            follow()
            for entry in entries where !refused.contains(entry.id) && sent.model.entries[entry.id]?.loadBalancer != entry {
                world.violate("\(entry.id) of the file was not refused, and is not durable")
            }
        }
    }

    /// Asks for the traffic.
    func metrics() {
        appliance.count(UInt64(random.number(1...100)))
        note("METRICS")
        guard case .metrics(let report) = pipeline.run(.commit(.metrics(.all))), world.with({ $0.hasPower }) else { return }
        for entry in report.entries { reported += entry.bytesOut }
    }

    private func statistics() {
        let selection = random.selection()
        note("STATS \(selection)")
        let before = snapshot
        check(controller.perform(.status(selection)), of: selection, in: before)
    }

    // MARK: - Facts

    private func turnNode() {
        let (node, isDown) = (random.nodeID(), random.chance(50))
        world.with { world in _ = isDown ? world.downNodes.insert(node).inserted : world.downNodes.remove(node) != nil }
        note("\(node) is \(isDown ? "down" : "up")")
        look()
    }

    private func passTime() {
        note("time passes")
        if world.with({ $0.callTime }) == 0 { world.pass(Int64(random.number(1...70))) }
        pipeline.endDrains()
        pipeline.advance()
    }

    private func meddle() {
        let id = random.jobID()
        note("somebody changes \(id)")
        appliance.meddle(id) { $0.port = 9 }
        unseen.insert(id)
        resync()
    }

    /// Has the appliance looked at, and put right.
    func resync() {
        pipeline.resync()
        if !world.with({ $0.isSilent }) { unseen = [] }
    }
}
