import Glibc
import LBaaS
import Netlink

// How the kernel's table and its refusals read to an operator.

extension ServiceKey: CustomStringConvertible {
    /// `10.0.0.1:80/tcp`, `[fd00::1]:53/udp`, `firewall mark 5 (IPv4)`.
    package var description: String {
        switch self {
        case .address(let address, let port, let number):
            let name = Transport(number: number)?.rawValue ?? "protocol \(number)"
            return "\(Endpoint(host: .address(address), port: port))/\(name)"
        case .firewallMark(let mark, let family):
            return "firewall mark \(mark) (\(family == .v4 ? "IPv4" : "IPv6"))"
        }
    }

    /// The run of its counters: a number that the same service always has.
    package var run: UInt64 {
        // FNV-1a: any hash that stays the same from start to start.
        description.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

extension ServiceKey {
    /// What becomes of connections where real servers are reached by DIRECT from now on, or no longer: the kernel keeps one route to each,
    /// as the first packet needs it, and the routes are of different kinds. To remove them and add them again is no better.
    var warningOfRerouting: String {
        "beware: \(self) changes to or from DIRECT while connections run, and some of them, old or new, may get lost; to be safe SUSPEND the"
            + " load balancer first; the job that changes it then brings it back"
    }

    /// What becomes of real servers that drain where there is no place for them.
    func warningOfCrowd(_ count: Int) -> String {
        "beware: \(self) loses \(count) of the real servers that drain before they have finished: with those that are wanted they are more than"
            + " the kernel's MAGLEV table has places"
    }
}

extension DestinationKey: CustomStringConvertible {
    /// `10.0.0.1:80`, `[fd00::1]:80`.
    package var description: String { Endpoint(host: .address(address), port: port).description }
}

extension [String] {
    /// As many as an operator looks at.
    var shown: String { count > 8 ? prefix(8).joined(separator: " ") + " … (\(count))" : joined(separator: " ") }
}

extension Change: CustomStringConvertible {
    /// What it does.
    package var description: String {
        switch self {
        case .addService(let key, let settings): "add virtual service \(key): \(settings)"
        case .setService(let key, let settings): "set virtual service \(key): \(settings)"
        case .deleteService(let key): "delete virtual service \(key)"
        case .readService(let key): "read virtual service \(key)"
        case .addDestination(let key, let destination, let value): "add real server \(destination) to \(key): \(value)"
        case .setDestination(let key, let destination, let value): "set real server \(destination) of \(key): \(value)"
        case .deleteDestination(let key, let destination): "remove real server \(destination) from \(key)"
        }
    }

    /// Why the kernel refused it, and what to do.
    func sentence(_ number: Int32) -> String { "the kernel refuses to \(description): \(reason(number))" }

    /// Whether the refusal means that the kernel has something else than we knew.
    func isSurprise(_ number: Int32) -> Bool {
        switch (self, number) {
        case (_, EEXIST), (_, ESRCH): true
        case (.setDestination, ENOENT), (.deleteDestination, ENOENT): true
        default: false
        }
    }

    private func reason(_ number: Int32) -> String {
        switch (self, number) {
        case (.addService(_, let settings), ENOENT), (.setService(_, let settings), ENOENT):
            return
                "it has no scheduler \(settings.scheduler)"
                + (settings.persistenceEngine.map { ", or no persistence engine \($0)" } ?? "")
                + "; load its module with 'modprobe ip_vs_\(settings.scheduler)'"
        case (.addService, EEXIST): return "there is one already, and it cannot be taken over; look at 'ipvsadm -L -n'"
        case (.addDestination, EEXIST): return "it is there already; look at 'ipvsadm -L -n'"
        case (_, ESRCH): return "there is no such virtual service; somebody else changes the table, look for who calls ipvsadm"
        case (_, ENOENT): return "there is no such real server; somebody else changes the table, look for who calls ipvsadm"
        case (.addDestination, EINVAL), (.setDestination, EINVAL):
            return
                "it does not take this address or this way of forwarding; the address must be a unicast address of the service's family (another"
                + " family is for tunnels alone), and the interface lo must be up"
        case (.addService, EINVAL), (.setService, EINVAL):
            return "it does not take these settings; MAGLEV takes 4093 real servers at most"
        case (_, ERANGE): return "a weight or a threshold is out of range; the lower threshold must not be above the upper"
        case (_, EPERM), (_, EACCES):
            return "this process lacks the capability CAP_NET_ADMIN, which the drop-in lbaas-worker-ipvs.conf gives it"
        case (_, ENOMEM), (_, ENOBUFS): return "it has no memory left"
        case (_, EAFNOSUPPORT):
            return
                "it does without this address family; IPv6 is switched off on its command line (ipv6.disable=1), or it was built without CONFIG_IP_VS_IPV6"
        case (_, EPROTONOSUPPORT): return "it was built without this protocol"
        case (_, EMSGSIZE): return "the message is too long"
        default: return "\(errorText(number)) (\(number))"
        }
    }
}

extension ServiceSettings: CustomStringConvertible {
    /// `wlc`, `wrr, persistent for 300 s`.
    package var description: String {
        var text = scheduler.name
        if flags.contains(.persistent) { text += ", persistent for \(timeout) s" }
        if flags.contains(.onePacket) { text += ", one packet at a time" }
        if flags.contains(.fallback) { text += ", with fallback" }
        if flags.contains(.hashPort) { text += ", with ports" }
        if let persistenceEngine { text += ", by \(persistenceEngine)" }
        return text
    }
}

extension Destination: CustomStringConvertible {
    /// `NAT, weight 5`.
    package var description: String {
        var text = "\(forwarding), weight \(weight)"
        if upperThreshold > 0 || lowerThreshold > 0 { text += ", thresholds \(lowerThreshold) and \(upperThreshold)" }
        return text
    }
}

extension Destination.Forwarding: CustomStringConvertible {
    /// `NAT`, `DIRECT`, `GUE tunnel to port 6080 with checksum`.
    package var description: String {
        switch method {
        case 0: return "NAT"
        case 1: return "LOCAL"
        case 3: return "DIRECT"
        case 4: return "BYPASS"
        case 2:
            let kind = tunnelType == 0 ? "IPIP" : tunnelType == 1 ? "GUE" : tunnelType == 2 ? "GRE" : "type \(tunnelType)"
            let checksum = tunnelFlags == 0 ? "" : tunnelFlags == 1 ? " with checksum" : " with remote checksum"
            return "\(kind) tunnel" + (tunnelPort > 0 ? " to port \(tunnelPort)" : "") + checksum
        default: return "method \(method)"
        }
    }
}
