import Controller
import Coordination
import Dispatch
import HostSystem
import LBaaS
import LoadBalancerJSON
import ServiceSettings
import Synchronization
import VirtualIPs

// What becomes of virtual IPs, and who is told.

extension VirtualIPService {
    /// Takes what becomes of the ownership. A loss is carried out before this returns, for others may own the address then.
    func follow(_ notice: OwnershipNotice) {
        switch notice {
        case .owned(let name, let end):
            setOwner(cluster.hostID, of: name)
            room.withLock(\.self)?.grant(addresses(name), until: end)
        case .extended(let end): room.withLock(\.self)?.extend(until: end)
        case .yielding(let name): room.withLock(\.self)?.yield(addresses(name))
        case .lost(let name, let reason):
            if case .takenOver(let host) = reason { setOwner(host, of: name) } else { setOwner(nil, of: name) }
            for address in addresses(name) { tellRoutes(address, isOwned: false) }
            guard let room = room.withLock(\.self), !room.withdraw(addresses(name), within: Self.withdrawalLimit) else { return }
            log.write(.error, "a virtual IP that is another host's by now is not unbound yet", [("address", name)])
        // What an earlier worker left is another's by now.
        case .standby(let name, let owner):
            setOwner(owner, of: name)
            room.withLock(\.self)?.withdraw(addresses(name))
        case .unattended(let name): room.withLock(\.self)?.fault(addresses(name))
        case .connected: state.withLock { $0.isConnected = true }
        case .shared(let values): calls.async { self.adopt(values) }
        case .disconnected: state.withLock { $0.isConnected = false }
        case .duplicateHost: break
        }
    }

    private func addresses(_ name: String) -> [IPAddress] { IPAddress(name).map { [$0] } ?? [] }

    private func setOwner(_ host: String?, of name: String) {
        for address in addresses(name) {
            state.withLock { $0.owners[address] = host }
            calls.async { self.publish([address]) }
        }
    }

    /// Takes what becomes of the addresses, on their thread. They log what is done.
    func follow(_ notice: VirtualIPNotice) {
        observer.withLock(\.self)?(notice)
        switch notice {
        case .changed(let status):
            let address = status.virtualIP.address
            // Also one that an earlier worker left, until somebody says whose it is.
            let isOwned = status.isBound && (status.state == .activated || status.state == .booting)
            tellRoutes(address, isOwned: isOwned)
            let fault = state.withLock { state in
                defer { state.statuses[address] = status }
                return state.statuses[address]?.fault
            }
            calls.async { [self] in
                if fault != status.fault { tellHealth(of: address) }
                publish([address])
            }
            guard status.state == .activated, !status.isBound, let reason = status.reason else { return }
            log.write(
                .warning, "a virtual IP of this host cannot be bound", [("address", address.description), ("reason", reason)])
        case .assumed(let virtualIP):
            log.write(
                .warning, "no host answers for a virtual IP, and etcd cannot be reached: this host takes it",
                [("address", virtualIP.address.description)])
            calls.async { self.assume(virtualIP.address) }
        case .rival(let virtualIP, let hardware):
            let event = VirtualIPStatusEvent(.rival(hardwareAddress: hardware), of: virtualIP, at: Clock.moment().wall)
            calls.async { [self] in core.withLock(\.self)?.report([event]) }
        }
    }

    /// Takes an address that nobody answers for. Where etcd was reached meanwhile, it is given up again.
    private func assume(_ address: IPAddress) {
        let name = address.description
        func isOwned() -> Bool { coordination.report().contains { $0.name == name && $0.isOwned } }
        coordination.assume(name)
        guard let room = room.withLock(\.self), !isOwned() else { return }
        room.withdraw([address])
        // It may have been told so before that.
        if isOwned() { room.grant([address], until: nil) }
    }

    // MARK: the core

    /// Hands what other hosts have changed to the core. To be called on the queue of the calls.
    private func adopt(_ values: [SharedValue]) {
        guard let core = core.withLock(\.self) else { return state.withLock { $0.unadopted += values } }
        var entries: [IPAddress: VirtualIPTable.Requested] = [:]
        for value in values {
            do throws(StoredVirtualIP.Damage) {
                guard let address = IPAddress(value.name) else { throw StoredVirtualIP.Damage(reason: "it is no address") }
                let virtualIP = try value.text.map { text throws(StoredVirtualIP.Damage) in try StoredVirtualIP.virtualIP(from: text) }
                entries[address] = VirtualIPTable.Requested(
                    virtualIP, version: VirtualIPVersion(number: value.number, host: value.host))
            } catch {
                log.write(
                    .error, "a virtual IP that another host has put into etcd cannot be read, and is passed over",
                    [("address", value.name), ("host", value.host), ("error", error.reason)])
            }
        }
        if entries.isEmpty { return }
        let hosts = Set(entries.values.map(\.version.host)).sorted().joined(separator: ",")
        core.adopt(entries, from: hosts) { [weak self] isCommitted in
            guard let self, !isCommitted else { return }
            calls.asyncAfter(deadline: .now() + 1) { self.adopt(values) }
        }
    }

    /// Hands on what came before the core was there.
    func adoptRest() {
        let values = state.withLock { state in
            defer { state.unadopted = [] }
            return state.unadopted
        }
        if !values.isEmpty { adopt(values) }
    }

    /// Tells the core of all virtual IPs.
    func publishAll() { publish(state.withLock { $0.wanted.keys.map(\.self) }) }

    /// Tells the core how these virtual IPs are, where that is not what it was told. To be called on the queue of the calls.
    func publish(_ addresses: [IPAddress]) {
        guard let core = core.withLock(\.self) else { return }
        let time = Clock.moment().wall
        let boot = Clock.bootTime()
        let events = state.withLock { state in
            addresses.compactMap { address -> VirtualIPStatusEvent? in
                guard let virtualIP = state.wanted[address], let status = state.statuses[address] else { return nil }
                let age = (boot - status.since) / .microseconds(1)
                var fact = VirtualIPFact(
                    state: status.state, isBound: status.isBound, owner: state.owners[address], reason: status.reason ?? status.fault,
                    since: Timestamp(microseconds: time.microseconds - Int64(age)))
                let old = state.told[address]
                // The same time, read from two clocks.
                if let old, old.state == fact.state, abs(old.since.microseconds - fact.since.microseconds) < 1_000_000 {
                    fact.since = old.since
                }
                if old == fact { return nil }
                state.told[address] = fact
                return VirtualIPStatusEvent(.changed(fact), of: virtualIP, at: time)
            }
        }
        core.report(events) { [weak self] isCommitted in
            guard let self, !isCommitted else { return }
            state.withLock { state in for event in events { state.told[event.address] = nil } }
            calls.asyncAfter(deadline: .now() + 1) { self.publish(events.map(\.address)) }
        }
    }
}
