import LBaaS

/// Tells the notifiers which services are up: what goes down before it does, what comes up when it is there.
struct Announcer {
    private let notifiers: [any Notifier]
    private let log: Log

    /// The longest that a change waits for the world to hear that a service goes, however many notifiers there are.
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

    /// Tells that services go, and waits until that is handed on: until then clients come.
    func announceDown(_ events: [ServiceEvent]) {
        tell(events)
        if events.isEmpty { return }
        let deadline = ContinuousClock.now + Self.patience
        for notifier in notifiers where !notifier.flush(within: max(.zero, deadline - .now)) {
            log.write(.warning, "a notifier could not hand on in time that services go", [("services", "\(events.count)")])
        }
    }

    /// Tells that services are there.
    func announceUp(_ events: [ServiceEvent]) { tell(events) }

    private func tell(_ events: [ServiceEvent]) {
        if events.isEmpty { return }
        for notifier in notifiers { notifier.notify(events) }
    }
}

/// What the world is told of a commit.
struct Announcements {
    /// What goes, told before it does.
    private(set) var before: [ServiceEvent] = []
    /// How that is where it stays after all.
    private(set) var back: [ServiceEvent] = []
    /// What comes, told when it is there; then what goes as another service takes its listener over, so that an address which is never
    /// without a service is never withdrawn.
    private(set) var after: [ServiceEvent] = []

    /// What the world is told where load balancers become others.
    init(_ steps: [(old: Announcement, new: Announcement)]) {
        let changes = steps.map { $0.old.changes(to: $0.new) }
        after = changes.compactMap(\.up)
        let heirs = Set(after.map(\.service.listener))
        for (step, change) in zip(steps, changes) {
            guard let down = change.down else { continue }
            if heirs.contains(down.service.listener) {
                after.append(down)
            } else {
                before.append(down)
                if let event = step.old.event { back.append(event) }
            }
        }
    }
}

/// What the world is told of a load balancer.
struct Announcement {
    private let wanted: LoadBalancer?
    private let health: ServiceHealth?
    private let time: Timestamp

    init(_ wanted: LoadBalancer?, health: ServiceHealth?, time: Timestamp) {
        self.wanted = wanted
        self.health = health
        self.time = time
    }

    /// How its service is; nil where there is none.
    var event: ServiceEvent? { wanted.map { isUp ? event(.up, of: $0) : event(.down, of: $0) } }

    /// What goes and what comes where it becomes another.
    func changes(to new: Announcement) -> (down: ServiceEvent?, up: ServiceEvent?) {
        let isSame = wanted?.listener == new.wanted?.listener
        let goes = isUp && !(isSame && new.isUp)
        let comes = new.isUp && !(isSame && isUp)
        let down =
            goes
            ? wanted.map { ServiceEvent(.down, $0, reason: new.reasonToGo(from: $0), weight: isSame ? new.weight : 0, time: new.time) }
            : nil
        return (down, comes ? new.event : nil)
    }

    private var isUp: Bool {
        guard let wanted, !wanted.isSuspended else { return false }
        return health?.isUp(wanted) ?? (weight > 0)
    }

    private var weight: UInt64 {
        guard let wanted, !wanted.isSuspended else { return 0 }
        return (health ?? ServiceHealth()).weightInService(wanted)
    }

    private func event(_ kind: ServiceEvent.Kind, of wanted: LoadBalancer) -> ServiceEvent {
        ServiceEvent(kind, wanted, reason: kind == .up ? nil : reasonToGo(from: wanted), weight: weight, time: time)
    }

    private func reasonToGo(from old: LoadBalancer) -> String {
        guard let wanted else { return "deleted" }
        if wanted.isSuspended { return "suspended" }
        if wanted.listener != old.listener { return "moved to \(wanted.listener)" }
        let all = wanted.nodes.reduce(0) { $0 + UInt64($1.weight) }
        return "weight \(weight) of \(all)" + (wanted.quorum.map { ", quorum \($0)" } ?? "")
    }
}

extension ServiceEvent {
    fileprivate init(_ kind: Kind, _ loadBalancer: LoadBalancer, reason: String?, weight: UInt64, time: Timestamp) {
        self.init(
            kind, Service(loadBalancer: loadBalancer.id, listener: loadBalancer.listener), reason: reason, weight: weight,
            quorum: loadBalancer.quorum, time: time)
    }
}
