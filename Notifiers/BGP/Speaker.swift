import Glibc
import HostSystem
import LBaaS

/// What the thread of the notifier does: reach ExaBGP, tell it what to announce until it is gone, and again, until it is to end.
struct Speaker: Sendable {
    let outbox: Outbox<RouteTable>
    let settings: Settings
    let log: Log

    /// The longest wait between two tries to reach ExaBGP, in seconds.
    private static let longestWait = 5.0

    func run() {
        var backoff = Backoff(maximum: Self.longestWait)
        var isKnownToBeLost = false
        while true {
            do throws(ExaBGPError) {
                try serve {
                    log.write(.info, "bgp notifier: ExaBGP connected", [("pipe", settings.pipes.commands)])
                    backoff.reset()
                    isKnownToBeLost = false
                }
                return
            } catch {
                outbox.stuck()
                // Said once, until it changes.
                if !isKnownToBeLost {
                    log.write(.warning, "bgp notifier: ExaBGP lost; it is tried again for ever", [("reason", error.message)])
                }
                isKnownToBeLost = true
            }
            let pause = Deadline(in: .seconds(backoff.next(share: .random(in: 0...1))))
            while !pause.isOver, !outbox.isStopping { _ = outbox.wait(until: pause) }
            if outbox.isStopping { return }
        }
    }

    /// Tells ExaBGP what to announce, until the thread is to end.
    ///
    /// - Parameter connected: called once it has answered.
    private func serve(connected: () -> Void) throws(ExaBGPError) {
        let exabgp = try ExaBGP.reach(at: settings.pipes.commands)
        var isNew = true
        var look = Deadline(in: .zero)
        while true {
            let order = outbox.order
            if order.isLast, settings.withdrawsOnStop { outbox.with { $0.clear() } }
            if look.isOver {
                try compareAndCorrect(exabgp, isNew: isNew)
                look = Deadline(in: settings.resyncInterval)
            } else {
                try correct(exabgp)
            }
            if isNew { connected() }
            isNew = false
            outbox.handedOn(order)
            if order.isLast { return }
            if outbox.isWaitedFor { continue }
            if outbox.wait(until: look, watching: exabgp.commands.number) & POLLERR != 0 { throw ExaBGPError("ExaBGP is gone") }
        }
    }

    /// Does what is left to be done.
    private func correct(_ exabgp: borrowing ExaBGP) throws(ExaBGPError) {
        let steps = outbox.with { $0.steps }
        if steps.isEmpty { return }
        var conversation = try Conversation.begin(
            with: exabgp, answers: settings.pipes.answers, isFirst: false, limits: settings.limits)
        try take(steps, in: &conversation, level: .info)
    }

    /// Looks at what ExaBGP announces, and does what is left to be done then.
    private func compareAndCorrect(_ exabgp: borrowing ExaBGP, isNew: Bool) throws(ExaBGPError) {
        var conversation = try Conversation.begin(
            with: exabgp, answers: settings.pipes.answers, isFirst: isNew, limits: settings.limits)
        outbox.unstuck()
        let lists = try conversation.ask(["show adj-rib out", "show neighbor summary"])
        guard lists.allSatisfy(\.isDone) else { throw ExaBGPError("ExaBGP does not list its routes as ExaBGP 4.2 does") }
        let listing = RouteListing(routes: lists[0].lines, peers: lists[1].lines, neighbors: settings.neighbors)
        let steps = outbox.with { table in
            table.take(listing, isNew: isNew)
            return table.steps
        }
        try take(steps, in: &conversation, level: isNew ? .debug : .info)
    }

    /// Has ExaBGP take steps. One that it refuses is tried again with the next ones.
    private func take(_ steps: [RouteStep], in conversation: inout Conversation, level: LogLevel) throws(ExaBGPError) {
        let answers = try conversation.ask(steps.map(settings.command))
        for (step, answer) in zip(steps, answers) {
            if answer.isDone {
                log.write(
                    level, "bgp notifier: \(step.isAnnouncement ? "announced" : "withdrawn")", [("address", step.address.description)])
            } else {
                log.write(
                    .warning, "bgp notifier: ExaBGP refuses a route; its own log says why, and it is tried again",
                    [("command", settings.command(for: step))])
            }
        }
        outbox.with { table in
            for (step, answer) in zip(steps, answers) where answer.isDone { table.done(step) }
        }
    }
}

extension RouteStep {
    fileprivate var isAnnouncement: Bool {
        if case .announce = self { true } else { false }
    }
}
