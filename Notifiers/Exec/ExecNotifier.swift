import HostSystem
public import LBaaS

/// A notifier that runs a program for each event, one after the other, with the event as JSON on its standard input.
///
/// An event is handed on when the program has ended, whatever it ended with: what fails or takes too long is logged, and not tried again.
/// Where the program is so slow that more than a thousand events wait, it is told only the last of each service.
public final class ExecNotifier: EventListener {
    private let settings: Settings
    private let log: Log
    private let outbox = Outbox(EventQueue(limit: 1000))

    /// A notifier that has run nothing yet.
    ///
    /// - Throws: where a value of the section is not accepted.
    public init(_ configuration: DriverConfiguration, log: Log) throws(DriverConfiguration.Failure) {
        settings = try Settings(configuration)
        self.log = log
    }

    /// Runs the program for each service.
    public func begin(_ services: [ServiceEvent]) {
        tell(services, isInitial: true)
        let isStarted = outbox.start { [outbox, settings, log] in Runner(outbox: outbox, settings: settings, log: log).run() }
        if !isStarted { log.write(.error, "exec notifier: the system has no thread for it, so the program is never run") }
    }

    /// Runs the program for each event.
    public func notify(_ events: [ServiceEvent]) { tell(events, isInitial: false) }

    /// Waits until the program has ended for the last event.
    public func flush(within limit: Duration) -> Bool { outbox.flush(within: limit) }

    /// Runs the program for what waits, and no more. A program that runs when the time is over is left to itself.
    public func stop(within limit: Duration) -> Bool { outbox.stop(within: limit) }

    private func tell(_ events: [ServiceEvent], isInitial: Bool) {
        if events.isEmpty { return }
        let replaced = outbox.tell { queue in queue.add(events, isInitial: isInitial) }
        if replaced > 0 {
            log.write(
                .warning, "exec notifier: the program is too slow, and is not told what was followed by something else",
                [("program", settings.program.path), ("events", String(replaced))])
        }
    }
}

/// What the thread of the notifier does.
private struct Runner: Sendable {
    let outbox: Outbox<EventQueue>
    let settings: Settings
    let log: Log

    func run() {
        while true {
            // Asked for first: what is told after it is not in it, even where it is taken below.
            let order = outbox.order
            if let entry = outbox.with({ $0.next() }) {
                report(settings.program.run(input: entry.json, within: settings.timeout), of: entry.event)
            } else {
                outbox.handedOn(order)
                if order.isLast { return }
                if !outbox.isWaitedFor { _ = outbox.wait(until: Deadline(in: .seconds(3600))) }
            }
        }
    }

    private func report(_ outcome: Program.Outcome, of event: ServiceEvent) {
        var fields: [Log.Field] = [("program", settings.program.path), ("event", event.kind.rawValue)]
        fields += event.fields
        if !outcome.output.isEmpty { fields.append(("output", String(decoding: outcome.output, as: UTF8.self))) }
        switch outcome.end {
        case .exit(0): log.write(outcome.output.isEmpty ? .debug : .info, "exec notifier: the program was run", fields)
        case .exit(let status): log.write(.warning, "exec notifier: the program failed", fields + [("status", String(status))])
        case .signal(let signal): log.write(.warning, "exec notifier: the program was killed", fields + [("signal", String(signal))])
        case .late:
            log.write(
                .warning, "exec notifier: the program took too long, and was ended",
                fields + [("seconds", String(settings.timeout.seconds))])
        case .notStarted(let code):
            log.write(.error, "exec notifier: the program cannot be run", fields + [("error", errorText(code))])
        }
    }
}
