import LBaaS
import Requests

// How the circumstances of a load balancer read to an operator. No I/O, and no clock.

extension Explanation {
    /// Explains a load balancer.
    ///
    /// - Parameter node: one of its nodes that is explained instead.
    /// - Throws: `notFound` where it has no such node.
    init(_ circumstances: Circumstances, node: NodeID?) throws(Refusal) {
        let loadBalancer = circumstances.loadBalancer
        var wanted: Node?
        if let node {
            wanted = loadBalancer.nodes.first { $0.id == node }
            if wanted == nil {
                throw Refusal(.notFound, "there is no node \(quoted(node.text)) in the load balancer \(quoted(loadBalancer.id.text))")
            }
        }
        let appliance = circumstances.applianceStep(node: wanted)
        let summary = wanted.map { "node \(quoted($0.id.text)) \(circumstances.state(of: $0))" } ?? circumstances.summary
        self.init(
            revision: circumstances.revision, summary: summary,
            steps: [
                circumstances.requestStep, circumstances.wantedStep(node: wanted), circumstances.addressStep,
                circumstances.factsStep(node: wanted), circumstances.effectiveStep(node: wanted), circumstances.operationStep, appliance,
            ].compactMap(\.self),
            deviations: circumstances.deviations)
    }
}

// MARK: - Who asked for it

extension Circumstances {
    fileprivate var requestStep: Explanation.Step {
        let id = quoted(loadBalancer.id.text)
        var details = refusals.prefix(4).map { refusal in
            Explanation.Statement(
                "refused since: \(refusal.action)\(refusal.origin.name.isEmpty ? "" : " by \(refusal.origin.name)"): \(refusal.sentence)",
                at: refusal.time)
        }
        let made = change.map { "\($0.what)\($0.origin.isEmpty ? "" : " by \($0.origin)"), revision \($0.revision)" }
        let forgotten = "\(id) was changed last by a request that is not in the journal any more"
        if let change, change.time > entry.createdAt {
            details.insert(Explanation.Statement("\(id) was created", at: entry.createdAt), at: 0)
        }
        let time = change?.time ?? entry.createdAt
        switch entry.source {
        case .jobs, .keepalived: return Explanation.Step(.job, Explanation.Statement(made ?? forgotten, at: time), details: details)
        case .file:
            let what = "the section [service:\(loadBalancer.id.text)] of the configuration file"
            return Explanation.Step(.section, Explanation.Statement(what, at: time), details: details)
        case .kubernetes:
            let what = "the service \(id) of the Kubernetes cluster"
            return Explanation.Step(.object, Explanation.Statement(what, at: time), details: details)
        }
    }

    private var changedAt: Timestamp { change?.time ?? entry.createdAt }

    fileprivate func wantedStep(node: Node?) -> Explanation.Step {
        if let node {
            let load = loadBalancer.isSuspended ? "; its load balancer is SUSPENDED" : ""
            return Explanation.Step(.wanted, Explanation.Statement("\(node.condition.rawValue) at \(node.summary)\(load)", at: changedAt))
        }
        let state = loadBalancer.isSuspended ? "SUSPENDED" : "ENABLED"
        return Explanation.Step(
            .wanted, Explanation.Statement("\(state): \(loadBalancer.summary)", at: changedAt),
            details: loadBalancer.nodes.map { Explanation.Statement("node \(quoted($0.id.text)): \($0.summary)") }
                + (silenceStatement.map { [$0] } ?? []))
    }

    /// That no route is told to its address, and who wants that.
    fileprivate var silenceStatement: Explanation.Statement? {
        guard let silence, let address = loadBalancer.address else { return nil }
        return Explanation.Statement("no route to \(address) is told: stopped by \(silence.origin)", at: silence.time)
    }
}

// MARK: - What is known

