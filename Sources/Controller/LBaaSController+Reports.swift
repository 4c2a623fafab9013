import Dispatch
import HostSystem
public import LBaaS
public import Requests

// What is read of the state, without a change.

extension LBaaSController {
    private typealias Found = [(entry: WantedState.Entry, health: ServiceHealth?)]

    /// Reads load balancers and how their nodes are, all of one moment. Connections are told of load balancers that are named, and are those
    /// of the last second.
    public func report(on selection: Selection, completion: @escaping @Sendable (Result<StateReport, Refusal>) -> Void) {
        let (revision, drains, found): (UInt64, DrainTable, Found)
        do throws(Refusal) {
            (revision, drains, found) = try pipeline.read(selection)
        } catch {
            return completion(.failure(error))
        }
        // What is known needs nobody to be asked. Many are worked out on another thread than the caller's.
        if found.count <= 1, found.allSatisfy({ pipeline.checkedStatus(of: $0.entry.loadBalancer, $0.health) != nil }),
            selection == .all || connections.has(found.map(\.entry.loadBalancer.id), at: pipeline.now().steady)
        {
            return completion(report(revision, drains, found, asks: false))
        }
        reports.async { [self] in completion(report(revision, drains, found, asks: selection != .all)) }
    }

    private func report(_ revision: UInt64, _ drains: DrainTable, _ found: Found, asks: Bool) -> Result<StateReport, Refusal> {
        do throws(Refusal) {
            let start = pipeline.now().steady
            let rule = EffectiveRule(pipeline.driver.upkeep)
            var work = LongWork()
            let effective = found.map { found in
                work.step()
                let id = found.entry.loadBalancer.id
                return rule.state(of: id, wanted: found.entry.inService, drains: drains, health: found.health).appliance
            }
            if asks { connections.ask(pipeline.driver, about: effective.compactMap(\.self), at: start) }
            let items = zip(zip(found, effective), try nodes(of: found)).map { found, nodes in
                work.step()
                let ((entry, health), effective) = found
                return StateReport.Item(
                    entry: entry, nodes: nodes, hasQuorum: health?.hasQuorum,
                    weights: entry.loadBalancer.weightsInForce(effective: effective, nodes),
                    connections: connections[entry.loadBalancer.id])
            }
            let validity = found.count == 1 ? validity(of: effective[0], asked: start) : .zero
            return .success(StateReport(revision: revision, items: items, validity: validity))
        } catch {
            return .failure(error)
        }
    }

    /// How long what the appliance has told of a load balancer is still passed on.
    ///
    /// - Parameters:
    ///   - effective: as the appliance should run it; nil where it should not, and was not asked about connections.
    ///   - time: when it was asked how the nodes are.
    private func validity(of effective: LoadBalancer?, asked time: Timestamp) -> Duration {
        guard let counted = effective.map({ connections.time(of: $0.id) }) ?? time else { return .zero }
        let age = pipeline.now().steady.microseconds - min(time, counted).microseconds
        return .microseconds(max(0, ConnectionCounts.validity - max(0, age)))
    }

    /// The virtual IPs in force, and the revision of that moment.
    public var virtualIPs: (revision: UInt64, reports: [VirtualIPReport]) { pipeline.virtualIPs }

    /// Says why a load balancer is as it is, or one of its nodes.
    public func explain(
        _ id: LoadBalancerID, node: NodeID?, completion: @escaping @Sendable (Result<Explanation, Refusal>) -> Void
    ) {
        reports.async { [self] in
            do throws(Refusal) {
                completion(.success(try Explanation(try pipeline.circumstances(of: id, driverName: driverName), node: node)))
            } catch {
                completion(.failure(error))
            }
        }
    }

    /// A number that grows with each change of what is committed.
    public var version: UInt64 { pipeline.committed.version }

    /// What there is now, in a few numbers.
    public var summary: StateSummary { pipeline.summary }

    /// The committed changes behind a revision, the oldest first.
    public func journal(after revision: UInt64, limit: Int) throws(Refusal) -> [JournalEntry] {
        try pipeline.journal(after: revision, limit: limit)
    }
}

extension LoadBalancer {
    /// The weight that each of its nodes has in force: 0 where it gets nothing new.
    fileprivate func weightsInForce(effective: LoadBalancer?, _ statuses: [NodeStatus]) -> [UInt16] {
        guard let effective, !effective.isSuspended else { return nodes.map { _ in 0 } }
        let running = effective.nodes
        let isInOrder = running.count >= nodes.count && statuses.count == nodes.count
        return nodes.enumerated().map { place, wanted in
            let id = wanted.id
            let node = isInOrder && running[place].id == id ? running[place] : running.first { $0.id == id }
            let status = isInOrder && statuses[place].id == id ? statuses[place] : statuses.first { $0.id == id }
            guard let node, node.condition == .enabled, status?.isUp ?? true else { return 0 }
            return node.weight
        }
    }
}
