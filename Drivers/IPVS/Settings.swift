import LBaaS

/// What the section `[worker:ipvs]` says.
struct Settings: Sendable {
    /// What it adds to every service.
    var services = ServiceDefaults()
    /// How often the kernel's table is compared.
    let resyncInterval: Duration
    /// How long a real server that leaves may finish what it has.
    let drainTimeout: Duration
    /// Whether every virtual service of the kernel is ours.
    let isExclusive: Bool
    /// The timeouts of connections to set; 0 for as they are.
    let timeouts: ConnectionTimeouts
    /// What the kernel's switches are set to; nil for left as they are.
    let sysctls: [(name: String, value: Bool?)]
    /// The synchronization daemons that run; nil for left as they are.
    let daemons: [SyncDaemon]?

    /// Reads the section.
    init(_ section: DriverConfiguration) throws(DriverConfiguration.Failure) {
        resyncInterval = .seconds(try section.number(.resyncInterval, 1...86_400) ?? 30)
        drainTimeout = .seconds(try section.number(.drainTimeout, 0...86_400) ?? 30)
        isExclusive = try section.yesNo(.exclusive) ?? false
        timeouts = ConnectionTimeouts(
            tcp: UInt32(try section.number(.tcpTimeout, 1...2_678_400) ?? 0),
            tcpFin: UInt32(try section.number(.tcpFinTimeout, 1...2_678_400) ?? 0),
            udp: UInt32(try section.number(.udpTimeout, 1...2_678_400) ?? 0))
        sysctls = [
            ("expire_quiescent_template", try section.yesNo(.expireQuiescentTemplate) ?? true),
            ("expire_nodest_conn", try section.yesNo(.expireNodestConn) ?? true),
        ]
        daemons = try section.daemons
        services.onePacket = try section.yesNo(.onePacket) ?? false
        services.hashFlags = []
        if try section.yesNo(.hashFallback) ?? true { services.hashFlags.insert(.fallback) }
        if try section.yesNo(.hashPort) ?? false { services.hashFlags.insert(.hashPort) }
        services.upperThreshold = UInt32(try section.number(.upperThreshold, 0...2_147_483_647) ?? 0)
        services.lowerThreshold = UInt32(try section.number(.lowerThreshold, 0...2_147_483_647) ?? 0)
        if services.lowerThreshold > services.upperThreshold {
            throw .init(.lowerThreshold, "\(services.lowerThreshold) is above upper_threshold, which is \(services.upperThreshold)")
        }
        services.persistencePrefixV4 = UInt32(try section.number(.persistencePrefixV4, 1...32) ?? 32)
        services.persistencePrefixV6 = UInt32(try section.number(.persistencePrefixV6, 1...128) ?? 128)
    }
}

/// The keys of the section `[worker:ipvs]`.
enum Key: String, CaseIterable {
    case resyncInterval = "resync_interval"
    case drainTimeout = "drain_timeout"
    case exclusive
    case onePacket = "one_packet"
    case hashFallback = "hash_fallback"
    case hashPort = "hash_port"
    case upperThreshold = "upper_threshold"
    case lowerThreshold = "lower_threshold"
    case persistencePrefixV4 = "persistence_prefix_v4"
    case persistencePrefixV6 = "persistence_prefix_v6"
    case expireQuiescentTemplate = "expire_quiescent_template"
    case expireNodestConn = "expire_nodest_conn"
    case tcpTimeout = "tcp_timeout"
    case tcpFinTimeout = "tcp_fin_timeout"
    case udpTimeout = "udp_timeout"
    case sync
    case syncInterface = "sync_interface"
    case syncID = "sync_id"
    case syncGroup = "sync_group"
    case syncPort = "sync_port"
    case syncTimeToLive = "sync_ttl"
    case syncMaximumLength = "sync_maxlen"

