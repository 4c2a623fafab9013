import Glibc
package import Netlink

/// The kernel's table over generic netlink.
package final class NetlinkKernel: Kernel {
    private let netlink: GenericNetlink
    private let family: Family
    private var lists = ServerLists()
    /// Kept from change to change, so that a change allocates nothing.
    private var batch: Batch
    /// As many changes go into one send, and its memory is for so many, however many there are.
    private static let changesPerBatch = 512
    /// No change takes more, but for a few whose scheduler or persistence engine has a long name.
    private static let bytesPerChange = 168

    /// Opens a socket. Where the kernel's module is not loaded it is loaded, where the kernel is told how.
    package convenience init(timeout: Duration = .seconds(5)) throws(KernelFailure) {
        let netlink: GenericNetlink
        do throws(NetlinkError) {
            netlink = try GenericNetlink(timeout: timeout)
        } catch {
            throw KernelFailure(error)
        }
        try self.init(netlink)
    }

    /// Talks with the kernel over this.
    package init(_ netlink: GenericNetlink) throws(KernelFailure) {
        do throws(NetlinkError) {
            family = try netlink.family("IPVS")
        } catch {
            throw KernelFailure(error)
        }
        self.netlink = netlink
        batch = Batch(family, capacity: Self.changesPerBatch * Self.bytesPerChange)
    }

    package func forEachService(_ body: (ListedService) -> Void) throws(KernelFailure) {
        var listed: [ListedService] = []
        try asking { () throws(NetlinkError) in
            try netlink.dump(family, command: Command.getService) { _, attributes throws(NetlinkError) in
                listed.append(try attributes.subject(Subject.service) { value throws(NetlinkError) in try value.service() })
            } restart: {
                listed = []
            }
        }
        for service in listed { body(service) }
    }

    package func forEachDestination(
        of key: ServiceKey, withStatistics: Bool, _ body: (ListedDestination) -> Void
    ) throws(KernelFailure) {
        var listed: [ListedDestination] = []
        let addressFamily = key.family
        try asking { () throws(NetlinkError) in
            try netlink.dump(family, command: Command.getDestination) { request in
                request.service(key)
            } each: { _, attributes throws(NetlinkError) in
                listed.append(
                    try attributes.subject(Subject.destination) { value throws(NetlinkError) in
                        try value.destination(of: addressFamily, withStatistics: withStatistics)
                    })
            } restart: {
                listed = []
            }
        }
        for destination in listed { body(destination) }
    }

    package func confirm(_ likely: Destinations, of key: ServiceKey) -> Bool { lists.confirm(likely, of: key) }

    package func carryOut(_ changes: [Change], read: (Int, ListedService) -> Void) throws(KernelInterruption) -> [RefusedChange] {
        var refused: [RefusedChange] = []
        for first in stride(from: 0, to: changes.count, by: Self.changesPerBatch) {
            batch.removeAll()
            for index in first..<min(first + Self.changesPerBatch, changes.count) { batch.append(changes[index]) }
            do throws(BatchInterruption) {
                refused += try netlink.carryOut(&batch) { index, _, attributes throws(NetlinkError) in
                    read(first + index, try attributes.subject(Subject.service) { value throws(NetlinkError) in try value.service() })
                }.map { RefusedChange(index: first + $0.index, number: $0.number) }
            } catch {
                throw KernelInterruption(
                    message: error.description,
                    refused: refused + error.failures.map { RefusedChange(index: first + $0.index, number: $0.number) },
                    unknown: first + min(error.unknown.lowerBound, error.unsent.lowerBound)..<changes.count)
            }
        }
        return refused
    }

    package func timeouts() throws(KernelFailure) -> ConnectionTimeouts {
        var timeouts = ConnectionTimeouts()
        try ask(Command.getConfig) { attributes throws(NetlinkError) in
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                switch type {
                case Subject.timeoutTCP: timeouts.tcp = try value.number(UInt32.self)
                case Subject.timeoutTCPFin: timeouts.tcpFin = try value.number(UInt32.self)
                case Subject.timeoutUDP: timeouts.udp = try value.number(UInt32.self)
                default: break
                }
            }
        }
        return timeouts
    }

    package func setTimeouts(_ timeouts: ConnectionTimeouts) throws(KernelFailure) {
        try tell(Command.setConfig) { request in
            if timeouts.tcp > 0 { request.put(Subject.timeoutTCP, timeouts.tcp) }
            if timeouts.tcpFin > 0 { request.put(Subject.timeoutTCPFin, timeouts.tcpFin) }
            if timeouts.udp > 0 { request.put(Subject.timeoutUDP, timeouts.udp) }
        }
    }

    package func daemons() throws(KernelFailure) -> [SyncDaemon] {
        var daemons: [SyncDaemon] = []
        try asking { () throws(NetlinkError) in
            try netlink.dump(family, command: Command.getDaemon) { _, attributes throws(NetlinkError) in
                daemons.append(try attributes.subject(Subject.daemon) { value throws(NetlinkError) in try SyncDaemon(value) })
            } restart: {
                daemons = []
            }
        }
        return daemons
    }

    package func startDaemon(_ daemon: SyncDaemon) throws(KernelFailure) {
        try tell(Command.newDaemon) { daemon.write(to: &$0) }
    }

    package func stopDaemon(_ daemon: SyncDaemon) throws(KernelFailure) {
        try tell(Command.deleteDaemon) { daemon.write(to: &$0) }
    }

    package func zero(_ key: ServiceKey?) throws(KernelFailure) {
        try tell(Command.zero) { request in
            if let key { request.service(key) }
        }
    }

    package func flush() throws(KernelFailure) { try tell(Command.flush) { _ in } }

    package func info() throws(KernelFailure) -> (version: UInt32, connectionTableSize: UInt32) {
        var (version, size): (UInt32, UInt32) = (0, 0)
        try ask(Command.getInfo) { attributes throws(NetlinkError) in
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                if type == 1 { version = try value.number(UInt32.self) }
                if type == 2 { size = try value.number(UInt32.self) }
            }
        }
        return (version, size)
    }

    private func tell(_ command: UInt8, _ write: (inout MessageWriter) -> Void) throws(KernelFailure) {
        try asking { () throws(NetlinkError) in try netlink.ask(family, command: command, write: write) }
    }

    private func ask(_ command: UInt8, answer: (RawSpan) throws(NetlinkError) -> Void) throws(KernelFailure) {
        try asking { () throws(NetlinkError) in
            try netlink.ask(
                family, command: command, write: { _ in },
                answer: { (_, attributes) throws(NetlinkError) in try answer(attributes) })
        }
    }

    private func asking(_ body: () throws(NetlinkError) -> Void) throws(KernelFailure) {
        do throws(NetlinkError) {
            try body()
        } catch {
            throw KernelFailure(error)
        }
    }
}

