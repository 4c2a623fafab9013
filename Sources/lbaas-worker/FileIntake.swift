import Dispatch
import HostSystem
import LBaaS
import Requests
import Synchronization

/// The load balancers of the configuration file.
///
/// One that cannot be served now, because its address is not there yet or its port is taken, costs only itself: the rest is served, and it
/// is tried again until it can be.
final class FileIntake: Intake {
    let name = "the services of the configuration file"
    private let services: [LoadBalancer]
    private let interval: Duration
    private let log: Log
    private let queue = DispatchQueue(label: "static-services")
    private let state = Mutex(State())

    private struct State: Sendable {
        var core: (any RequestHandler)?
        /// Why services are not served, as it was logged.
        var refused: [LoadBalancerID: String] = [:]
        var isStopped = false
    }

    /// The longest time between two tries.
    private static let longestInterval = Duration.seconds(10)

    /// Services that are not served yet.
    ///
    /// - Parameter interval: how often those that cannot be served are tried again, at most ten seconds.
    init(_ services: [LoadBalancer], every interval: Duration?, log: Log) {
        self.services = services
        self.interval = min(interval ?? Self.longestInterval, Self.longestInterval)
        self.log = log
    }

    func start(handingTo core: any RequestHandler) {
        state.withLock { $0.core = core }
        attempt()
    }

    func stopTaking() { state.withLock { $0.isStopped = true } }

    func finish(within limit: Duration) -> Bool {
        queue.sync {}
        return true
    }

    /// Has the services served, and tries again later where some cannot be.
    private func attempt() {
        guard let core = state.withLock(\.core) else { return }
        let refused = core.replaceSkipping(.file, services)
        note(Dictionary(refused.map { ($0.id, $0.refusal.sentence) }) { first, _ in first })
        if state.withLock({ $0.refused.isEmpty || $0.isStopped }) { return }
        queue.asyncAfter(deadline: .now() + interval.seconds) { [weak self] in
            guard let self, !state.withLock(\.isStopped) else { return }
            attempt()
        }
    }

    /// Logs what is new: that a service cannot be served, or that it is.
    private func note(_ refused: [LoadBalancerID: String]) {
        let known = state.withLock { state in
            defer { state.refused = refused }
            return state.refused
        }
        for (id, reason) in refused.sorted(by: { $0.key < $1.key }) where known[id] != reason {
            log.write(
                .error, "a service of the configuration file cannot be served; the others are, and it is tried again",
                [("load_balancer", id.text), ("seconds", String(interval.seconds)), ("error", reason)])
        }
        for id in known.keys.sorted() where refused[id] == nil {
            log.write(.info, "a service of the configuration file is served now", [("load_balancer", id.text)])
        }
    }
}
