package import LBaaS
import Netlink

/// A daemon of the kernel that tells other directors of its connections, or learns of theirs.
package struct SyncDaemon: Hashable, Sendable {
    /// What it does. The raw value is the kernel's number of it.
    package enum Role: UInt32, Hashable, Sendable, CaseIterable {
        case master = 1
        case backup = 2
    }

    package var role: Role
    /// The interface that it talks over.
    package var interface: String
    /// Tells its group from others, 0 to 255.
    package var id: UInt32 = 0
    /// The longest message, in bytes; 0 for what the interface takes.
    package var maximumLength: UInt16 = 0
    /// The multicast group; nil for 224.0.0.81.
    package var group: IPAddress?
    /// The UDP port; 0 for 8848.
    package var port: UInt16 = 0
    /// How many routers its messages pass; 0 for 1.
    package var timeToLive: UInt8 = 0

    package init(role: Role, interface: String) {
        self.role = role
        self.interface = interface
    }

    /// The daemon with what the kernel puts in for what is not said, and makes of what it does not take (`start_sync_thread`). A longest message
    /// that is not said stays so: the kernel works it out of the interface.
    package var normalized: SyncDaemon {
        var daemon = self
        daemon.group = group ?? .v4(0xE000_0051)
        daemon.port = port == 0 ? 8848 : port
        daemon.timeToLive = timeToLive == 0 ? 1 : timeToLive
        let header: UInt16 = daemon.group?.family == .v6 ? 48 : 28
        if maximumLength > 0 { daemon.maximumLength = min(max(maximumLength, role == .backup ? 1024 : 1), .max - header) }
        return daemon
    }

    /// Whether this daemon, which the kernel runs, is as one that is wanted.
    package func isAs(_ wanted: SyncDaemon) -> Bool {
        var (one, other) = (normalized, wanted.normalized)
        if other.maximumLength == 0 { (one.maximumLength, other.maximumLength) = (0, 0) }
        return one == other
    }
}

/// `IPVS_DAEMON_ATTR_…`.
private enum DaemonField {
    static let role: UInt16 = 1
    static let interface: UInt16 = 2
    static let id: UInt16 = 3
    static let maximumLength: UInt16 = 4
    static let group: UInt16 = 5
    static let group6: UInt16 = 6
    /// In the byte order of the host, unlike every other port.
    static let port: UInt16 = 7
    static let timeToLive: UInt16 = 8
}

extension SyncDaemon {
    /// Reads a daemon that the kernel lists.
    init(_ attributes: RawSpan) throws(NetlinkError) {
        self.init(role: .master, interface: "")
        try attributes.forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case DaemonField.role: if try value.number(UInt32.self) == Role.backup.rawValue { role = .backup }
            case DaemonField.interface: interface = value.text()
            case DaemonField.id: id = try value.number(UInt32.self)
            case DaemonField.maximumLength: maximumLength = try value.number(UInt16.self)
            case DaemonField.group: group = .v4(try value.bigEndian(UInt32.self))
            case DaemonField.group6:
                group = .v6(high: try value.bigEndian(UInt64.self, at: 0), low: try value.bigEndian(UInt64.self, at: 8))
            case DaemonField.port: port = try value.number(UInt16.self)
            case DaemonField.timeToLive: timeToLive = try value.number(UInt8.self)
            default: break
            }
        }
    }

    /// Describes the daemon in a message.
    func write(to message: inout MessageWriter) {
        message.nest(Subject.daemon) { message in
            message.put(DaemonField.role, role.rawValue)
            message.put(DaemonField.interface, text: interface)
            message.put(DaemonField.id, id)
            if maximumLength > 0 { message.put(DaemonField.maximumLength, maximumLength) }
            switch group {
            case .v4(let bits)?: message.put(DaemonField.group, bigEndian: bits)
            case .v6(let high, let low)?: message.put(DaemonField.group6, bigEndian: high, low)
            case nil: break
            }
            if port > 0 { message.put(DaemonField.port, port) }
            if timeToLive > 0 { message.put(DaemonField.timeToLive, timeToLive) }
        }
    }
}
