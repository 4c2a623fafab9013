import CLinux
import Glibc
import HostSystem
import LBaaS
import Netlink
import Synchronization

/// What the room's thread does. All that it knows is here; it is used by one thread only.
///
/// Whatever happens changes only what is known: records, links, addresses. Then `settle` compares what is wanted with what the kernel has,
/// and does what is missing: unbind, fence, bind, announce, in this order.
final class Engine {
    let settings: VirtualIPs.Settings
    let log: Log
    private let notify: (VirtualIPNotice) -> Void
    private let published: Published

    let route: RouteNetlink
    private let monitor: RouteMonitor
    let sender: FrameSender
    private let advertisements: AdvertisementListener
    var listeners: Listeners
    /// Made for the first virtual IP that wants it.
    var fence: Fence?

    var records: [IPAddress: Record] = [:]
    var network = HostNetwork()
    /// Whether rights or states changed since the fence was told.
    var isFenceStale = false
    /// Whether the fence holds what it is to hold; without it nothing fenced is bound.
    var fenceFailure: String?
    let fenceLog: RepeatedLog
    /// When something that the kernel refused is tried again.
    var retryAt: Duration?
    /// Whether something happened since `settle`.
    private var isUnsettled = false
    /// When there is something to do without any event.
    private var due = Duration.zero
    /// What is told next.
    private var notices: [VirtualIPNotice] = []
    /// How many virtual IPs were published last, and which addresses of the host itself.
    private var publishedCount = 0
    private var publishedForeign: [IPAddress: String] = [:]
    private let watchLog: RepeatedLog

    private var buffer = [UInt8](repeating: 0, count: 2048)
    private var waiting: [Command] = []
    private var isRunning = true

    /// How long the thread sleeps at most while it has an address, so that it notices when it was stopped.
    private static let heartbeat: Duration = .milliseconds(500)

    init(
        settings: VirtualIPs.Settings, log: Log, notify: @escaping (VirtualIPNotice) -> Void, published: Published
    ) throws(VirtualIPError) {
        self.settings = settings
        self.log = log
        self.notify = notify
        self.published = published
        fenceLog = RepeatedLog(log)
        watchLog = RepeatedLog(log)
        do throws(NetlinkError) {
            route = try RouteNetlink()
            monitor = try RouteMonitor()
        } catch {
            throw VirtualIPError(.system, error.message)
        }
        sender = try FrameSender()
        advertisements = try AdvertisementListener()
        listeners = Listeners()
        listeners.watch(monitor.descriptor)
        if advertisements.descriptor.number >= 0 { listeners.watch(advertisements.descriptor.number) }
    }

    /// Learns what the host has, and begins with these virtual IPs.
    func begin(_ virtualIPs: [VirtualIP]) throws(VirtualIPError) {
        do throws(NetlinkError) { try list() } catch { throw VirtualIPError(.system, error.message) }
        if virtualIPs.contains(where: \.isFenced) {
            // Without it nothing that is fenced is bound; it is tried again.
            try? prepareFence()
        } else {
            // What an earlier worker left would keep back addresses of others.
            Fence.removeLeftover()
        }
        configure(virtualIPs)
        settle()
    }

    /// Works until it is stopped.
    func run(_ mailbox: Mailbox) {
        while isRunning {
            let planned = wakeTime()
            _ = mailbox.waker.wait(
                until: Deadline(in: max(.zero, planned - Clock.bootTime())), watching: listeners.descriptor.number, for: POLLIN)
            // The process was stopped, or got no processor for long: others may have announced the addresses meanwhile.
            if Clock.bootTime() - planned > Self.heartbeat { doubt() }
            expire(at: Clock.bootTime())
            takeEvents()
            let commands = mailbox.take()
            commands.forEach(perform)
            // Most of what other hosts say by ARP is nothing to us.
            if isUnsettled || !commands.isEmpty || Clock.bootTime() >= due { settle() }
        }
        mailbox.close()
    }

    /// When to wake without any event.
    private func wakeTime() -> Duration {
        let hasAddress = records.values.contains { $0.state == .activated }
        return hasAddress ? min(due, Clock.bootTime() + Self.heartbeat) : due
    }

    /// When there is something to do without any event.
    private func nextDue(after now: Duration) -> Duration {
        var times = [now + .seconds(3600)]
        if let retryAt { times.append(retryAt) }
        for record in records.values {
            if let next = record.search?.next { times.append(next) }
            if let refusal = record.refusal { times.append(refusal.at + Record.retryPause) }
            guard record.isWanted(at: now) else { continue }
            if let end = record.right?.end { times.append(end) }
            if record.isBound, let next = renewal(of: record) { times.append(next) }
            if record.isBound, let next = record.schedule?.next { times.append(next) }
        }
        return times.min() ?? now
    }

