import HostSystem
public import LBaaS
import Synchronization

extension HAProxyDriver {
    /// Carries the groups out: all that haproxy can take while it runs on one connection, or, where some of it cannot be, all of it by one
    /// load of the file. A group that haproxy refuses fails alone, as far as its words tell whose fault it is.
    public func apply(_ groups: [PatchGroup]) -> [GroupOutcome] { turn.withLock { _ in change(by: groups) } }

    private func change(by groups: [PatchGroup]) -> [GroupOutcome] {
        var change = Change(groups, running: running.withLock { $0 })
        logs.expect(groups.flatMap(\.patches).filter { $0.loadBalancer.new != nil }.map(\.id))
        while !change.open.isEmpty {
            do throws(ApplianceError) {
                if let reasons = change.reasonsToLoad(with: base) {
                    try load(&change, reasons)
                } else {
                    command(&change)
                }
            } catch {
                change.fail(change.open, error)
            }
        }
        return change.outcomes
    }

    /// The steps in words, and behind them how they are taken.
    public func plan(_ groups: [PatchGroup]) -> [String] {
        let change = Change(groups, running: running.withLock { $0 })
        let ended = groups.flatMap(\.patches).filter { $0.endedSessions != nil }
        let operations =
            groups.flatMap(\.operations) + ended.map { "end the connections of what leaves load balancer \(quoted($0.id.text)) at once" }
        if change.open.isEmpty { return operations }
        guard let reasons = change.reasonsToLoad(with: base) else {
            let count = change.commands(with: base).flatMap(\.commands).count
            return operations + ["while haproxy runs: \(count) command\(count == 1 ? "" : "s"), no load"]
        }
        if change.isEnd { return operations + ["end haproxy: no load balancer is left"] }
        let step =
            if change.running == nil { "start haproxy" } else if needsMoreRights(change.proxies { 0 }.values) {
                "start haproxy anew, with the right to listen on ports below 1024"
            } else { "load haproxy's configuration once" }
        return operations + ["\(step): \(reasons.summary)"]
    }

    /// Takes the steps while haproxy runs. A group of which haproxy refuses a command is left for a load.
    private func command(_ change: inout Change) {
        guard var running = change.running else { return }
        let work = change.commands(with: base)
        let refused = commandsRefused(work, &running)
        let done = change.open.filter { refused[$0] == nil }
        let groups = change.groups(done)
        running.take(groups)
        change.finish(done, running: running)
        change.refused = refused
        self.running.withLock { [running] in $0 = running }
        endSessions(of: groups, sparing: running.pid)
        keeper.follow { [weak self] in self?.content }
        if !done.isEmpty {
            log.write(
                .info, "haproxy was changed while it runs",
                [("commands", String(work.map(\.commands.count).reduce(0, +))), ("load_balancers", change.names(done))])
        }
        for reason in refused.values {
            log.write(.warning, "haproxy did not take a command; its configuration is loaded anew", [("reason", reason)])
        }
    }

    /// Has the commands of groups done; answers the groups of which one was not, and why.
    private func commandsRefused(_ work: [(group: Int, commands: [RuntimeCommand])], _ running: inout Running) -> [Int: String] {
        let commands = work.flatMap(\.commands)
        if commands.isEmpty { return [:] }
        var refused: [Int: String] = [:]
        do throws(ApplianceError) {
            var answers = try answers(to: commands.map(\.text), from: &running)[...]
            for (group, commands) in work {
                for (command, answer) in zip(commands, answers) {
                    if command.isDone(answer) { running.note(command, answer) } else { refused[group] = "\(command.text): \(answer)" }
                }
                answers = answers.dropFirst(commands.count)
            }
        } catch {
            for (group, _) in work { refused[group] = error.message }
        }
        trace(.commandsDone)
        return refused
    }

    /// Has commands done by the haproxy that is known, whose process may be another by now.
    private func answers(to commands: [String], from running: inout Running) throws(ApplianceError) -> [String] {
        var socket = try CommandSocket.connect(to: base.commandSocket)
        try socket.begin()
        guard let process = ProcessInformation(try socket.ask(["show info"])[0]), process.fingerprint == running.fingerprint else {
            throw ApplianceError(.foreign, "haproxy runs another configuration than it was given; it is looked at again soon")
        }
        running.pid = process.pid
        return try socket.ask(commands)
    }

