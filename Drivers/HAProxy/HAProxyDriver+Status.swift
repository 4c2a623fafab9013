import HostSystem
public import LBaaS
import Synchronization

extension HAProxyDriver {
    /// How haproxy sees the nodes: up is one that it calls up, or that it does not check. Those of a suspended load balancer are not.
    public func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        if ids.isEmpty { return [:] }
        guard let running = running.withLock({ $0 }) else { throw DriverError(Self.notRunning, code: .notRunning) }
        let proxies = ids.compactMap { running.proxies[$0] }
        let serving = proxies.filter { !$0.loadBalancer.isSuspended }
        let rows = try serverRows(serving.map(\.number))
        let now = Clock.now()
        return Dictionary(
            proxies.map { proxy in
                let nodes = proxy.loadBalancer.nodes.map { node in
                    let place = ServerPlace(number: proxy.number, server: ApplianceName(node.id))
                    return rows[place]?.status(of: node, now: now) ?? NodeStatus(id: node.id, isUp: false)
                }
                return (proxy.loadBalancer.id, nodes)
            }
        ) { first, _ in first }
    }

    private static let notRunning = "haproxy does not run"

    private struct ServerPlace: Hashable {
        let number: UInt32
        let server: ApplianceName
    }

    /// The lines of the servers of these proxies.
    private func serverRows(_ numbers: [UInt32]) throws(DriverError) -> [ServerPlace: StatisticsRow] {
        let answers = try asking { socket throws(ApplianceError) in try socket.ask(numbers.map { "show stat \($0) 4 -1" }) }
        let rows = answers.flatMap { StatisticsRow.rows($0, withChecks: true) }
        return Dictionary(
            rows.lazy.filter { $0.kind == .server }.map { (ServerPlace(number: $0.number, server: $0.server), $0) }
        ) { first, _ in first }
    }

    /// Asks haproxy over a connection of its own.
    ///
    /// - Throws: `notRunning` where haproxy does not run, or has not answered for as long as it may: it serves nobody either.
    func asking<Answer>(_ body: (inout CommandSocket) throws(ApplianceError) -> Answer) throws(DriverError) -> Answer {
        do throws(ApplianceError) {
            var socket = try CommandSocket.connect(to: base.commandSocket)
            try socket.begin()
            return try body(&socket)
        } catch {
            switch error.code {
            case .notRunning: throw DriverError(Self.notRunning, code: .notRunning)
            case .late: throw DriverError("haproxy does not answer", code: .notRunning)
            default: throw error.driverError
            }
        }
    }
}

extension StatisticsRow {
    /// How the server is that is this node.
    func status(of node: Node, now: Timestamp) -> NodeStatus {
        let since = check?.secondsSinceChange.map { Timestamp(microseconds: now.microseconds - Int64($0) * 1_000_000) }
        return NodeStatus(
            id: node.id, isUp: isUp, isSound: isSound, isChecked: check?.hasEnded ?? true, reason: reason(node), since: since)
    }

    /// Why the server does not serve though it should, or why its last check failed, in haproxy's words; nil where neither is so.
    private func reason(_ node: Node) -> String? {
        if status.hasPrefix("MAINT") {
            if node.condition == .disabled { return nil }
            return status.hasSuffix("(resolution)") ? "its host name does not resolve" : "it was disabled by hand"
        }
        if status.hasPrefix("DRAIN"), node.condition == .enabled { return "it was drained by hand" }
        guard let check, !(isSound && check.isPassed), !check.words.isEmpty else { return nil }
        // A check that passed does not say why a server is down: it takes more of them, as the status tells.
        return check.isPassed ? "\(status): \(check.words)" : check.words
    }
}
