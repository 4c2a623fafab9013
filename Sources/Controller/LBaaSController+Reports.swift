import Dispatch
public import LBaaS
public import Requests

// What is read of the state, without a change.

extension LBaaSController {
    /// Reads load balancers and how their nodes are, all of one moment.
    public func report(on selection: Selection, completion: @escaping @Sendable (Result<StateReport, Refusal>) -> Void) {
        let revision: UInt64
        let found: [(entry: WantedState.Entry, health: ServiceHealth?)]
        do throws(Refusal) {
            (revision, found) = try pipeline.read(selection)
        } catch {
            return completion(.failure(error))
        }
        // What the worker's checks know needs nobody to be asked. Many are worked out on another thread than the caller's.
        if found.count <= 1, found.allSatisfy({ pipeline.checkedStatus(of: $0.entry.loadBalancer, $0.health) != nil }) {
            return completion(report(revision, found))
        }
        reports.async { [self] in completion(report(revision, found)) }
    }

    private func report(
        _ revision: UInt64, _ found: [(entry: WantedState.Entry, health: ServiceHealth?)]
    ) -> Result<StateReport, Refusal> {
        do throws(Refusal) {
            let items = zip(found, try nodes(of: found)).map { found, nodes in
                StateReport.Item(entry: found.entry, nodes: nodes, hasQuorum: found.health?.hasQuorum)
            }
            return .success(StateReport(revision: revision, items: items))
        } catch {
            return .failure(error)
        }
    }

    /// The virtual IPs in force, and the revision of that moment.
    public var virtualIPs: (revision: UInt64, reports: [VirtualIPReport]) { pipeline.virtualIPs }

    /// What there is now, in a few numbers.
    public var summary: StateSummary { pipeline.summary }

    /// The committed changes behind a revision, the oldest first.
    public func journal(after revision: UInt64, limit: Int) throws(Refusal) -> [JournalEntry] {
        try pipeline.journal(after: revision, limit: limit)
    }
}
