import CLinux
import Glibc
import LBaaS

/// The real servers of services as the kernel's older interface has them (`IP_VS_SO_GET_DESTS`): one system call a service, where netlink takes
/// two and three times as long. It has IPv4 alone, and neither tunnels nor real servers of the other family, so that it only confirms what is
/// likely.
struct ServerLists: ~Copyable {
    private let descriptor: Int32
    /// Kept from question to question.
    private var memory: [UInt64] = []

    /// Opens a socket. Where that does not work, nothing is confirmed.
    init() { descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether a service has just these real servers, the last of them the newest. False also where it cannot be told.
    mutating func confirm(_ likely: Destinations, of key: ServiceKey) -> Bool {
        guard descriptor >= 0, key.family == .v4 else { return false }
        let (head, entry) = (MemoryLayout<ip_vs_get_dests>.stride, MemoryLayout<ip_vs_dest_entry>.stride)
        // One more than there should be, which stays empty. What there is not is not written to.
        let count = likely.count + 1
        let size = head + count * entry
        memory.removeAll(keepingCapacity: true)
        memory.append(contentsOf: repeatElement(0, count: (size + 7) / 8))
        return unsafe memory.withUnsafeMutableBytes { bytes in
            guard let list = unsafe bytes.baseAddress?.bindMemory(to: ip_vs_get_dests.self, capacity: 1) else { return false }
            unsafe list.pointee = ip_vs_get_dests(key, count: count)
            guard let found = unsafe ipvs_servers(descriptor, list, socklen_t(size)) else { return false }
            let entries = unsafe UnsafeBufferPointer(start: found, count: count)
            guard unsafe entries[count - 1].addr == 0 else { return false }
            return unsafe entries.dropLast().reversed().elementsEqual(likely) { $0.isSame(as: $1.1, at: $1.0) }
        }
    }
}

extension ip_vs_get_dests {
    /// A question for the real servers of a service of IPv4.
    fileprivate init(_ key: ServiceKey, count: Int) {
        self.init()
        num_dests = UInt32(count)
        switch key {
        case .address(.v4(let bits), let port, let number): (`protocol`, addr, self.port) = (number, bits.bigEndian, port.bigEndian)
        case .address(.v6, _, _): break
        case .firewallMark(let mark, _): fwmark = mark
        }
    }
}

extension ip_vs_dest_entry {
    /// Whether it is this real server.
    fileprivate func isSame(as destination: Destination, at key: DestinationKey) -> Bool {
        key.address == .v4(UInt32(bigEndian: addr)) && key.port == UInt16(bigEndian: port) && !destination.forwarding.isTunnel
            && conn_flags & 7 == destination.forwarding.method && UInt32(bitPattern: weight) == destination.weight
            && u_threshold == destination.upperThreshold && l_threshold == destination.lowerThreshold
    }
}
