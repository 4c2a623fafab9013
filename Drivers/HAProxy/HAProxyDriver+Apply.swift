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
                if let reasons = change.reasonsToLoad(at: site) {
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
        guard let reasons = change.reasonsToLoad(at: site) else {
            let count = change.commands(at: site).flatMap(\.commands).count
            return operations + ["while haproxy runs: \(count) command\(count == 1 ? "" : "s"), no load"]
        }
        if change.isEnd { return operations + ["end haproxy: no load balancer is left"] }
        return operations + ["\(change.running == nil ? "start haproxy" : "load haproxy's configuration once"): \(reasons.summary)"]
    }

    /// Takes the steps while haproxy runs. A group of which haproxy refuses a command is left for a load.
    private func command(_ change: inout Change) {
        guard var running = change.running else { return }
        let work = change.commands(at: site)
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
        var socket = try CommandSocket.connect(to: site.commandSocket)
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
            return (text.text(of: proxies, fingerprint: running.fingerprint), proxies.flatMap { $0.states(after: [:]) })
        }
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
        if refusePorts(&change, isRunning: isRunning) { return }
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
            let content = text.text(of: target, fingerprint: fingerprint)
            change.fail(change.culprits(error, in: content, of: site.configurationFile), error)
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
        keeper.keepStates(target.flatMap { $0.states(after: [:]) })
        lingering.watch()
    }

    private func load(
        _ target: [Proxy], _ fingerprint: String, of change: Change, isRunning: Bool
    ) throws(ApplianceError) -> ProcessInformation {
        let former = isRunning ? try formerStates() : [:]
        let content = text.text(of: target, fingerprint: fingerprint)
        return try keeper.change(to: content, states: target.flatMap { $0.states(after: change.keepsStates($0) ? former : [:]) }) {
            () throws(ApplianceError) -> ProcessInformation in
            if !isRunning { return try loader.start(fingerprint) }
            try lingering.hold()
            trace(.processHeld)
            let handover = Handover(site: site)
            let teaches = handover.isReady
            let process = try loader.reload(fingerprint)
            // Without it sticky clients are forgotten once more, and nothing worse.
            if !teaches { try? handover.conclude() }
            return process
        }
    }

    /// How the servers are.
    private func formerStates() throws(ApplianceError) -> [ServerKey: ServerState] {
        var socket = try CommandSocket.connect(to: site.commandSocket)
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

    /// Fails the groups that would listen where somebody else does; true where there are any.
    private func refusePorts(_ change: inout Change, isRunning: Bool) -> Bool {
        // A haproxy of ours that takes no commands is told to end, and may listen for another moment.
        let patience: Duration = !isRunning && loader.endLost() ? .seconds(2) : .zero
        let held = change.running?.proxies.values.map(\.loadBalancer).filter { !$0.isSuspended }.map(\.listener) ?? []
        var isAny = false
        for index in change.open {
            let new = change.groups([index]).flatMap(\.patches).compactMap(\.loadBalancer.new)
            for loadBalancer in new where !loadBalancer.isSuspended && !held.contains(where: { $0.overlaps(loadBalancer.listener) }) {
                let deadline = Deadline(in: patience)
                let isFree = deadline.wait { PortCheck.refusal(of: loadBalancer, hasIPv6: site.hasIPv6) == nil ? true : nil } ?? false
                if isFree { continue }
                let words = PortCheck.refusal(of: loadBalancer, hasIPv6: site.hasIPv6) ?? "it was not free a moment ago"
                let place = "load balancer \(quoted(loadBalancer.id.text)) cannot listen on \(loadBalancer.listener)"
                change.fail([index], ApplianceError(.refused, "\(place): \(words)"))
                isAny = true
                break
            }
        }
        return isAny
    }
}

/// Where a server is found among the states.
struct ServerKey: Hashable {
    let proxy: ApplianceName
    let server: ApplianceName
}

extension Proxy {
    /// The states from which a new process is to go on: those of servers that stay what they were, and of those that drain.
    fileprivate func states(after former: [ServerKey: ServerState]) -> [ServerState] {
        if loadBalancer.isSuspended { return [] }
        let (rise, fall) = loadBalancer.riseAndFall
        return loadBalancer.servers.compactMap { server in
            // That a server is in maintenance stands in the configuration.
            if server.condition == .disabled { return nil }
            if let state = former[ServerKey(proxy: name, server: server.name)], state.endpoint == server.endpoint {
                return state.adapted(to: server, rise: rise, fall: fall)
            }
            guard server.condition == .draining else { return nil }
            return ServerState(server, of: name, rise: rise).adapted(to: server, rise: rise, fall: fall)
        }
    }
}

extension [String] {
    /// The first few of them.
    var summary: String { prefix(5).joined(separator: "; ") + (count > 5 ? "; … (\(count))" : "") }
}
