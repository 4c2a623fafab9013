import LBaaS

/// Tells the notifiers which services are up: what goes down before it does, what comes up when it is there.
struct Announcer: Sendable {
    private let notifiers: [any Notifier]
    private let log: Log

    /// The longest that a change waits until the world has heard that a service goes, however many notifiers there are.
    private static let patience = Duration.seconds(2)

    /// Tells nobody.
    init() {
        notifiers = []
        log = .silent
    }

    /// Tells these how each service is.
    init(_ notifiers: [any Notifier], services: [ServiceEvent], log: Log) {
        self.notifiers = notifiers
        self.log = log
        for notifier in notifiers { notifier.begin(services) }
    }

    /// Whether nobody listens.
    var isSilent: Bool { notifiers.isEmpty }

    /// Tells what changed. Does not wait.
    func tell(_ events: [ServiceEvent]) {
        if events.isEmpty { return }
        for notifier in notifiers { notifier.notify(events) }
    }

    /// Waits until what was told is handed on, for a limited time: until then clients come.
    ///
    /// - Parameter count: how many services go, for the log.
    func waitUntilHandedOn(_ count: Int) {
        let deadline = ContinuousClock.now + Self.patience
        for notifier in notifiers where !notifier.flush(within: max(.zero, deadline - .now)) {
            log.write(.warning, "a notifier could not hand on in time that services go", [("services", "\(count)")])
        }
    }
}