extension Circumstances {
    fileprivate func factsStep(node: Node?) -> Explanation.Step {
        if let node {
            let health = healthOf(node)
            return Explanation.Step(.facts, health ?? Explanation.Statement(unchecked), details: drainOf(node).map { [$0] } ?? [])
        }
        let details = loadBalancer.nodes.flatMap { node in
            [healthOf(node), drainOf(node)].compactMap(\.self).map { statement in
                Explanation.Statement("node \(quoted(node.id.text)) \(statement.what)", at: statement.time)
            }
        }
        return Explanation.Step(.facts, Explanation.Statement(serviceWords, at: latestTurn), details: details + leavingStatements)
    }

    private var unchecked: String {
        loadBalancer.monitor == nil
            ? "nobody checks it: its load balancer has no monitor" : "the \(driver) driver does not tell what its checks found"
    }

    /// Whether the service is up, in words.
    private var serviceWords: String {
        if entry.isOutOfService { return "another load balancer had its listener when the worker began" }
        guard let service = effective.service else { return "it has no service" }
        let quorum = service.quorum.map { ", quorum \($0)" } ?? ""
        if let reason = service.reason { return "the service is down: \(reason)" }
        if let serving = servingByAppliance {
            return serving == 0
                ? "the service is down: no node serves, as the appliance says"
                : "the service is up: \(serving) of \(loadBalancer.nodes.count) nodes serve, as the appliance says"
        }
        return "the service is up: weight \(service.weight)\(quorum)"
    }

    /// How many nodes serve, where nobody but the appliance finds out and some of those do not that should; nil elsewhere.
    private var servingByAppliance: Int? {
        if health != nil { return nil }
        let enabled = loadBalancer.nodes.filter { $0.condition == .enabled && $0.weight > 0 }
        let out = enabled.count(where: isOut)
        return out == 0 ? nil : enabled.count - out
    }

    private var latestTurn: Timestamp? { health?.nodes.values.map(\.health.since).max().map(now.wall) }

    /// What checks found of a node; nil where nobody tells.
    private func healthOf(_ node: Node) -> Explanation.Statement? {
        guard loadBalancer.monitor != nil else { return nil }
        guard let fact = health?.nodes[node.id] else { return reportedHealth(of: node) }
        let since = now.wall(fact.health.since)
        var what = "\(fact.health.isUp ? "is up" : "is down"): \(checks(fact.health)), since \(since.text)"
        if fact.isHeld {
            let percent = loadBalancer.panicPercent.map { " than \($0) %" } ?? ""
            what += "; it is kept in service, for more\(percent) of the weight went down at once"
        }
        if fact.share < 1000 { what += "; it comes back with \(fact.share / 10) % of its weight so far" }
        return Explanation.Statement(what, at: since)
    }

    /// What the appliance says that its checks found of a node; nil where it does not tell.
    private func reportedHealth(of node: Node) -> Explanation.Statement? {
        guard let status = reported(node)?.status else { return nil }
        let fall = loadBalancer.monitor?.attempts ?? 1
        let checks =
            !status.isChecked
            ? "no check has ended yet"
            : status.isSound
                ? status.reason.map { "its last check failed: \($0)" } ?? "its checks pass"
                : status.reason.map { "check \(fall) of \(fall) failed: \($0)" } ?? "its checks fail"
        return Explanation.Statement(
            "\(status.isSound ? "is up" : "is down"): \(checks)" + (status.since.map { ", since \($0.text)" } ?? ""), at: status.since)
    }

    private func checks(_ health: NodeHealth) -> String {
        let limit = limit(isUp: health.isUp)
        switch (health.isUp, health.against) {
        case (true, 0): return health.isAssumed ? "taken to be, before its first check has ended" : "its checks pass"
        case (true, let count): return "check \(count) of \(limit) failed: \(health.reason ?? "for no reason that is known")"
        case (false, 0):
            let fall = self.limit(isUp: true)
            return health.reason.map { "check \(fall) of \(fall) failed: \($0)" } ?? "no check of it has passed yet"
        case (false, let count): return "check \(count) of \(limit) passed"
        }
    }

