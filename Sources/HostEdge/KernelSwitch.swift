import Glibc
import HostSystem
package import LBaaS

/// Switches of the kernel that the services of a cluster need.
package enum KernelSwitch {
    /// The switches by which this host answers ARP requests for an address only where its interface has it, and asks from no other one.
    package static let strictARP: KeyValuePairs<String, UInt8> = ["net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2]

    /// Has the kernel track connections through IPVS, where it does not: without that, connections cannot be masqueraded.
    ///
    /// - Throws: where that cannot be set.
    package static func trackConnections(log: Log) throws(EdgeError) {
        // Without IPVS there is none.
        try set("net.ipv4.vs.conntrack", to: 1, because: "without it no client of a service is masqueraded", log)
    }

    /// Has this host answer for addresses of services to nobody on layer 2, where it does.
    ///
    /// - Throws: where that cannot be set.
    package static func hideFromARP(log: Log) throws(EdgeError) {
        for (name, value) in strictARP {
            try set(name, to: value, because: "without it this host answers ARP requests for addresses of services (strict_arp = no)", log)
        }
    }

    /// Sets a switch that is lower.
    private static func set(_ name: String, to value: UInt8, because reason: String, _ log: Log) throws(EdgeError) {
        let path = "/proc/sys/" + name.replacing(".", with: "/")
        guard let found = read(path) else { return }
        if let number = UInt8(found), number >= value { return }
        let file = Descriptor(owning: unsafe open(path, O_WRONLY | O_CLOEXEC))
        let text = Array("\(value)\n".utf8)
        let isSet = unsafe file.number >= 0 && text.withUnsafeBytes { unsafe write(file.number, $0.baseAddress, $0.count) == text.count }
        guard isSet else {
            throw EdgeError(
                .system,
                "\(name) is \(found) and cannot be set (\(HostSystem.errorText(errno))): \(reason); set it with 'sysctl -w \(name)=\(value)'"
            )
        }
        log.write(.info, "set a switch of the kernel", [("name", name), ("value", "\(value)"), ("was", found)])
    }

    private static func read(_ path: String) -> String? {
        let file = Descriptor(owning: unsafe open(path, O_RDONLY | O_CLOEXEC))
        var buffer = [UInt8](repeating: 0, count: 16)
        guard file.number >= 0, case .bytes(let count) = file.read(into: &buffer) else { return nil }
        return String(decoding: buffer.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
    }
}