    /// The configuration file of what runs; nil where nothing does.
    private var content: (text: String, states: [ServerState])? {
        running.withLock { $0 }.map { running in
            let proxies = Array(running.proxies.values)
            return (text.text(of: proxies, fingerprint: running.fingerprint), states(of: proxies))
        }
    }

    /// How long a change waits for names that were never looked up.
    private static let longestLookup: Duration = .seconds(1)

    /// The states from which a process is to begin with these load balancers, of which nothing is known.
    func states(of proxies: [Proxy]) -> [ServerState] {
        let addresses = addresses(of: proxies, within: .zero)
        return proxies.flatMap { $0.states(after: [:], addresses: addresses) }
    }

    /// The addresses of nodes that have names; none where haproxy asks name servers itself.
    private func addresses(of proxies: [Proxy], within limit: Duration) -> [String: IPAddress] {
        if !base.nameServers.isEmpty { return [:] }
        let servers = proxies.lazy.map(\.loadBalancer).filter { !$0.isSuspended }.flatMap(\.servers)
        return names.addresses(of: Set(servers.filter(\.isNamed).map(\.endpoint.host.description)), within: limit)
    }

    /// Takes the steps by a load, a start, or the end of haproxy.
    private func load(_ change: inout Change, _ reasons: [String]) throws(ApplianceError) {
        try keeper.makeFolders()
        try keeper.checkOwner()
        if change.isEnd {
            try end(&change)
            return
        }
        let isRunning = try loader.process() != nil
        try trial.check()
        if refuseListeners(&change, isRunning: isRunning) { return }
        if try refuseAuthorities(&change) { return }
        let numbers = Set(change.running?.proxies.values.map(\.number) ?? [])
        let proxies = change.proxies {
            var number = UInt32.random(in: Proxy.numbers)
            while numbers.contains(number) { number = .random(in: Proxy.numbers) }
            return number
        }
        let target = Array(proxies.values)
        let fingerprint = text.fingerprint(of: target)
        let process: ProcessInformation
        do throws(ApplianceError) {
            process = try load(target, fingerprint, of: change, isRunning: isRunning)
        } catch {
            // haproxy may still be at it, and is to end up with the last good file.
            if error.code == .late, isRunning, let former = change.running { _ = try? loader.reload(former.fingerprint) }
            // A configuration that haproxy only failed with when it was under way has ended the one that served.
            if isRunning, change.running != nil { noticeEndWhereEnded() }
            let content = text.text(of: target, fingerprint: fingerprint)
            change.fail(change.culprits(error, in: content, of: base.configurationFile), error)
            return
        }
        var running = Running(pid: process.pid, fingerprint: fingerprint)
        running.proxies = proxies
        self.running.withLock { [running] in $0 = running }
        forgetEnd()
        watchMaster()
        log.write(
            .info, change.running == nil ? "haproxy was started" : "haproxy loaded its configuration",
            [("reasons", reasons.summary), ("load_balancers", change.names(change.open)), ("process", String(process.pid))])
        endSessions(of: change.groups(change.open), sparing: process.pid)
        change.finish(change.open, running: running)
        keeper.keepStates(states(of: target))
        authorities.keep(for: target.map(\.loadBalancer))
        lingering.watch()
    }

    private func load(
        _ target: [Proxy], _ fingerprint: String, of change: Change, isRunning: Bool
    ) throws(ApplianceError) -> ProcessInformation {
        let former = isRunning ? try formerStates() : [:]
        let content = text.text(of: target, fingerprint: fingerprint)
        let addresses = addresses(of: target, within: Self.longestLookup)
        let states = target.flatMap { $0.states(after: change.keepsStates($0) ? former : [:], addresses: addresses) }
        return try keeper.change(to: content, states: states) {
            () throws(ApplianceError) -> ProcessInformation in
            if !isRunning { return try loader.start(fingerprint) }
            if needsMoreRights(target) {
                log.write(.warning, "haproxy is started anew, for it was started without the right to listen on ports below 1024")
                lingering.forget()
                try loader.stop()
                return try loader.start(fingerprint)
            }
            try lingering.hold()
            trace(.processHeld)
            let handover = Handover(base: base)
            let teaches = handover.isReady
            let process = try loader.reload(fingerprint)
            // Without it sticky clients are forgotten once more, and nothing worse.
            if !teaches { try? handover.conclude() }
            return process
        }
    }

    /// Whether the haproxy that runs may not listen where these load balancers do, and another that the worker starts may.
    private func needsMoreRights(_ target: some Collection<Proxy>) -> Bool {
        target.contains { $0.loadBalancer.port < 1024 && !$0.loadBalancer.isSuspended } && loader.lacksRights
    }

