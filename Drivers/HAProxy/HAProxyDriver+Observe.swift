public import LBaaS
import Synchronization

extension HAProxyDriver {
    /// What the haproxy on the command socket runs. Nothing where there is none: then it is started for what is to run.
    ///
    /// - Throws: where haproxy does not answer, or it or its file is another's.
    public func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        let observation = try observe(possible: expected)
        logs.keep(only: expected.map(\.id) + observation.running.map(\.id))
        return observation
    }

    /// As `observe(expecting:)`, where there may be others that are not expected now.
    public func observe(possible: [LoadBalancer]) throws(DriverError) -> Observation {
        try telling { () throws(ApplianceError) in
            try turn.withLock { _ throws(ApplianceError) in try look(expecting: possible) }
        }
    }

    private func look(expecting expected: [LoadBalancer]) throws(ApplianceError) -> Observation {
        try keeper.makeFolders()
        try keeper.checkOwner()
        logs.open()
        var found = try find(expecting: expected)
        if found == nil {
            // Where it has just ended it is started again.
            noticeEnd()
            found = try find(expecting: expected)
        }
        guard var finding = found else {
            running.withLock { $0 = nil }
            // From here on it is started for what is to run then.
            forgetEnd()
            return Observation(running: [])
        }
        try collectRetired(&finding.running)
        let (now, former) = (finding.running, running.withLock { $0 })
        running.withLock { $0 = now }
        for deviation in former?.deviations(in: now) ?? [] { log.write(.warning, deviation) }
        forgetEnd()
        watchMaster()
        lingering.watch()
        logs.check(now.pid)
        var altered = finding.altered
        let isIntact = try keeper.isIntact(
            expecting: text.text(of: Array(now.proxies.values), fingerprint: now.fingerprint))
        if !isIntact { altered.formUnion(now.proxies.keys) }
        return Observation(running: finding.loadBalancers, altered: altered)
    }

    /// What the running haproxy says; nil where none runs.
    private func find(expecting expected: [LoadBalancer]) throws(ApplianceError) -> Finding? {
        guard let process = try loader.settledProcess(), let fingerprint = process.fingerprint else { return nil }
        var socket = try CommandSocket.connect(to: site.commandSocket)
        try socket.begin()
        let answers = try socket.ask(["show stat -1 7 -1", "show servers state"])
        let known = known(fingerprint, expected)
        return Finding(
            process, fingerprint: fingerprint, rows: StatisticsRow.rows(answers[0]), states: ServerState.states(answers[1]),
            known: known.loadBalancers, isKnown: known.isCertain)
    }

    /// The load balancers of the configuration that runs, where this worker loaded it itself or it is that of those expected. Otherwise
    /// the expected ones are a guess.
    private func known(
        _ fingerprint: String, _ expected: [LoadBalancer]
    ) -> (loadBalancers: [LoadBalancerID: LoadBalancer], isCertain: Bool) {
        if let running = running.withLock({ $0 }), running.fingerprint == fingerprint {
            return (running.proxies.mapValues(\.loadBalancer), true)
        }
        let loadBalancers = Dictionary(expected.map { ($0.id, $0) }) { first, _ in first }
        let proxies = loadBalancers.values.map { Proxy(loadBalancer: $0, number: 0) }
        return (loadBalancers, text.fingerprint(of: proxies) == fingerprint)
    }

    /// Takes away the servers that have no connection any more.
    private func collectRetired(_ running: inout Running) throws(ApplianceError) {
        let commands = running.retired.flatMap { id, servers in
            servers.map { LoadBalancerPatch.deletion(of: id, $0.key, $0.value) }
        }
        if commands.isEmpty { return }
        var socket = try CommandSocket.connect(to: site.commandSocket)
        try socket.begin()
        let answers = try socket.ask(commands.map(\.text))
        for (command, answer) in zip(commands, answers) { running.note(command, answer) }
    }
}

extension Running {
    /// Notes what became of a server that was to go.
    mutating func note(_ command: RuntimeCommand, _ answer: String) {
        guard case .deletion(let id, let name, let server) = command.kind else { return }
        retired[id, default: [:]][name] = RuntimeCommand.isDeleted(answer) ? nil : server
        if retired[id]?.isEmpty ?? false { retired[id] = nil }
    }
}
