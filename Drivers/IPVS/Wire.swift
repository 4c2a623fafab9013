import LBaaS
import Netlink

// The messages of the kernel's generic-netlink family "IPVS", as `linux/ip_vs.h` numbers them.

/// `IPVS_CMD_…`. An answer carries the number of the command that would set what it tells.
enum Command {
    static let newService: UInt8 = 1
    static let setService: UInt8 = 2
    static let deleteService: UInt8 = 3
    static let getService: UInt8 = 4
    static let newDestination: UInt8 = 5
    static let setDestination: UInt8 = 6
    static let deleteDestination: UInt8 = 7
    static let getDestination: UInt8 = 8
    static let newDaemon: UInt8 = 9
    static let deleteDaemon: UInt8 = 10
    static let getDaemon: UInt8 = 11
    static let setConfig: UInt8 = 12
    static let getConfig: UInt8 = 13
    static let getInfo: UInt8 = 15
    static let zero: UInt8 = 16
    static let flush: UInt8 = 17
}

/// `IPVS_CMD_ATTR_…`: what a message is about.
enum Subject {
    static let service: UInt16 = 1
    static let destination: UInt16 = 2
    static let daemon: UInt16 = 3
    static let timeoutTCP: UInt16 = 4
    static let timeoutTCPFin: UInt16 = 5
    static let timeoutUDP: UInt16 = 6
}

/// `IPVS_SVC_ATTR_…`.
private enum ServiceField {
    static let family: UInt16 = 1
    static let `protocol`: UInt16 = 2
    static let address: UInt16 = 3
    static let port: UInt16 = 4
    static let firewallMark: UInt16 = 5
    static let scheduler: UInt16 = 6
    static let flags: UInt16 = 7
    static let timeout: UInt16 = 8
    static let netmask: UInt16 = 9
    static let persistenceEngine: UInt16 = 11
    static let statistics: UInt16 = 12
}

/// `IPVS_DEST_ATTR_…`.
private enum DestinationField {
    static let address: UInt16 = 1
    static let port: UInt16 = 2
    static let method: UInt16 = 3
    static let weight: UInt16 = 4
    static let upperThreshold: UInt16 = 5
    static let lowerThreshold: UInt16 = 6
    static let activeConnections: UInt16 = 7
    static let inactiveConnections: UInt16 = 8
    static let persistentConnections: UInt16 = 9
    static let family: UInt16 = 11
    static let statistics: UInt16 = 12
    static let tunnelType: UInt16 = 13
    static let tunnelPort: UInt16 = 14
    static let tunnelFlags: UInt16 = 15
}

/// `IPVS_STATS_ATTR_…`.
private enum StatisticsField {
    static let connections: UInt16 = 1
    static let packetsIn: UInt16 = 2
    static let packetsOut: UInt16 = 3
    static let bytesIn: UInt16 = 4
    static let bytesOut: UInt16 = 5
}

/// What the kernel counted, in 64 bits.
package struct Statistics: Hashable, Sendable {
    package var connections: UInt64 = 0
    package var packetsIn: UInt64 = 0
    package var packetsOut: UInt64 = 0
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
}

/// A virtual service as the kernel lists it, without its real servers.
package struct ListedService: Hashable, Sendable {
    package var key: ServiceKey
    package var settings: ServiceSettings
    package var statistics = Statistics()
}

/// A real server as the kernel lists it.
package struct ListedDestination: Hashable, Sendable {
    package var key: DestinationKey
    package var destination: Destination
    /// Connections that are established.
    package var activeConnections: UInt32 = 0
    /// Connections that come or go.
    package var inactiveConnections: UInt32 = 0
    /// Clients that would be sent to it for persistence.
    package var persistentConnections: UInt32 = 0
    package var statistics = Statistics()
}

extension MessageWriter {
    /// Names a virtual service.
    @inline(__always)
    mutating func service(_ key: ServiceKey) {
        nest(Subject.service) { $0.key(key) }
    }