    /// What the key means, for `etc/lbaas.conf` and `--help`.
    var meaning: String {
        switch self {
        case .resyncInterval: "how often the kernel's table is compared with what it should be, in seconds; default 30"
        case .drainTimeout: "how long a node that leaves may finish its connections, in seconds; 0 for not at all; default 30"
        case .exclusive: "yes to remove every virtual service that no job asked for; default no: others' services are never touched"
        case .onePacket:
            "yes to schedule each UDP packet for itself, where there is neither session persistence nor NAT, whose answers would be lost; default no"
        case .hashFallback: "no to refuse clients whose node drains, with SOURCE_IP and MAGLEV; default yes: they get another node"
        case .hashPort: "yes to let the client's port count too, with SOURCE_IP and MAGLEV; default no"
        case .upperThreshold: "from so many connections on a node gets nothing new; default 0, any number"
        case .lowerThreshold: "below so many connections such a node gets some again; default 0, three quarters of upper_threshold"
        case .persistencePrefixV4: "how many bits of a client's IPv4 address count for session persistence; default 32"
        case .persistencePrefixV6: "how many bits of a client's IPv6 address count for session persistence; default 128"
        case .expireQuiescentTemplate: "no to let clients go back to a draining node by session persistence; default yes: they get another"
        case .expireNodestConn: "no to keep connections whose node was removed, for when it comes back; default yes: they are reset"
        case .tcpTimeout: "for how long a silent TCP connection is remembered, in seconds; default: as the kernel has it"
        case .tcpFinTimeout: "for how long a TCP connection is remembered that was closed, in seconds; default: as the kernel has it"
        case .udpTimeout: "for how long a UDP client is remembered, in seconds; default: as the kernel has it"
        case .sync:
            "master, backup or both to run the kernel's daemons that share connections with other directors; none to stop them; default: as they are"
        case .syncInterface: "the interface that they talk over; needed with sync"
        case .syncID: "tells their group from others, 0 to 255; default 0"
        case .syncGroup: "their multicast group; default 224.0.0.81"
        case .syncPort: "their UDP port; default 8848"
        case .syncTimeToLive: "how many routers their messages pass, 1 to 255; default 1"
        case .syncMaximumLength: "their longest message in bytes; default: as the interface takes"
        }
    }
}

extension DriverConfiguration {
    fileprivate func number(_ key: Key, _ range: ClosedRange<Int>) throws(Failure) -> Int? { try number(key.rawValue, range) }

    fileprivate func yesNo(_ key: Key) throws(Failure) -> Bool? { try yesNo(key.rawValue) }

    fileprivate var daemons: [SyncDaemon]? {
        get throws(Failure) {
            let roles: [SyncDaemon.Role]
            switch self[Key.sync.rawValue]?.lowercased() {
            case nil:
                let keys: [Key] = [.syncInterface, .syncID, .syncGroup, .syncPort, .syncTimeToLive, .syncMaximumLength]
                if let key = keys.first(where: { self[$0.rawValue] != nil }) {
                    throw Failure(key, "means nothing without sync; set sync to master, backup, both or none, or leave this out")
                }
                return nil
            case "none": return []
            case "master": roles = [.master]
            case "backup": roles = [.backup]
            case "both": roles = [.master, .backup]
            case let other?: throw Failure(.sync, "\(quoted(other)) is none of master, backup, both and none")
            }
            guard let interface = self[Key.syncInterface.rawValue], (1...15).contains(interface.utf8.count) else {
                throw Failure(.syncInterface, "name the interface, 1 to 15 characters, that the daemons talk over")
            }
            var daemon = SyncDaemon(role: .master, interface: interface)
            daemon.id = UInt32(try number(.syncID, 0...255) ?? 0)
            daemon.port = UInt16(try number(.syncPort, 1...65_535) ?? 0)
            daemon.timeToLive = UInt8(try number(.syncTimeToLive, 1...255) ?? 0)
            daemon.maximumLength = UInt16(try number(.syncMaximumLength, 1...65_507) ?? 0)
            if let text = self[Key.syncGroup.rawValue] {
                guard let group = IPAddress(text), group.isMulticast else {
                    throw Failure(.syncGroup, "\(quoted(text)) is not a multicast address")
                }
                daemon.group = group
            }
            return roles.map { role in
                var daemon = daemon
                daemon.role = role
                return daemon
            }
        }
    }
}

extension DriverConfiguration.Failure {
    fileprivate init(_ key: Key, _ message: String) { self.init(key: key.rawValue, message: message) }
}