extension KernelFailure {
    fileprivate init(_ error: NetlinkError) {
        switch (error.code, error.number) {
        case (.unknownFamily, _):
            self.init(
                .missing, "the kernel has no IPVS; load it with 'modprobe ip_vs', or run a kernel that has CONFIG_IP_VS",
                number: error.number)
        case (.refused, EPERM), (.refused, EACCES):
            self.init(
                .forbidden,
                "the kernel does not let this process see or change IPVS: it needs the capability CAP_NET_ADMIN; run it as root, or turn on the drop-in lbaas-worker-ipvs.conf of its unit",
                number: error.number)
        default: self.init(.other, error.message, number: error.number)
        }
    }
}

extension Batch {
    /// Appends a change as a message.
    mutating func append(_ change: Change) {
        switch change {
        case .addService(let key, let settings): append(command: Command.newService) { $0.service(key, settings) }
        case .setService(let key, let settings): append(command: Command.setService) { $0.service(key, settings) }
        case .deleteService(let key): append(command: Command.deleteService) { $0.service(key) }
        case .readService(let key): append(command: Command.getService) { $0.service(key) }
        case .addDestination(let key, let destination, let value):
            append(command: Command.newDestination) { message in
                message.service(key)
                message.destination(destination, value)
            }
        case .setDestination(let key, let destination, let value):
            append(command: Command.setDestination) { message in
                message.service(key)
                message.destination(destination, value)
            }
        case .deleteDestination(let key, let destination):
            append(command: Command.deleteDestination) { message in
                message.service(key)
                message.destination(destination)
            }
        }
    }
}