    /// Describes a virtual service.
    @inline(__always)
    mutating func service(_ key: ServiceKey, _ settings: ServiceSettings) {
        nest(Subject.service) { message in
            message.key(key)
            message.put(ServiceField.scheduler, text: settings.scheduler.name)
            // struct ip_vs_flags: the flags, and the mask of those that count.
            message.put(ServiceField.flags, flags: settings.flags.rawValue)
            message.put(ServiceField.timeout, settings.timeout)
            switch key.family {
            case .v4: message.put(ServiceField.netmask, bigEndian: settings.netmask)
            case .v6: message.put(ServiceField.netmask, settings.netmask)
            }
            if let engine = settings.persistenceEngine { message.put(ServiceField.persistenceEngine, text: engine) }
        }
    }

    /// Names a real server.
    mutating func destination(_ key: DestinationKey) {
        nest(Subject.destination) { message in message.key(key) }
    }

    /// Describes a real server.
    @inline(__always)
    mutating func destination(_ key: DestinationKey, _ destination: Destination) {
        nest(Subject.destination) { message in
            message.key(key)
            message.put(DestinationField.method, destination.forwarding.method)
            message.put(DestinationField.weight, destination.weight)
            message.put(DestinationField.upperThreshold, destination.upperThreshold)
            message.put(DestinationField.lowerThreshold, destination.lowerThreshold)
            if destination.forwarding.isTunnel {
                message.put(DestinationField.tunnelType, destination.forwarding.tunnelType)
                message.put(DestinationField.tunnelPort, bigEndian: destination.forwarding.tunnelPort)
                message.put(DestinationField.tunnelFlags, destination.forwarding.tunnelFlags)
            }
        }
    }

    @inline(__always)
    private mutating func key(_ key: ServiceKey) {
        put(ServiceField.family, key.family.rawValue)
        switch key {
        case .address(let address, let port, let number):
            put(ServiceField.protocol, number)
            put(ServiceField.address, address)
            put(ServiceField.port, bigEndian: port)
        case .firewallMark(let mark, _):
            put(ServiceField.firewallMark, mark)
        }
    }

    @inline(__always)
    private mutating func key(_ key: DestinationKey) {
        put(DestinationField.address, key.address)
        put(DestinationField.port, bigEndian: key.port)
        put(DestinationField.family, key.address.family.rawValue)
    }

    /// An address in sixteen bytes, of which an IPv4 address takes the first four.
    @inline(__always)
    private mutating func put(_ attribute: UInt16, _ address: IPAddress) {
        switch address {
        case .v4(let bits): put(attribute, bigEndian: UInt64(bits) << 32, 0)
        case .v6(let high, let low): put(attribute, bigEndian: high, low)
        }
    }

    @inline(__always)
    private mutating func put(_ attribute: UInt16, flags: UInt32) {
        // Two words in the byte order of the host, behind each other.
        put(attribute, UInt64(littleEndian: UInt64(flags) | 0xFFFF_FFFF << 32))
    }
}

extension RawSpan {
    /// The part of an answer that is about this subject.
    ///
    /// - Throws: where there is none.
    @inline(__always)
    func subject<Value>(
        _ subject: UInt16, _ read: (RawSpan) throws(NetlinkError) -> Value
    ) throws(NetlinkError) -> Value {
        var value: Value?
        try forEachAttribute { type, nested throws(NetlinkError) in
            if type == subject { value = try read(nested) }
        }
        guard let value else { throw .malformed("an answer without attribute \(subject)") }
        return value
    }