    /// That a node finishes what it has.
    private func drainOf(_ node: Node) -> Explanation.Statement? {
        let deadline = drains.first { $0.listener == loadBalancer.listener }?.drains.first { $0.endpoint == node.endpoint }?.deadline
        return deadline.map { Explanation.Statement("drains until \(now.wall($0).text) at the latest") }
    }

    /// What drains and is none of its nodes any more.
    private var leavingStatements: [Explanation.Statement] {
        let own = Set(loadBalancer.nodes.map(\.endpoint))
        return drains.flatMap { listener, drains in
            drains.filter { listener != loadBalancer.listener || !own.contains($0.endpoint) }.map { drain in
                Explanation.Statement("\(drain.endpoint) on \(listener) drains until \(now.wall(drain.deadline).text) at the latest")
            }
        }
    }
}

// MARK: - What should run, and what does

extension Circumstances {
    /// A node as it should run; nil where it should not.
    private func running(_ node: Node) -> Node? {
        guard let appliance = effective.appliance, !appliance.isSuspended else { return nil }
        return appliance.nodes.first { $0.id == node.id }
    }

    /// The time of what decides on what should run: the later of the change and the facts.
    private var decidedAt: Timestamp { max(changedAt, latestTurn ?? changedAt) }

    fileprivate func effectiveStep(node: Node?) -> Explanation.Step {
        if let node { return Explanation.Step(.effective, Explanation.Statement(effectiveWords(node), at: decidedAt)) }
        guard let appliance = effective.appliance, !appliance.isSuspended else {
            return Explanation.Step(.effective, Explanation.Statement("nothing of it should run", at: decidedAt))
        }
        let serving = appliance.nodes.count { $0.condition == .enabled && $0.weight > 0 }
        var details = loadBalancer.nodes.compactMap { node -> Explanation.Statement? in
            running(node) == node ? nil : Explanation.Statement("node \(quoted(node.id.text)) \(effectiveWords(node))")
        }
        details += appliance.nodes.filter { node in !loadBalancer.nodes.contains { $0.id == node.id } }.map {
            Explanation.Statement("the sorry server \($0.endpoint) takes the place of its nodes")
        }
        details += effective.routes.map { Explanation.Statement("routes to \($0) are told") }
        if let silenceStatement { details.append(silenceStatement) }
        let checks = servingByAppliance == nil ? "" : ", as far as its own checks let them"
        let what = "\(serving) of \(loadBalancer.nodes.count) nodes should get traffic on \(appliance.listener)\(checks)"
        return Explanation.Step(.effective, Explanation.Statement(what, at: decidedAt), details: details)
    }

    private func effectiveWords(_ node: Node) -> String {
        guard let running = running(node) else { return "should not run" }
        switch running.condition {
        case .enabled where running.weight == 0: return "should get nothing new: its weight is 0"
        case .enabled:
            return "should get traffic with weight \(running.weight)" + (running.weight == node.weight ? "" : " of \(node.weight)")
        case .draining: return "should get nothing new, and finish what it has"
        case .disabled: return "should get nothing"
        }
    }

    fileprivate var operationStep: Explanation.Step {
        guard let operation else {
            return Explanation.Step(
                .operation, Explanation.Statement("none since the worker began: the appliance was found as it should be", at: start))
        }
        let steps = operation.patch.operations
        let failure = operation.failure.map { "failed: \($0): " } ?? ""
        return Explanation.Step(
            .operation, Explanation.Statement(failure + (steps.first ?? "nothing"), at: operation.time),
            details: steps.dropFirst().map { Explanation.Statement($0) })
    }

    /// What would have to be done for the appliance to run what it should.
    fileprivate var deviations: [String] {
        guard case .success(let report) = report else { return [] }
        if let report { return report.deviations }
        guard let appliance = effective.appliance, !appliance.isSuspended else { return [] }
        return ["create load balancer \(quoted(appliance.id.text)): the appliance does not run it"]
    }

