import HostSystem
public import LBaaS
import Synchronization

extension HAProxyDriver {
    /// What haproxy says of these load balancers now: how its proxies and servers are, and what an operator has changed by command.
    public func report(on expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancerID: ApplianceReport] {
        if expected.isEmpty { return [:] }
        let numbers = running.withLock { running in expected.map { running?.proxies[$0.id]?.number } }
        let asked = zip(expected, numbers).compactMap { loadBalancer, number in number.map { (loadBalancer: loadBalancer, number: $0) } }
        let (process, rows, states) = try askForReports(asked.map { (ApplianceName($0.loadBalancer.id), $0.number) })
        let rowsByProxy = Dictionary(grouping: rows) { $0.proxy }
        let statesByProxy = Dictionary(grouping: states) { $0.proxy }
        var reports: [LoadBalancerID: ApplianceReport] = [:]
        for (loadBalancer, _) in asked {
            let name = ApplianceName(loadBalancer.id)
            guard let rows = rowsByProxy[name], rows.contains(where: { $0.kind == .backend }) else { continue }
            let state = RuntimeState(
                process, fingerprint: "", rows: rows, states: statesByProxy[name] ?? [], known: [loadBalancer.id: loadBalancer],
                isKnown: true)
            reports[loadBalancer.id] = ApplianceReport(loadBalancer, rows, state)
        }
        return reports
    }

    /// The sessions of each server.
    public func connections(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeID: UInt64]] {
        let numbers = running.withLock { running in ids.compactMap { running?.proxies[$0]?.number } }
        if numbers.isEmpty { return [:] }
        let commands = numbers.count > Self.manyProxies ? ["show stat -1 4 -1"] : numbers.map { "show stat \($0) 4 -1" }
        let answers = try asking { socket throws(ApplianceError) in try socket.ask(commands) }
        let asked = Set(ids)
        var connections: [LoadBalancerID: [NodeID: UInt64]] = [:]
        for row in answers.flatMap({ StatisticsRow.rows($0) }) {
            guard let id = row.proxy.id.map({ LoadBalancerID($0) }), asked.contains(id), let node = row.server.id else { continue }
            connections[id, default: [:]][NodeID(node)] = row.sessions
        }
        return connections
    }

    /// From so many load balancers on, all are asked for at once.
    private static let manyProxies = 16

    private func askForReports(
        _ proxies: [(name: ApplianceName, number: UInt32)]
    ) throws(DriverError) -> (ProcessInformation, [StatisticsRow], [ServerState]) {
        let commands =
            proxies.count > Self.manyProxies
            ? ["show stat -1 7 -1", "show servers state"]
            : proxies.flatMap { ["show stat \($0.number) 7 -1", "show servers state \($0.name)"] }
        let answers = try asking { socket throws(ApplianceError) in try socket.ask(["show info"] + commands) }
        guard let process = ProcessInformation(answers[0]) else { throw DriverError("haproxy does not tell what it is") }
        let (rows, states) = answers.dropFirst().enumerated().reduce(into: ([StatisticsRow](), [ServerState]())) { found, answer in
            if answer.offset % 2 == 0 {
                found.0 += StatisticsRow.rows(answer.element, withChecks: true)
            } else {
                found.1 += ServerState.states(answer.element)
            }
        }
        return (process, rows, states)
    }
}

extension ApplianceReport {
    /// What haproxy says of a load balancer that it should run as this one.
    fileprivate init(_ loadBalancer: LoadBalancer, _ rows: [StatisticsRow], _ state: RuntimeState) {
        let proxies = rows.filter { $0.kind == .frontend || $0.kind == .backend }.map { "\($0.kind) \($0.status)" }
        let nodes = Dictionary(loadBalancer.nodes.map { (ApplianceName($0.id), $0) }) { first, _ in first }
        let now = Clock.now()
        let found = state.running.proxies[loadBalancer.id]?.loadBalancer
        let servers = rows.filter { $0.kind == .server }.compactMap { row -> ApplianceReport.Node? in
            let id = row.server.id.map { NodeID($0) }
            let runs = found?.nodes.first { $0.id == id }?.endpoint
            guard let endpoint = runs ?? nodes[row.server]?.endpoint ?? (row.server == .sorryServer ? loadBalancer.sorryServer : nil) else {
                return nil
            }
            let words = ([String(row.status)] + [row.check?.words].compactMap(\.self).filter { !$0.isEmpty }).joined(separator: ", ")
            return Node(
                id: nodes[row.server]?.id, endpoint: endpoint, weight: row.weight, connections: row.sessions,
                words: row.server == .sorryServer ? "sorry server, \(words)" : words,
                status: row.check == nil ? nil : nodes[row.server].map { row.status(of: $0, now: now) })
        }
        let broken = state.running.broken[loadBalancer.id].map { [$0] } ?? []
        let patch = LoadBalancerPatch(from: found, to: loadBalancer)
        self.init(words: "haproxy: " + proxies.joined(separator: ", "), nodes: servers, deviations: broken + (patch?.operations ?? []))
    }
}
