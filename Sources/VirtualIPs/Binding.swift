import Glibc
import HostSystem
import LBaaS
import Netlink

/// Binding and unbinding.
extension Engine {
    /// Removes every address with our mark that this host is not to have: those without a right, on another interface than theirs, and what
    /// an earlier worker left. Nothing that is not ours is touched.
    func unbind(at now: Duration) {
        var keys: [InterfaceAddress.Key] = []
        for entry in network.allOwn {
            let record = records[IPAddress(entry.key.address)]
            let isOnItsInterface = record.map { network.link(entry.key.interface)?.name == $0.virtualIP.interface } ?? false
            let isKept = record.map { $0.isWanted(at: now) || $0.isInherited && $0.state == .booting } ?? false
            if !isKept || !isOnItsInterface { keys.append(entry.key) }
        }
        guard !keys.isEmpty else { return }
        var batch = RouteBatch()
        for key in keys { batch.delete(key) }
        let outcome = carryOut(&batch, count: keys.count)
        for (index, key) in keys.enumerated() {
            let address = IPAddress(key.address)
            switch outcome[index] {
            case 0, EADDRNOTAVAIL, ENODEV:
                network.remove(key)
                records[address]?.isBound = false
                if records[address] == nil { log.write(.info, "\(address) is unbound") }
            default:
                log.write(.error, "cannot unbind \(address): \(HostSystem.errorText(outcome[index]))")
                retryAt = now + Record.retryPause
            }
        }
    }

    /// Binds what is to be bound, and renews the lifetime of what is.
    func bind() {
        let now = Clock.bootTime()
        var entries: [(address: IPAddress, entry: InterfaceAddress, isNew: Bool)] = []
        for (address, record) in records {
            let (link, reason) = place(of: record)
            // What was refused and is not wanted any more is not tried again.
            let refusal = record.isWanted(at: now) || record.isRefused(at: now) ? record.refusal : nil
            record.refusal = refusal
            record.obstacle = reason ?? refusal?.reason
            record.fault =
                reason ?? refusal?.reason ?? (link?.hasCarrier ?? true ? nil : "\(record.virtualIP.interface) has no carrier")
            let own = link.flatMap { network.own(address, interface: $0.index) }
            record.isBound = own != nil
            guard record.isWanted(at: now), let link else { continue }
            if let own {
                if record.schedule == nil { announceAnew(address, at: now) }
                record.isInherited = false
                if needsRenewal(record, own, now: now) { entries.append((address, entry(record, on: link), false)) }
            } else if reason == nil, !record.isRefused(at: now) {
                entries.append((address, entry(record, on: link), true))
            }
        }
        guard !entries.isEmpty else { return }
        var batch = RouteBatch()
        for (_, entry, isNew) in entries { if isNew { batch.add(entry) } else { batch.replace(entry) } }
        let outcome = carryOut(&batch, count: entries.count)
        for (index, (address, entry, isNew)) in entries.enumerated() {
            guard outcome[index] == 0 else {
                refused(outcome[index], address, on: records[address]?.virtualIP.interface ?? "", now: now)
                continue
            }
            if isNew {
                log.write(.info, "\(address) is bound", [("interface", records[address]?.virtualIP.interface ?? "")])
                announceAnew(address, at: now)
            }
            network.put(entry)
            records[address]?.refusal = nil
            records[address]?.obstacle = nil
            records[address]?.isBound = true
            records[address]?.renewedAt = now
        }
        withdrawLate()
    }

    /// Where the thread was stopped between the look at the clock and the system call, the right may have ended before that.
    private func withdrawLate() {
        let now = Clock.bootTime()
        let late = records.values.contains { $0.right.map { !$0.isValid(at: now) } ?? false }
        guard late else { return }
        expire(at: now)
        unbind(at: now)
        guardAddresses()
    }

    /// Where an address is to be bound, and why it cannot be there.
    private func place(of record: Record) -> (link: Link?, reason: String?) {
        let name = record.virtualIP.interface
        let address = record.virtualIP.address
        guard let link = network.link(named: name) else { return (nil, "there is no interface \(name): it is waited for") }
        guard link.isEthernet else { return (nil, "\(name) is not an Ethernet interface: give another one") }
        if let foreign = network.foreign(address) { return (link, conflict(with: foreign)) }
        if !link.isUp { return (link, "\(name) is down: it is waited for") }
        if record.virtualIP.isFenced, let fenceFailure { return (link, fenceFailure) }
        return (link, link.hasCarrier || network.own(address, interface: link.index) == nil ? nil : "\(name) has no carrier")
    }

    /// That an address is the host's own.
    func conflict(with foreign: InterfaceAddress) -> String {
        let name = network.link(foreign.key.interface)?.name ?? "an interface"
        let length = foreign.key.prefixLength
        return "it is an address of the host itself, with prefix length \(length) on \(name): remove it there, or take another virtual IP"
    }

    /// The address as the kernel is to have it. An IPv6 address is used at once, and never the source of the host's own connections.
    private func entry(_ record: Record, on link: Link) -> InterfaceAddress {
        let address = NetworkAddress(record.virtualIP.address)
        let isV6 = record.virtualIP.address.isV6
        let valid = record.right?.end == nil ? UInt32.max : UInt32(settings.lifetime)
        return InterfaceAddress(
            key: .init(interface: link.index, address: address), origin: HostNetwork.origin,
            flags: isV6 ? InterfaceAddress.noDuplicateDetection : 0, lifetime: .init(preferred: isV6 ? 0 : valid, valid: valid))
    }

    private func needsRenewal(_ record: Record, _ own: InterfaceAddress, now: Duration) -> Bool {
        if record.right?.end == nil { return own.lifetime.valid != .max }
        return own.lifetime.valid == .max || renewal(of: record).map { $0 <= now } ?? true
    }

    /// When the lifetime of a bound address is to be renewed; nil where it has none, or it is not known.
    func renewal(of record: Record) -> Duration? {
        guard record.right?.end != nil, let renewedAt = record.renewedAt else { return nil }
        return renewedAt + .seconds(settings.lifetime) / 4
    }

    private func refused(_ number: Int32, _ address: IPAddress, on interface: String, now: Duration) {
        let advice = number == EPERM ? "; \(VirtualIPError.permissions)" : ""
        let reason = "cannot bind it to \(interface): \(HostSystem.errorText(number))\(advice)"
        if records[address]?.refusal?.reason != reason { log.write(.error, "\(address): \(reason)") }
        records[address]?.refusal = (reason, now)
        records[address]?.obstacle = reason
        records[address]?.fault = reason
    }

    /// Has requests carried out. Returns the error number of each, and 0 for those that were carried out.
    private func carryOut(_ batch: inout RouteBatch, count: Int) -> [Int32] {
        var numbers = [Int32](repeating: 0, count: count)
        do throws(BatchInterruption) {
            for failure in try route.carryOut(&batch) { numbers[failure.index] = failure.number }
        } catch {
            for failure in error.failures { numbers[failure.index] = failure.number }
            for index in Array(error.unknown) + Array(error.unsent) {
                numbers[index] = error.reason.number == 0 ? EIO : error.reason.number
            }
        }
        return numbers
    }
}