    /// How the servers are.
    private func formerStates() throws(ApplianceError) -> [ServerKey: ServerState] {
        var socket = try CommandSocket.connect(to: base.commandSocket)
        try socket.begin()
        let states = ServerState.states(try socket.ask(["show servers state"])[0])
        return Dictionary(states.map { (ServerKey(proxy: $0.proxy, server: $0.server), $0) }) { first, _ in first }
    }

    /// Ends haproxy, for nothing is left to serve.
    private func end(_ change: inout Change) throws(ApplianceError) {
        endSessions(of: change.groups(change.open), sparing: nil)
        lingering.forget()
        try loader.stop()
        try keeper.remove()
        authorities.keep(for: [])
        running.withLock { $0 = nil }
        forgetEnd()
        log.write(.info, "haproxy was ended: no load balancer is left", [("load_balancers", change.names(change.open))])
        change.finish(change.open, running: nil)
    }

    /// Ends the connections of what forced steps take out. Where that does not work the steps are done all the same.
    ///
    /// - Parameter pid: the process that serves, which has taken the steps; nil where it is about to end.
    private func endSessions(of groups: [PatchGroup], sparing pid: Int32?) {
        let ended = groups.flatMap(\.patches).compactMap(\.endedSessions)
        if ended.isEmpty { return }
        do throws(ApplianceError) {
            // Before the connections end no more are to come.
            if pid == nil { try loader.stopListening(ended.map(\.proxy)) }
            try loader.end(ended, sparing: pid)
        } catch  where error.code == .notRunning {
            // Its connections have ended with it.
        } catch {
            log.write(.warning, "connections that were to end at once may go on", [("error", error.message)])
        }
    }

    /// Fails the groups whose load balancers cannot listen; true where there are any.
    private func refuseListeners(_ change: inout Change, isRunning: Bool) -> Bool {
        // A haproxy of ours that takes no commands is told to end, and may listen for another moment.
        let refusals = refusals(of: change, patience: !isRunning && loader.endLost() ? .seconds(2) : .zero)
        for (group, error) in refusals { change.fail([group], error) }
        return !refusals.isEmpty
    }

    /// Brings the copies of files of authorities up to date, and fails the groups whose files cannot be used; true where there are any.
    private func refuseAuthorities(_ change: inout Change) throws(ApplianceError) -> Bool {
        let missing = try authorities.refresh(for: change.proxies { 0 }.values.map(\.loadBalancer))
        if missing.isEmpty { return false }
        let open = change.open
        for index in open {
            for loadBalancer in change.groups([index]).flatMap(\.patches).compactMap(\.loadBalancer.new) {
                guard let path = loadBalancer.namedAuthorities, missing.contains(path) else { continue }
                change.fail(
                    [index],
                    ApplianceError(
                        .refused,
                        "load balancer \(quoted(loadBalancer.id.text)): monitor.ca_file: \(CertificateFiles.sentence(about: path))"))
            }
        }
        return change.open.count < open.count
    }
}

/// Where a server is found among the states.
struct ServerKey: Hashable {
    let proxy: ApplianceName
    let server: ApplianceName
}

extension Proxy {
    /// The states from which a new process is to go on: those of servers that stay what they were, and of those that drain.
    ///
    /// - Parameter addresses: the addresses of names.
    fileprivate func states(after former: [ServerKey: ServerState], addresses: [String: IPAddress]) -> [ServerState] {
        if loadBalancer.isSuspended { return [] }
        let (rise, fall) = loadBalancer.riseAndFall
        return loadBalancer.servers.compactMap { server in
            let resolved = server.isNamed ? addresses[server.endpoint.host.description] : nil
            // That a server is in maintenance stands in the configuration; the address of its name does not.
            if server.condition == .disabled, !server.isNamed { return nil }
            if let state = former[ServerKey(proxy: name, server: server.name)], state.endpoint == server.endpoint,
                resolved == nil || state.unresolvedName == nil
            {
                return state.adapted(to: server, rise: rise, fall: fall)
            }
            guard server.condition == .draining || resolved != nil else { return nil }
            return ServerState(server, of: name, rise: rise, resolved: resolved).adapted(to: server, rise: rise, fall: fall)
        }
    }
}

extension [String] {
    /// The first few of them.
    var summary: String { prefix(5).joined(separator: "; ") + (count > 5 ? "; … (\(count))" : "") }
}