    /// Reads a virtual service.
    func service() throws(NetlinkError) -> ListedService {
        var family = AddressFamily.v4
        var (number, port): (UInt16, UInt16) = (0, 0)
        var mark: UInt32?
        var address: IPAddress?
        var settings = ServiceSettings(scheduler: Scheduler(""), netmask: 0)
        var statistics = Statistics()
        try forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case ServiceField.family: family = try value.family()
            case ServiceField.protocol: number = try value.number(UInt16.self)
            case ServiceField.address: address = try value.address(family)
            case ServiceField.port: port = try value.bigEndian(UInt16.self)
            case ServiceField.firewallMark: mark = try value.number(UInt32.self)
            case ServiceField.scheduler: settings.scheduler = Scheduler(value.text())
            case ServiceField.flags: settings.flags = try value.flags()
            case ServiceField.timeout: settings.timeout = try value.number(UInt32.self)
            case ServiceField.netmask:
                settings.netmask = family == .v4 ? try value.bigEndian(UInt32.self) : try value.number(UInt32.self)
            case ServiceField.persistenceEngine: settings.persistenceEngine = value.text()
            case ServiceField.statistics: statistics = try value.statistics()
            default: break
            }
        }
        if let mark { return ListedService(key: .firewallMark(mark, family), settings: settings, statistics: statistics) }
        guard let address else { throw .malformed("a service without address and firewall mark") }
        return ListedService(key: .address(address, port: port, protocol: number), settings: settings, statistics: statistics)
    }

    /// Reads a real server.
    ///
    /// - Parameter family: the family of its service, which is its own where it does not say otherwise.
    @inline(__always)
    func destination(
        of family: AddressFamily, withStatistics: Bool
    ) throws(NetlinkError) -> ListedDestination {
        var family = family
        var port: UInt16 = 0
        var high: UInt64 = 0
        var low: UInt64 = 0
        var destination = Destination(forwarding: .nat, weight: 0)
        var listed = ListedDestination(key: DestinationKey(.v4(0), 0), destination: destination)
        try forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case DestinationField.address:
                high = try value.bigEndian(UInt64.self, at: 0)
                low = try value.bigEndian(UInt64.self, at: 8)
            case DestinationField.port: port = try value.bigEndian(UInt16.self)
            case DestinationField.method: destination.forwarding.method = try value.number(UInt32.self) & 7
            case DestinationField.weight: destination.weight = try value.number(UInt32.self)
            case DestinationField.upperThreshold: destination.upperThreshold = try value.number(UInt32.self)
            case DestinationField.lowerThreshold: destination.lowerThreshold = try value.number(UInt32.self)
            case DestinationField.activeConnections: listed.activeConnections = try value.number(UInt32.self)
            case DestinationField.inactiveConnections: listed.inactiveConnections = try value.number(UInt32.self)
            case DestinationField.persistentConnections: listed.persistentConnections = try value.number(UInt32.self)
            case DestinationField.family: family = try value.family()
            case DestinationField.statistics: if withStatistics { listed.statistics = try value.statistics() }
            case DestinationField.tunnelType: destination.forwarding.tunnelType = try value.number(UInt8.self)
            case DestinationField.tunnelPort: destination.forwarding.tunnelPort = try value.bigEndian(UInt16.self)
            case DestinationField.tunnelFlags: destination.forwarding.tunnelFlags = try value.number(UInt16.self)
            default: break
            }
        }
        // What is no tunnel keeps the values of a tunnel that it was; they say nothing.
        if !destination.forwarding.isTunnel { destination.forwarding = .init(method: destination.forwarding.method) }
        let address: IPAddress = family == .v4 ? .v4(UInt32(truncatingIfNeeded: high >> 32)) : .v6(high: high, low: low)
        listed.key = DestinationKey(address, port)
        listed.destination = destination
        return listed
    }

    private func family() throws(NetlinkError) -> AddressFamily {
        let number = try number(UInt16.self)
        guard let family = AddressFamily(rawValue: number) else { throw .malformed("address family \(number)") }
        return family
    }

    private func address(_ family: AddressFamily) throws(NetlinkError) -> IPAddress {
        switch family {
        case .v4: .v4(try bigEndian(UInt32.self, at: 0))
        case .v6: .v6(high: try bigEndian(UInt64.self, at: 0), low: try bigEndian(UInt64.self, at: 8))
        }
    }

    private func flags() throws(NetlinkError) -> ServiceFlags {
        guard byteCount >= 4 else { throw .malformed("flags of \(byteCount) bytes") }
        return ServiceFlags(rawValue: unsafe unsafeLoadUnaligned(as: UInt32.self)).subtracting(.hashed)
    }

    private func statistics() throws(NetlinkError) -> Statistics {
        var statistics = Statistics()
        try forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case StatisticsField.connections: statistics.connections = try value.number(UInt64.self)
            case StatisticsField.packetsIn: statistics.packetsIn = try value.number(UInt64.self)
            case StatisticsField.packetsOut: statistics.packetsOut = try value.number(UInt64.self)
            case StatisticsField.bytesIn: statistics.bytesIn = try value.number(UInt64.self)
            case StatisticsField.bytesOut: statistics.bytesOut = try value.number(UInt64.self)
            default: break
            }
        }
        return statistics
    }
}
