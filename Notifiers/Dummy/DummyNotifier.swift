public import LBaaS
import Synchronization

/// A notifier that writes events to the log, for trials, for demonstrations, and for an operator who wants them there.
public final class DummyNotifier: EventListener {
    private let log: Log
    private let isStopped = Atomic(false)

    /// A notifier that writes to this log.
    public init(log: Log) { self.log = log }

    /// Logs how each service is.
    public func begin(_ services: [ServiceEvent]) {
        for event in services { write("service at the start", event) }
    }

    /// Logs each event.
    public func notify(_ events: [ServiceEvent]) {
        for event in events { write("service", event) }
    }

    /// Nothing waits: what is told is logged.
    public func flush(within limit: Duration) -> Bool { true }

    /// Logs nothing more.
    public func stop(within limit: Duration) -> Bool {
        isStopped.store(true, ordering: .relaxed)
        return true
    }

    private func write(_ what: String, _ event: ServiceEvent) {
        if isStopped.load(ordering: .relaxed) { return }
        log.write(.info, "\(what) \(event.kind.rawValue)", event.fields)
    }
}

extension DummyNotifier {
    /// What the configuration needs to know.
    public static let registration = NotifierRegistration(
        name: "dummy",
        summary: "logs which services go up and down",
        keys: [],
        make: { _, log throws(DriverConfiguration.Failure) in .listener(DummyNotifier(log: log)) }
    )
}
