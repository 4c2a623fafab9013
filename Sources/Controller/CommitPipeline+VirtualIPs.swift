public import LBaaS
public import Requests

// What becomes of virtual IPs, and what is known of them.

extension CommitPipeline {
    /// Takes what happened to virtual IPs, and does not wait until it is committed.
    ///
    /// - Parameter completion: takes whether it is committed. It must not block.
    public func report(_ events: [VirtualIPStatusEvent], completion: @escaping @Sendable (Bool) -> Void = { _ in }) {
        if events.isEmpty { return }
        submit([.commit(.virtualIPs(events))]) { [log] outcomes in
            guard case .refused(let refusal)? = outcomes.first else { return completion(true) }
            log.write(.error, "what became of virtual IPs could not be committed; this is tried again", [("error", refusal.sentence)])
            completion(false)
        }
    }

    /// Takes what other hosts of the cluster have changed, and does not wait until it is committed.
    ///
    /// - Parameters:
    ///   - origin: the host that it came from, for the journal.
    ///   - completion: takes whether it is committed. It must not block.
    public func adopt(
        _ entries: [IPAddress: VirtualIPTable.Requested], from origin: String, completion: @escaping @Sendable (Bool) -> Void
    ) {
        submit([.commit(.change(.virtualIPs(.adopt(entries), with: nil), by: Origin(.jobs, name: origin)))]) { outcomes in
            if case .refused? = outcomes.first { completion(false) } else { completion(true) }
        }
    }

    /// The virtual IPs in force in the order of their addresses' text, and the revision of that moment.
    public var virtualIPs: (revision: UInt64, reports: [VirtualIPReport]) {
        committed.read { snapshot in (snapshot.revision, snapshot.wanted.virtualIPs.all.map { snapshot.report(on: $0) }) }
    }
}

extension Snapshot {
    /// A virtual IP in force, and how it is.
    func report(on virtualIP: VirtualIP) -> VirtualIPReport {
        let address = virtualIP.address
        return VirtualIPReport(
            virtualIP: virtualIP, section: wanted.virtualIPs.configured[address]?.section, fact: facts.virtualIPs[address])
    }
}
