import Glibc
import HostSystem
import LBaaS
import Netlink

/// Announcing, other hosts that claim the same address, and the search for them.
extension Engine {
    /// Announces an address by the whole schedule, from now on.
    func announceAnew(_ address: IPAddress, at now: Duration) {
        if records[address]?.isSilent == false { records[address]?.schedule = AnnouncementSchedule(from: now) }
    }

    /// Announces what is bound and due, all together.
    func announce() {
        let now = Clock.bootTime()
        var frames: [(interface: Int32, bytes: [UInt8])] = []
        for (address, record) in records where record.isBound && record.isWanted(at: now) {
            guard var schedule = record.schedule, schedule.isDue(at: now) else { continue }
            record.schedule = schedule
            guard let link = network.link(named: record.virtualIP.interface), link.hasCarrier,
                let hardware = HardwareAddress(link.hardwareAddress)
            else { continue }
            for frame in Frames.announcement(of: address, at: hardware) { frames.append((link.index, frame)) }
            record.announcements += 1
        }
        send(frames, what: "announce virtual IPs")
    }

    /// Takes addresses without a right, if nobody has them.
    func fault(_ address: IPAddress, now: Duration) {
        guard let record = records[address], record.search == nil else { return }
        guard record.virtualIP.policy == .atLeastOne, record.state == .standby || record.state == .booting else {
            happen(.fault, to: address, reason: nil)
            return
        }
        record.search = OwnerSearch(next: now)
    }

    /// Goes on with the searches for other owners.
    func search() {
        let now = Clock.bootTime()
        var frames: [(interface: Int32, bytes: [UInt8])] = []
        for (address, record) in records {
            guard var search = record.search, search.next <= now else { continue }
            guard search.sent < OwnerSearch.probes else {
                record.right = .init(end: nil)
                happen(.fault, to: address, reason: "no host answers for it")
                tell(.assumed(record.virtualIP))
                record.search = nil
                continue
            }
            search.next = now + OwnerSearch.wait
            if let link = network.link(named: record.virtualIP.interface), link.hasCarrier,
                let hardware = HardwareAddress(link.hardwareAddress)
            {
                frames.append((link.index, Frames.probe(for: address, from: hardware)))
                search.sent += 1
            } else {
                // Nobody can be heard.
                search.next = now + OwnerSearch.pause
            }
            record.search = search
        }
        send(frames, what: "ask who has virtual IPs")
    }

    /// Another host says that it has an address.
    func hear(_ claim: Claim, on interface: Int32) {
        guard let record = records[claim.address], let link = network.link(interface), link.name == record.virtualIP.interface,
            claim.hardware != HardwareAddress(link.hardwareAddress)
        else { return }
        let now = Clock.bootTime()
        if record.search != nil {
            record.search = OwnerSearch(next: now + OwnerSearch.pause)
            record.reason = "\(claim.hardware) has it"
        }
        guard record.isBound, record.isWanted(at: now), !record.isSilent else { return }
        record.rivalFrames += 1
        // Two that defend an address against each other are not to fill the network.
        if let last = record.rivalToldAt, now - last < .seconds(1) { return }
        record.rivalToldAt = now
        announceAnew(claim.address, at: now)
        log.write(
            .warning, "another host claims \(claim.address), which is bound here: it is announced again",
            [("host", "\(claim.hardware)"), ("interface", link.name)])
        tell(.rival(record.virtualIP, hardwareAddress: "\(claim.hardware)"))
    }

    private func send(_ frames: [(interface: Int32, bytes: [UInt8])], what: String) {
        guard !frames.isEmpty, let failure = sender.send(frames).failure else { return }
        switch failure {
        // Shut by the fence, or the interface just went: neither is to be tried again before the next time.
        case ENOBUFS, ENETDOWN, ENXIO, ENODEV: log.write(.debug, "cannot \(what): \(HostSystem.errorText(failure))")
        default: log.write(.error, "cannot \(what): \(HostSystem.errorText(failure))")
        }
    }
}
