import Glibc
import HealthChecks
import LBaaS
import Synchronization
import TestSupport

/// The address of this host that nobody else reaches.
let loopback = IPAddress.v4(0x7F00_0001)

/// The same by IPv6.
let loopback6 = IPAddress.v6(high: 0, low: 1)

/// Node `node` of the load balancer `web`.
func key(_ node: String) -> CheckKey { CheckKey(loadBalancer: "web", node: NodeID(node)) }

/// A check of a server on this host, every 20 ms, and one result is enough for a turn.
func check(
    _ kind: Check.Kind, port: UInt16, address: IPAddress = loopback, delay: Duration = .milliseconds(20),
    timeout: Duration = .milliseconds(20), rise: UInt32 = 1, fall: UInt32 = 1
) -> Check {
    Check(kind, address: address, port: port, delay: delay, timeout: timeout, rise: rise, fall: fall)
}

/// Health as it is at first.
func unchecked(isUp: Bool = false) -> NodeHealth { NodeHealth(isUp: isUp, since: Timestamp(microseconds: 0)) }

/// A checker, and all that it reports.
final class Checks: Sendable {
    let reports = Record<HealthReport>()
    let log = LogRecord()
    let checker: HealthChecker

    init(_ change: (inout HealthChecker.Configuration) -> Void = { _ in }) throws {
        var configuration = HealthChecker.Configuration()
        configuration.firstWithin = .milliseconds(10)
        change(&configuration)
        checker = try HealthChecker(configuration, log: log.log, now: currentTime) { [reports] batch in
            for report in batch { reports.add(report) }
        }
    }

    deinit { checker.stop() }

    /// Begins a check of a node that counts as down, or up.
    func begin(_ check: Check, of node: String = "a", isUp: Bool = false) {
        checker.update([.begin(key(node), check, unchecked(isUp: isUp))])
    }

    /// What was reported of a node last.
    func health(_ node: String = "a") -> NodeHealth? { reports.all.last { $0.key == key(node) }?.health }

    /// Waits until a node is said to be up, or down for this reason.
    func wait(for node: String = "a", isUp: Bool, reason: String? = nil, within seconds: Double = 300) async throws {
        do {
            try await eventually("node \(node) is \(isUp ? "up" : "down")", within: seconds) {
                health(node).map { $0.isUp == isUp && $0.against == 0 && $0.reason == reason } ?? false
            }
        } catch {
            throw Failure("\(error); last: \(health(node).map { "\($0)" } ?? "nothing")")
        }
    }

    /// What a check finds at first. Its node counts as down, so that passing and failing are both news.
    static func result(of once: Check, _ change: (inout HealthChecker.Configuration) -> Void = { _ in }) async throws -> CheckResult {
        let checks = try Checks(change)
        var check = once
        check.delay = .seconds(3600)
        checks.begin(check)
        try await eventually("a finding") { checks.health() != nil }
        guard let health = checks.health() else { throw Failure("no finding") }
        return health.reason.map { .failed($0) } ?? .passed
    }
}

/// The time of this host.
@Sendable func currentTime() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
}
