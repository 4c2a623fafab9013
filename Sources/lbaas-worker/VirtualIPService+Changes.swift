import Controller
import Coordination
import Dispatch
import LBaaS
import LoadBalancerJSON
import Requests
import ServiceSettings
import Synchronization
import VirtualIPs

// What requests change of virtual IPs.

extension VirtualIPService {
    func refusal(of virtualIP: VirtualIP) -> (code: Refusal.Code, field: String, reason: String)? {
        do throws(VirtualIPError) {
            guard let error = try runningRoom().refusal(of: virtualIP) else { return nil }
            throw error
        } catch {
            switch error.code {
            case .invalid: return (.invalid, "address", error.message)
            case .unsupported: return (.unsupported, "policy", error.message)
            case .system: return (.unsupported, "address", error.message)
            }
        }
    }

    func refusal(ofFailingOver address: IPAddress, to host: String?) -> Refusal? {
        coordination.refusal(ofFailingOver: address.description, to: host).map { Refusal(.conflict, $0.message) }
    }

    func take(_ changes: VirtualIPChanges) {
        calls.async { [self] in
            coordination.share(changes.requested.map { SharedValue($0.value, of: $0.key) })
            bringAbout(changes.requested)
            for (address, host) in changes.failovers {
                do throws(CoordinationError) {
                    try coordination.failOver(address.description, to: host)
                } catch {
                    log.write(.warning, "a virtual IP was not given up", [("address", address.description), ("reason", error.message)])
                }
            }
        }
    }

    private func bringAbout(_ requested: [IPAddress: VirtualIPTable.Requested]) {
        let sections = Set(configured.map(\.virtualIP.address))
        let wanted = state.withLock(\.wanted)
        var removed: [VirtualIP] = []
        var put: [VirtualIP] = []
        for (address, entry) in requested where !sections.contains(address) && entry.virtualIP != wanted[address] {
            if let new = entry.virtualIP { put.append(new) } else if let old = wanted[address] { removed.append(old) }
        }
        remove(removed)
        add(put, knowsServices: false)
        startFollowing()
        publish(put.map(\.address))
    }

    /// Has virtual IPs bound no more: routes go first, then the right to them, then the addresses.
    private func remove(_ virtualIPs: [VirtualIP]) {
        if virtualIPs.isEmpty { return }
        for virtualIP in virtualIPs {
            let address = virtualIP.address
            tellRoutes(address, isOwned: false)
            coordination.set(address.description, nil)
            checks.set([], for: address)
            state.withLock { state in
                state.wanted[address] = nil
                state.failures[address] = nil
                state.owners[address] = nil
                state.statuses[address] = nil
                state.told[address] = nil
            }
            log.write(.info, "\(address) is no virtual IP any more", [("interface", virtualIP.interface)])
        }
        configureRoom()
        updateFollower()
    }

    /// Has virtual IPs bound from now on where this host owns them.
    ///
    /// - Parameter knowsServices: whether those that follow their services may be owned before anything is known of these.
    func add(_ virtualIPs: [VirtualIP], knowsServices: Bool) {
        if virtualIPs.isEmpty { return }
        let bound = Set((room.withLock(\.self)?.statuses ?? []).filter(\.isBound).map(\.virtualIP.address))
        for virtualIP in virtualIPs {
            let address = virtualIP.address
            state.withLock { state in
                let old = state.wanted.updateValue(virtualIP, forKey: address)
                if !virtualIP.followsServices {
                    state.failures[address]?["services"] = nil
                } else if !knowsServices, !bound.contains(address), old?.followsServices != true {
                    // What an earlier worker had goes on; nothing else is owned before it is known whether it serves.
                    state.failures[address, default: [:]]["services"] = "it is not known yet whether its services are up"
                }
            }
        }
        for routes in routes.withLock(\.self) { routes.add(Set(virtualIPs.map(\.address))) }
        configureRoom()
        for virtualIP in virtualIPs {
            let gone = checks.set(virtualIP.checks, for: virtualIP.address) { [weak self] address, check, failure in
                self?.hear(address, of: check, failure: failure)
            }
            state.withLock { state in for check in gone { state.failures[virtualIP.address]?[check] = nil } }
            tellHealth(of: virtualIP.address)
        }
        updateFollower()
    }

    /// Tells what binds and announces which virtual IPs there are.
    private func configureRoom() {
        let wanted = state.withLock { $0.wanted.values.map(\.self) }
        if wanted.isEmpty, room.withLock({ $0 == nil }) { return }
        do throws(VirtualIPError) {
            try runningRoom().configure(wanted)
        } catch {
            log.write(.error, "this host cannot have virtual IPs", [("error", error.message)])
            for address in wanted.map(\.address) {
                state.withLock { $0.failures[address, default: [:]]["host"] = error.message }
            }
        }
    }

    /// Takes what somebody found, on any thread, to `note`.
    private func hear(_ address: IPAddress, of source: String, failure: String?) {
        calls.async { self.note(address, of: source, failure: failure) }
    }

    /// Has an address fail, or recover.
    ///
    /// - Parameters:
    ///   - source: who found it.
    ///   - failure: why what is behind it does not work; nil where it does.
    private func note(_ address: IPAddress, of source: String, failure: String?) {
        let isKnown = state.withLock { state in
            if state.wanted[address] == nil || state.failures[address]?[source] == failure { return false }
            state.failures[address, default: [:]][source] = failure
            return true
        }
        if isKnown { tellHealth(of: address) }
    }

    /// Tells what binds the address, and the coordination, whether it works.
    func tellHealth(of address: IPAddress) {
        let (found, failures, fault) = state.withLock { ($0.wanted[address], $0.failures[address] ?? [:], $0.statuses[address]?.fault) }
        guard let virtualIP = found else { return }
        let reason = failures.isEmpty ? nil : failures.sorted { $0.key < $1.key }.map(\.value).joined(separator: "; ")
        room.withLock(\.self)?.health(address, works: reason == nil, reason: reason)
        var candidacy = Candidacy(
            priority: virtualIP.priority, preemption: virtualIP.preemption,
            policy: virtualIP.policy == .atLeastOne ? .atLeastOne : .atMostOne)
        // A host that has no interface for it gives it to another one. A host alone keeps it, for the interface may come back.
        candidacy.isHealthy = reason == nil && (fault == nil || cluster.endpoints.isEmpty)
        coordination.set(address.description, candidacy)
    }

    // MARK: services

    /// Has the addresses followed that follow their services.
    private func updateFollower() {
        let following = state.withLock { state in
            let addresses = Set(state.wanted.values.filter(\.followsServices).map(\.address))
            if state.follower == nil, !addresses.isEmpty {
                state.follower = ServiceFollower { [weak self] address, reason in
                    self?.hear(address, of: "services", failure: reason)
                }
            }
            return (state.follower, addresses)
        }
        following.0?.follow(following.1)
    }

    /// Makes the follower one of the core's effects, where there is one and the core runs.
    func startFollowing() {
        guard let core = core.withLock(\.self) else { return }
        let follower = state.withLock { state -> ServiceFollower? in
            if state.isFollowing || !state.knowsServices { return nil }
            state.isFollowing = state.follower != nil
            return state.follower
        }
        if let follower { core.add(follower) }
    }
}

extension SharedValue {
    /// What requests have made of an address, for the other hosts.
    init(_ requested: VirtualIPTable.Requested, of address: IPAddress) {
        self.init(
            name: address.description, number: requested.version.number, host: requested.version.host,
            text: requested.virtualIP.map { StoredVirtualIP.text(of: $0) })
    }
}
