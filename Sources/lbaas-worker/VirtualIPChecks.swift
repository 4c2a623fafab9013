import HealthChecks
import HostSystem
import LBaaS
import Synchronization

/// The checks of virtual IPs.
final class VirtualIPChecks: Sendable {
    /// Takes what was found: the address, the name of the check, and why it fails, or nil where it passes. It must not block.
    typealias Report = @Sendable (IPAddress, String, String?) -> Void

    private let progress: ProgressMonitor.Participant
    private let log: Log
    private let state = Mutex(State())

    private struct State {
        /// Made for the first check.
        var checker: HealthChecker?
        var checks: [IPAddress: [VirtualIP.Check]] = [:]
        var isStopped = false
    }

    /// - Parameter progress: is told whether the checks get on.
    init(progress: ProgressMonitor.Participant, log: Log) {
        self.progress = progress
        self.log = log
    }

    /// Has these checks made for an address, and no others. At the beginning one counts as passed until it fails often enough.
    ///
    /// - Returns: the names of the checks that were made for it, and are not any more.
    @discardableResult
    func set(_ checks: [VirtualIP.Check], for address: IPAddress, _ report: @escaping Report = { _, _, _ in }) -> [String] {
        state.withLock { state in
            let old = state.checks[address] ?? []
            if old == checks || state.isStopped { return [] }
            state.checks[address] = checks.isEmpty ? nil : checks
            do throws(HealthCheckError) {
                let checker = if let known = state.checker { known } else { try makeChecker(report) }
                state.checker = checker
                var changes: [HealthChecker.Change] = []
                for (place, check) in checks.enumerated() {
                    changes.append(.begin(key(address, place), Check(check), NodeHealth(isUp: true, since: Clock.steady())))
                }
                if checks.count < old.count { changes += (checks.count..<old.count).map { .end(key(address, $0)) } }
                checker.update(changes)
            } catch {
                log.write(
                    .error, "the checks of a virtual IP cannot be made", [("address", address.description), ("error", error.message)])
            }
            return old.indices.filter { $0 >= checks.count || old[$0] != checks[$0] }.map(name)
        }
    }

    private func makeChecker(_ report: @escaping Report) throws(HealthCheckError) -> HealthChecker {
        try HealthChecker(.init(), log: log, progress: progress, now: Clock.steady) { reports in
            for found in reports where found.turned {
                guard let address = IPAddress(found.key.loadBalancer.text) else { continue }
                let place = Endpoint(host: .address(found.check.address), port: found.check.port)
                let name = "check \(found.key.node.text)"
                report(address, name, found.health.isUp ? nil : "\(name) of \(place) fails: \(found.health.reason ?? "no answer")")
            }
        }
    }

    private func key(_ address: IPAddress, _ place: Int) -> CheckKey {
        CheckKey(loadBalancer: LoadBalancerID(address.description), node: NodeID("\(place + 1)"))
    }

    private func name(_ place: Int) -> String { "check \(place + 1)" }

    /// Ends.
    func stop(within limit: Duration) {
        let checker = state.withLock { state in
            state.isStopped = true
            return state.checker
        }
        _ = checker?.stop(within: limit)
    }
}

extension Check {
    /// A check of a virtual IP.
    fileprivate init(_ check: VirtualIP.Check) {
        self.init(
            .connect, address: check.host, port: check.port, delay: check.interval, timeout: check.timeout, rise: check.rise,
            fall: check.fall)
    }
}
