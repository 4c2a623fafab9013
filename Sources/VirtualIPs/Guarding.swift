import HostSystem
import LBaaS
import Netlink

/// The fence of the policy `at_most_one`.
extension Engine {
    /// Makes a fence that is not there yet.
    func prepareFence() throws(VirtualIPError) {
        guard fence == nil else { return }
        let new: Fence
        do throws(NetlinkError) { new = try Fence() } catch { throw VirtualIPError(.system, error.message) }
        listeners.watch(new.descriptor)
        fence = consume new
    }

    /// Brings the fence in line with the rights, before anything is bound and after everything is unbound.
    func guardAddresses() {
        let fenced = records.values.filter(\.virtualIP.isFenced)
        guard !fenced.isEmpty || fence != nil else { return }
        do throws(NetlinkError) {
            if fence == nil { do throws(VirtualIPError) { try prepareFence() } catch { throw NetlinkError(.system, error.message) } }
            try install(fenced)
            guard isFenceStale else { return }
            try renew()
            isFenceStale = false
            fenceFailure = nil
            fenceLog.end()
        } catch {
            fenceFailure = "the packet filter does not take the fence: \(error)"
            fenceLog.write(.error, "cannot fence virtual IPs: \(error)")
            isFenceStale = true
            retryAt = retryAt ?? Clock.bootTime() + .seconds(1)
        }
    }

    private func install(_ fenced: [Record]) throws(NetlinkError) {
        var interfaces: [String: Int32] = [:]
        for record in fenced { interfaces[record.virtualIP.interface] = network.link(named: record.virtualIP.interface)?.index }
        // An address of the host itself is not cut off.
        let addresses = fenced.map(\.virtualIP.address).filter { network.foreign($0) == nil }
        try fence?.install(for: Set(addresses), on: interfaces, now: Clock.bootTime())
    }

    /// Opens the fence for the rights there are. Looks at the clock again behind the system call: if the thread was stopped before it, rights
    /// have ended that the kernel was just told of, and the fence is shut for them.
    private func renew() throws(NetlinkError) {
        while true {
            let now = Clock.bootTime()
            var rights: [IPAddress: Duration?] = [:]
            for (address, record) in records where record.virtualIP.isFenced && record.isWanted(at: now) {
                rights[address] = .some(record.right?.end)
            }
            // Rights that a dead worker left are not cut short before somebody says who has them.
            if rights.isEmpty, records.values.contains(where: { $0.isInherited && $0.state == .booting }) { return }
            try fence?.renew(rights, now: now)
            let later = Clock.bootTime()
            guard rights.values.contains(where: { $0.map { $0 <= later } ?? false }) else { return }
            expire(at: later)
            unbind(at: later)
        }
    }
}
