import LBaaS
import Requests

// What requests want of virtual IPs.

extension Admission {
    /// The most virtual IPs that requests can make.
    static let mostVirtualIPs = 1024

    /// Decides on a change of virtual IPs.
    ///
    /// - Parameters:
    ///   - draft: the wanted state with the changes decided on before.
    ///   - now: the time, for the versions.
    /// - Returns: what changes.
    /// - Throws: why it is refused.
    func decide(_ change: VirtualIPChange, on draft: Draft, now: Timestamp) throws(Refusal) -> VirtualIPChanges {
        var changes = VirtualIPChanges()
        switch change {
        case .put(let list): try put(list, on: draft, now, &changes)
        case .replace(let list):
            try put(list, on: draft, now, &changes)
            let kept = Set(list.map(\.address))
            for (address, entry) in draft.requestedVirtualIPs where entry.virtualIP != nil && !kept.contains(address) {
                changes.requested[address] = try next(nil, after: entry, now)
            }
        case .add(let virtualIP):
            if draft.virtualIP(virtualIP.address) != nil { throw Refusal(.conflict, "IP already assigned") }
            try put([virtualIP], on: draft, now, &changes, path: { _ in "" })
        case .edit(let address, let patch): try edit(address, patch, on: draft, now, &changes)
        case .remove(let addresses, let mustExist):
            for (index, address) in addresses.enumerated() {
                try checkChangeable(address, at: index, on: draft)
                let entry = draft.requestedVirtualIP(address)
                if let entry, entry.virtualIP != nil {
                    changes.requested[address] = try next(nil, after: entry, now)
                } else if entry == nil || mustExist {
                    throw Refusal(missing: address, index: index)
                }
            }
        case .failOver(let address, let host):
            guard draft.virtualIP(address) != nil else { throw Refusal(missing: address, index: 0) }
            if let refusal = try keeping().refusal(ofFailingOver: address, to: host) { throw refusal }
            changes.failovers.append((address, host))
        case .adopt(let entries):
            changes.requested = entries.filter { address, entry in
                draft.requestedVirtualIP(address).map { $0.version < entry.version } ?? true
            }
        }
        return changes
    }

    private func keeping() throws(Refusal) -> any VirtualIPKeeper {
        guard let keeper else { throw Refusal(.unsupported, "this worker has no virtual IPs") }
        return keeper
    }

    private func put(
        _ list: [VirtualIP], on draft: Draft, _ now: Timestamp, _ changes: inout VirtualIPChanges,
        path: (Int) -> String = { "virtualIPs[\($0)]." }
    ) throws(Refusal) {
        var count = draft.requestedVirtualIPs.count { $0.value.virtualIP != nil }
        var refusals = PartRefusals()
        for (index, virtualIP) in list.enumerated() {
            let old = draft.requestedVirtualIP(virtualIP.address)
            let new = refusals.part { () throws(Refusal) -> VirtualIPTable.Requested? in
                try checkChangeable(virtualIP.address, at: index, on: draft)
                if old?.virtualIP == virtualIP { return nil }
                if old?.virtualIP == nil, count >= Self.mostVirtualIPs {
                    throw Refusal(.unsupported, "\(path(index))address: a host has \(Self.mostVirtualIPs) virtual IPs of requests at most")
                }
                if let refusal = try keeping().refusal(of: virtualIP) {
                    throw Refusal(refusal.code, "\(path(index))\(refusal.field): \(refusal.reason)")
                }
                return try next(virtualIP, after: old, now)
            }
            guard let new else { continue }
            if old?.virtualIP == nil { count += 1 }
            changes.requested[virtualIP.address] = new
        }
        try refusals.check()
    }

    private func edit(
        _ address: IPAddress, _ patch: VirtualIPPatch, on draft: Draft, _ now: Timestamp, _ changes: inout VirtualIPChanges
    ) throws(Refusal) {
        guard let old = draft.virtualIP(address) else { throw Refusal(missing: address, index: 0) }
        try checkChangeable(address, at: 0, on: draft)
        let new: VirtualIP
        do throws(InvalidVirtualIP) {
            new = try patch.applied(to: old)
        } catch {
            throw Refusal(.invalid, "\(error.field): \(error.message)")
        }
        try put([new], on: draft, now, &changes, path: { _ in "" })
    }

    /// What the configuration file has, only the configuration file changes.
    private func checkChangeable(_ address: IPAddress, at index: Int, on draft: Draft) throws(Refusal) {
        guard let section = draft.section(of: address) else { return }
        throw Refusal(
            .conflict,
            "virtualIPs[\(index)].address: \(address) is a virtual IP of the configuration file, [\(section)]; change it there")
    }