    fileprivate func applianceStep(node: Node?) -> Explanation.Step {
        func step(_ what: String, _ details: [Explanation.Statement] = []) -> Explanation.Step {
            let differences = deviations.map { Explanation.Statement("differs: \($0)") }
            return Explanation.Step(.appliance, Explanation.Statement(what, at: now.wall), details: details + differences)
        }
        switch report {
        case .failure(let error): return step("it cannot be asked: \(error.message)")
        case .success(nil): return step("it runs nothing of it")
        case .success(let report?):
            if let node {
                let found = report.nodes.first { $0.id == node.id } ?? report.nodes.first { $0.endpoint == node.endpoint }
                return step(found.map(\.sentence) ?? "it does not have \(node.endpoint)")
            }
            let verdict = deviations.isEmpty ? "as it should be" : "not as it should be"
            return step(
                "\(verdict): \(report.words)",
                report.nodes.map { node in
                    Explanation.Statement("\(node.id.map { "node \(quoted($0.text)) " } ?? "")\(node.endpoint): \(node.sentence)")
                })
        }
    }
}

extension ApplianceReport.Node {
    /// `UP, weight 1, 3 connections`.
    fileprivate var sentence: String {
        var parts = [words]
        if let weight { parts.append("weight \(weight)") }
        if let connections { parts.append("\(connections) connection\(connections == 1 ? "" : "s")") }
        return parts.joined(separator: ", ")
    }
}

// MARK: - The answer in one sentence

extension Circumstances {
    fileprivate var summary: String {
        let name = quoted(loadBalancer.id.text)
        if entry.isOutOfService { return "\(name) does not serve: another load balancer has its listener" }
        if loadBalancer.isSuspended { return "\(name) does not serve: it was suspended" }
        let down = loadBalancer.nodes.filter { state(of: $0).hasPrefix("gets nothing") }
        let rest = down.isEmpty ? "" : "; " + down.prefix(4).map { "node \(quoted($0.id.text)) \(state(of: $0))" }.joined(separator: "; ")
        let route = silenceStatement.map { "; \($0.what)" } ?? ""
        return "\(name): \(serviceWords)\(absenceNote)" + route + rest + (down.count > 4 ? "; …" : "") + differenceNote
    }

    private var differenceNote: String { deviations.isEmpty ? "" : "; the appliance does not run what it should" }

    private func reported(_ node: Node) -> ApplianceReport.Node? {
        if case .success(let report?) = report { report.nodes.first { $0.id == node.id } } else { nil }
    }

    /// Whether checks have taken a node out.
    private func isOut(_ node: Node) -> Bool {
        if let fact = health?.nodes[node.id] { return !fact.serves }
        return reported(node)?.status.map { !$0.isSound } ?? false
    }

    /// What a node gets, and the first cause of it.
    fileprivate func state(of node: Node) -> String {
        if entry.isOutOfService { return "gets nothing: another load balancer has the listener of its own" }
        if loadBalancer.isSuspended { return "gets nothing: its load balancer is suspended" }
        switch node.condition {
        case .disabled: return "gets nothing: it is DISABLED"
        case .draining: return "gets nothing new: it is DRAINING"
        case .enabled: break
        }
        if node.weight == 0 { return "gets nothing new: its weight is 0" }
        if isOut(node) {
            let found = healthOf(node).map { "it \($0.what)" }
            return "gets nothing: \(found ?? "the appliance says: \(reported(node)?.words ?? "it is down")")"
        }
        guard let running = running(node), running.condition == .enabled else {
            return "gets nothing: the sorry server takes the place of the nodes, for there is no quorum"
        }
        let nodes = effective.appliance?.nodes ?? []
        if node.isBackup, nodes.contains(where: { !$0.isBackup && $0.condition == .enabled && $0.weight > 0 && !isOut($0) }) {
            return "stands by: it is a backup, and others serve"
        }
        if let found = reported(node) {
            let what = "weight \(found.weight ?? UInt32(running.weight))"
            return deviations.isEmpty
                ? "gets traffic: \(what), as the appliance says: \(found.words)"
                : "is not as it should be on the appliance, which says: \(found.sentence)"
        }
        return deviations.isEmpty ? "gets traffic with weight \(running.weight)" : "gets nothing: the appliance does not run it"
    }
}
