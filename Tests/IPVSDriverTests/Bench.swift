import IPVSDriver
import LBaaS
import Synchronization
import TestSupport

/// A driver over a kernel in memory, on a host of the test's own, at a time that stands until it is moved.
final class Bench: Sendable {
    let kernel: FakeTable
    let driver: IPVSDriver
    let lines = Lines()
    let switches: FakeSwitches
    private let time: FakeTime

    init(_ section: [String: String] = [:], kernel: FakeTable = FakeTable(), switches: FakeSwitches = FakeSwitches()) throws {
        let time = FakeTime()
        (self.kernel, self.time, self.switches) = (kernel, time, switches)
        driver = try IPVSDriver(
            DriverConfiguration(section), log: lines.log, switches: switches.switches,
            open: { () throws(KernelFailure) in
                try kernel.withLock { state throws(KernelFailure) in
                    if let failure = state.openFailure { throw failure }
                }
                return FakeKernel(kernel)
            },
            later: { time.add($1, after: $0) }, now: { time.now })
    }

    /// A driver that has observed, and runs these.
    convenience init(_ section: [String: String] = [:], running balancers: [LoadBalancer]) throws {
        try self.init(section)
        try start([])
        if let failure = apply(balancers.map { .create($0) }) { throw DriverError(failure) }
        _ = kernel.takeBatches()
    }

    /// Observes; the steps that put right what is altered, as the worker takes them at its start and from time to time.
    func repairs(_ expected: [LoadBalancer]) throws -> [Patch<LoadBalancer>] {
        let observation = try driver.observe(expecting: expected)
        return observation.running.compactMap { running in
            let wanted = expected.first { $0.id == running.id }
            return wanted == nil || observation.altered.contains(running.id) ? Patch(restoring: running, to: wanted) : nil
        }
    }

    /// Puts right what is altered.
    ///
    /// - Returns: what was.
    @discardableResult
    func start(_ expected: [LoadBalancer]) throws -> [String] {
        let steps = try repairs(expected)
        if let failure = apply(steps) { throw DriverError(failure) }
        return steps.compactMap { ($0.old ?? $0.new)?.id.text }.sorted()
    }

    /// Applies steps; the first failure.
    @discardableResult
    func apply(_ steps: [Patch<LoadBalancer>]) -> String? { outcomes(steps).compactMap(\.failure).first?.message }

    @discardableResult
    func apply(_ steps: Patch<LoadBalancer>...) -> String? { apply(steps) }

    func outcomes(_ steps: [Patch<LoadBalancer>]) -> [GroupOutcome] {
        driver.apply(PatchGroup.groups(of: steps.map { LoadBalancerPatch($0) }))
    }

    /// Lets time pass, with all that is to be done in it.
    func advance(_ duration: Duration) { time.advance(duration) }

    /// Lets what stands still go.
    func settle() { advance(IPVSDriver.settlingTime) }

    /// The bytes of each counter of a load balancer, in their order.
    func counted(_ id: String) throws -> [UInt64] {
        try driver.statistics(of: [LoadBalancerID(id)])[LoadBalancerID(id)]?.map(\.bytesOut).sorted() ?? []
    }
}

/// The switches of a host.
final class FakeSwitches: Sendable {
    private let values: Mutex<[String: String]>
    private let written = Mutex<[String]>([])
    private let isReadOnly: Bool

    init(_ values: [String: String] = [:], isReadOnly: Bool = false) {
        let defaults = [
            "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1", "net.ipv4.vs.expire_nodest_conn": "0",
            "net.ipv4.vs.expire_quiescent_template": "0",
        ]
        self.values = Mutex(defaults.merging(values) { _, new in new })
        self.isReadOnly = isReadOnly
    }

    subscript(name: String) -> String? {
        get { values.withLock { $0[name] } }
        set { values.withLock { $0[name] = newValue } }
    }

    /// What was written since this was asked last.
    func takeWritten() -> [String] {
        written.withLock { written in
            defer { written = [] }
            return written
        }
    }

    var switches: KernelSwitches {
        KernelSwitches(
            read: { [self] in self[$0] },
            write: { [self] name, value in
                if isReadOnly { return false }
                written.withLock { $0.append("\(name)=\(value)") }
                values.withLock { $0[name] = value }
                return true
            })
    }
}

/// What was logged, but for debugging.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var log: Log {
        Log(threshold: .info) { [self] level, message, fields in
            let line = (["\(level) \(message)"] + fields.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
            lines.withLock { $0.append(line) }
        }
    }

    /// The lines since this was asked last.
    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