    private func next(
        _ virtualIP: VirtualIP?, after old: VirtualIPTable.Requested?, _ now: Timestamp
    ) throws(Refusal) -> VirtualIPTable.Requested {
        let next = (old?.version.number ?? 0).addingReportingOverflow(1)
        let number = next.overflow ? .max : max(now.microseconds, next.partialValue)
        return VirtualIPTable.Requested(virtualIP, version: VirtualIPVersion(number: number, host: try keeping().hostID))
    }
}

extension Refusal {
    /// The request names a virtual IP that is not there.
    fileprivate init(missing address: IPAddress, index: Int) {
        self.init(.notFound, "virtualIPs[\(index)]: there is no virtual IP \(address)")
    }
}

// MARK: - The draft

extension Draft {
    /// What requests have made of an address; nil where none did.
    func requestedVirtualIP(_ address: IPAddress) -> VirtualIPTable.Requested? {
        changes.virtualIPs.requested[address] ?? base.requestedVirtualIP(address)
    }

    /// All that requests have made.
    var requestedVirtualIPs: [IPAddress: VirtualIPTable.Requested] {
        var all = base.committed.read { $0.wanted.virtualIPs.requested }
        if let pending = base.pending { all.merge(pending.virtualIPs.requested) { _, new in new } }
        return all.merging(changes.virtualIPs.requested) { _, new in new }
    }

    /// The section of the configuration file that has an address; nil for none.
    func section(of address: IPAddress) -> String? { base.configuredVirtualIP(address)?.section }

    /// The virtual IP in force at an address; nil for none.
    func virtualIP(_ address: IPAddress) -> VirtualIP? {
        base.configuredVirtualIP(address)?.virtualIP ?? requestedVirtualIP(address)?.virtualIP
    }

    /// Whether there can be any virtual IP. Mostly there is none.
    var mayHaveVirtualIPs: Bool {
        if !changes.virtualIPs.requested.isEmpty || !(base.pending?.virtualIPs.requested.isEmpty ?? true) { return true }
        return base.committed.read { !$0.wanted.virtualIPs.configured.isEmpty || !$0.wanted.virtualIPs.requested.isEmpty }
    }

    /// Takes what a request changes of virtual IPs.
    mutating func take(_ new: VirtualIPChanges) {
        changes.virtualIPs.requested.merge(new.requested) { _, new in new }
        changes.virtualIPs.failovers += new.failovers
    }

    /// Takes what happened to virtual IPs.
    ///
    /// - Returns: those of which the facts say something else now, with what they say.
    mutating func take(_ events: [VirtualIPStatusEvent]) -> [(address: IPAddress, fact: VirtualIPFact)] {
        changes.virtualIPEvents += events
        return events.compactMap { event in
            guard case .changed(let fact) = event.kind else { return nil }
            let old = changes.virtualIPFacts[event.address] ?? base.virtualIPFact(event.address)
            changes.virtualIPFacts[event.address] = fact
            return old == fact ? nil : (event.address, fact)
        }
    }
}

extension BaseState {
    /// The virtual IP in force at an address; nil for none.
    func virtualIP(_ address: IPAddress) -> VirtualIP? {
        configuredVirtualIP(address)?.virtualIP ?? requestedVirtualIP(address)?.virtualIP
    }

    fileprivate func configuredVirtualIP(_ address: IPAddress) -> VirtualIPTable.Configured? {
        committed.read { $0.wanted.virtualIPs.configured[address] }
    }

    fileprivate func requestedVirtualIP(_ address: IPAddress) -> VirtualIPTable.Requested? {
        pending?.virtualIPs.requested[address] ?? committed.read { $0.wanted.virtualIPs.requested[address] }
    }

    fileprivate func virtualIPFact(_ address: IPAddress) -> VirtualIPFact? {
        pending?.virtualIPFacts[address] ?? committed.read { $0.facts.virtualIPs[address] }
    }
}

extension VirtualIPChanges {
    /// What is done, in words for an operator.
    func plan(on draft: Draft) -> [String] {
        let changed = requested.map { (address: $0.key, text: $0.key.description, new: $0.value.virtualIP) }.sorted { $0.text < $1.text }
        return changed.map { address, text, new in
            guard let new else { return "remove the virtual IP \(text)" }
            let verb = draft.base.committed.read { $0.wanted.virtualIPs.requested[address]?.virtualIP } == nil ? "add" : "change"
            return "\(verb) the virtual IP \(text) on \(new.interface), \(new.policyName.rawValue), priority \(new.priority)"
        } + failovers.map { "give up the virtual IP \($0.address) to \($0.host.map { "host \($0)" } ?? "another host")" }
    }
}
