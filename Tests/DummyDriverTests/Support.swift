import DummyDriver
import LBaaS
import TestSupport
import Testing

/// A load balancer for HTTP with two nodes, changed as wanted.
func balancer(_ id: String, port: UInt16 = 80, _ change: (inout LoadBalancer) -> Void = { _ in }) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: .http, port: port)
    balancer.nodes = [node("1"), node("2")]
    change(&balancer)
    return balancer
}

func suspended(_ balancer: LoadBalancer) -> LoadBalancer {
    var suspended = balancer
    suspended.isSuspended = true
    return suspended
}

func node(_ id: String, weight: UInt16 = 1, condition: Node.Condition = .enabled) -> Node {
    Node(id: NodeID(id), address: .address(.v4(0x0A00_0001)), port: 8080, weight: weight, condition: condition)
}

/// A driver, what it logged, and how long it would have been slow.
final class Bench: Sendable {
    let driver: DummyDriver
    private let lines = Record<String>()
    private let pauses = Record<Duration>()

    init(_ section: [String: String] = [:], threshold: LogLevel = .debug, holding balancers: [LoadBalancer] = []) throws {
        driver = try DummyDriver(
            DriverConfiguration(section),
            log: Log(threshold: threshold) { [lines] level, message, _ in lines.add("\(level) \(message)") },
            pause: { [pauses] in pauses.add($0) })
        #expect(apply(balancers.map { .create($0) }).allSatisfy { $0 == nil })
        lines.clear()
        pauses.clear()
    }

    var logged: [String] { lines.all }
    var paused: [Duration] { pauses.all }

    /// Applies each step as a group of its own.
    func apply(_ steps: [Patch<LoadBalancer>]) -> [String?] {
        apply(groups: steps.map { [$0] })
    }

    /// Applies groups of steps; the message of each that fails.
    func apply(groups: [[Patch<LoadBalancer>]]) -> [String?] {
        driver.apply(groups.map { PatchGroup($0.map(LoadBalancerPatch.init)) }).map { $0.failure?.message }
    }

    func held() throws -> [LoadBalancer] { try driver.observe(expecting: []).running }
}

/// The message of the error that the driver throws, if it does.
func message<Answer>(_ ask: () throws -> Answer) -> String? {
    do {
        _ = try ask()
        return nil
    } catch {
        return (error as? DriverError)?.message ?? "not a DriverError: \(error)"
    }
}