    // MARK: what happens

    private func perform(_ command: Command) {
        let now = Clock.bootTime()
        switch command {
        case .configure(let virtualIPs): configure(virtualIPs)
        case .grant(let addresses, let end): addresses.forEach { grant($0, until: end, now: now) }
        case .extend(let end):
            for (address, record) in records where record.right != nil {
                record.isDoubtful = false
                if record.virtualIP.isAtMostOne { grant(address, until: end, now: now) }
            }
        case .yield(let addresses):
            for address in addresses {
                records[address]?.isYielding = true
                records[address]?.schedule = nil
            }
        case .withdraw(let addresses, _):
            addresses.forEach { address in
                records[address]?.right = nil
                happen(.demoted, to: address, reason: nil)
            }
            waiting.append(command)
        case .fault(let addresses): addresses.forEach { fault($0, now: now) }
        case .health(let address, let works, let reason): health(address, works: works, reason: reason, now: now)
        case .announce(let addresses): addresses.forEach { announceAnew($0, at: now) }
        case .stop(let keeping, _):
            waiting.append(command)
            isRunning = false
            if !keeping { configure([]) }
        }
    }

    private func configure(_ virtualIPs: [VirtualIP]) {
        let now = Clock.bootTime()
        let addresses = Set(virtualIPs.map(\.address))
        for address in records.keys where !addresses.contains(address) {
            records[address] = nil
        }
        for virtualIP in virtualIPs {
            if let record = records[virtualIP.address] {
                if record.virtualIP != virtualIP { record.renewedAt = nil }
                let wasAtMostOne = record.virtualIP.isAtMostOne
                record.virtualIP = virtualIP
                // The rights of both policies differ: one has an end, and the other none.
                if !virtualIP.isAtMostOne, record.right != nil { record.right = .init(end: nil) }
                if virtualIP.isAtMostOne, !wasAtMostOne { record.right = nil }
                if record.right == nil, record.state == .activated { happen(.demoted, to: virtualIP.address, reason: nil) }
            } else {
                let record = Record(virtualIP: virtualIP, since: now)
                record.isInherited =
                    network.link(named: virtualIP.interface).map { network.own(virtualIP.address, interface: $0.index) != nil } ?? false
                records[virtualIP.address] = record
            }
        }
        isFenceStale = true
    }

    private func grant(_ address: IPAddress, until end: Duration?, now: Duration) {
        guard let record = records[address] else { return }
        let right = Record.Right(end: record.virtualIP.isAtMostOne ? end : nil)
        guard right.isValid(at: now) else { return }
        record.right = right
        record.isYielding = false
        record.isDoubtful = false
        record.search = nil
        if record.virtualIP.isFenced { isFenceStale = true }
        happen(.elected, to: address, reason: nil)
    }

    private func health(_ address: IPAddress, works: Bool, reason: String?, now: Duration) {
        happen(works ? .healthCheckSuccess : .healthCheckFail, to: address, reason: works ? nil : reason ?? "its health check fails")
        // It has the right still, so nobody needs to elect it again.
        if works, let record = records[address], record.right?.isValid(at: now) == true { happen(.elected, to: address, reason: nil) }
    }

    /// Takes an event to the state machine.
    func happen(_ event: VirtualIPEvent, to address: IPAddress, reason: String?) {
        guard let record = records[address] else { return }
        let state = record.state.after(event, policy: record.virtualIP.policy)
        if event != .fault { record.search = nil }
        if state != .booting { record.isInherited = record.isInherited && state == .activated }
        if state != record.state {
            var fields: [Log.Field] = [
                ("was", record.state.rawValue), ("event", event.rawValue), ("interface", record.virtualIP.interface),
            ]
            if let reason { fields.append(("reason", reason)) }
            log.write(.info, "\(address) is \(state.rawValue)", fields)
            record.state = state
            record.isYielding = false
            record.isDoubtful = false
            record.since = Clock.bootTime()
            record.reason = reason
            record.schedule = nil
            if record.virtualIP.isFenced { isFenceStale = true }
        } else if state == .failing {
            record.reason = reason ?? record.reason
        }
    }

    /// Gives up rights that have ended.
    func expire(at now: Duration) {
        for (address, record) in records where record.right.map({ !$0.isValid(at: now) }) ?? false {
            isUnsettled = true
            record.right = nil
            happen(.demoted, to: address, reason: "the right to it ended and was not renewed")
        }
    }

    /// The thread could not see what others did.
    private func doubt() {
        isUnsettled = true
        let now = Clock.bootTime()
        for (address, record) in records where record.isBound {
            if settings.isShared {
                record.isDoubtful = true
                record.schedule = nil
            } else {
                announceAnew(address, at: now)
            }
        }
    }

    private func list() throws(NetlinkError) {
        network = HostNetwork(links: try route.links(), addresses: try route.addresses())
    }

    private func takeEvents() {
        do throws(NetlinkError) {
            if let events = try monitor.take() {
                events.forEach(apply)
            } else {
                try list()
                isUnsettled = true
            }
            if try fence?.isDamaged() ?? false {
                isFenceStale = true
                isUnsettled = true
                log.write(.warning, "somebody else changed the packet filter's table \(Fence.table): it is built anew")
            }
        } catch {
            watchLog.write(.error, "cannot watch the host's links, addresses and packet filter: \(error)")
        }
        advertisements.take(into: &buffer) { interface, claim in hear(claim, on: interface) }
        listeners.take(into: &buffer) { interface, claim in hear(claim, on: interface) }
    }

    private func apply(_ event: RouteEvent) {
        if case .address(let entry) = event, entry.isOurs, entry.lifetime == network.entry(entry.key)?.lifetime {
            // The kernel tells of each renewal.
            return network.put(entry)
        }
        isUnsettled = true
        let now = Clock.bootTime()
        switch event {
        case .link(let link):
            let old = network.link(link.index)
            network.apply(event)
            guard old?.hasCarrier != link.hasCarrier || old?.hardwareAddress != link.hardwareAddress, link.hasCarrier else { return }
            for (address, record) in records where record.virtualIP.interface == link.name { announceAnew(address, at: now) }
        case .addressRemoved(let entry) where entry.isOurs:
            let wasThere = network.own(IPAddress(entry.key.address), interface: entry.key.interface) != nil
            network.apply(event)
            guard wasThere, let link = network.link(entry.key.interface), link.isUp,
                let record = records[IPAddress(entry.key.address)], record.isWanted(at: now), record.virtualIP.interface == link.name
            else { return }
            log.write(.warning, "somebody removed \(record.virtualIP.address) from \(link.name): it is bound again")
            announceAnew(record.virtualIP.address, at: now)
        default: network.apply(event)
        }
    }

    // MARK: what is done

    /// Does what is missing, and tells what changed.
    func settle() {
        let now = Clock.bootTime()
        if let time = retryAt, time <= now { retryAt = nil }
        isUnsettled = false
        unbind(at: now)
        search()
        guardAddresses()
        bind()
        announce()
        let interfaces = Set(records.values.map(\.virtualIP.interface).compactMap { network.link(named: $0)?.index })
        listeners.listen(on: interfaces) { message in log.write(.error, message) }
        if !isRunning { end() }
        tell()
        let done = waiting.filter { !isRunning || isDone($0, at: now) }
        waiting = isRunning ? waiting.filter { !isDone($0, at: now) } : []
        done.forEach { $0.complete() }
        due = nextDue(after: Clock.bootTime())
    }

    /// Whether a command has had its effect: what the kernel did not unbind is tried again, and nobody else may have it before.
    private func isDone(_ command: Command, at now: Duration) -> Bool {
        guard case .withdraw(let addresses, _) = command else { return true }
        return !addresses.contains { address in
            records[address].map { !$0.isWanted(at: now) } ?? true && network.entries(of: address).contains(where: \.isOurs)
        }
    }

    private func end() {
        // Kept addresses need their fence.
        guard records.isEmpty, fence != nil else { return }
        do throws(NetlinkError) { try fence?.remove() } catch {
            log.write(.error, "cannot remove the packet filter's table \(Fence.table): \(error)")
        }
    }

    /// Publishes what is, and then tells what changed.
    private func tell() {
        var foreign: [IPAddress: String] = [:]
        for (address, entry) in network.allForeign { foreign[address] = conflict(with: entry) }
        var isNew = records.count != publishedCount
        for record in records.values {
            let status = record.status
            guard record.published != status else { continue }
            if status.isNews(after: record.published) { notices.append(.changed(status)) }
            record.published = status
            isNew = true
        }
        if isNew {
            publishedCount = records.count
            let statuses = records.mapValues(\.status)
            published.value.withLock { $0.statuses = statuses }
        }
        if foreign != publishedForeign {
            publishedForeign = foreign
            published.value.withLock { $0.foreign = foreign }
        }
        let told = notices
        notices = []
        told.forEach(notify)
    }

    /// Tells something with the next `settle`.
    func tell(_ notice: VirtualIPNotice) {
        notices.append(notice)
        isUnsettled = true
    }
}
