import CLinux
import Glibc
import HostSystem
import LBaaS

/// Sends frames through any interface of the network namespace of the thread that makes it. Needs CAP_NET_RAW.
struct FrameSender: ~Copyable {
    private let descriptor: Descriptor

    init() throws(VirtualIPError) {
        descriptor = Descriptor(owning: packet_open(0, 0))
        if descriptor.number < 0 { throw .noSocket("a packet socket") }
    }

    /// What became of frames that were sent.
    struct Outcome: Equatable {
        var sent = 0
        /// The error number of the last one that was not sent: `ENOBUFS` where the fence, or a full queue, kept it; `ENETDOWN` or `ENXIO` where
        /// the interface is down or gone.
        var failure: Int32?
    }

    /// Sends frames, in as few system calls as possible. One that does not go does not keep the others.
    borrowing func send(_ frames: [(interface: Int32, bytes: [UInt8])]) -> Outcome {
        var outcome = Outcome()
        let packed = frames.map { packet_frame(interface: $0.interface, $0.bytes) }
        unsafe packed.withUnsafeBufferPointer { buffer in
            guard let first = buffer.baseAddress else { return }
            var next = 0
            while next < buffer.count {
                let sent = unsafe packet_send(descriptor.number, first + next, Int32(buffer.count - next))
                if sent > 0 {
                    outcome.sent += Int(sent)
                    next += Int(sent)
                } else if errno != EINTR {
                    outcome.failure = errno
                    next += 1
                }
            }
        }
        return outcome
    }
}

extension packet_frame {
    /// A frame; of one that is longer than there is room for, the beginning.
    fileprivate init(interface: Int32, _ frame: [UInt8]) {
        self.init()
        self.interface = interface
        unsafe withUnsafeMutableBytes(of: &bytes) { room in
            let count = min(frame.count, room.count)
            unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<count]).copyBytes(from: frame[..<count])
            length = UInt32(count)
        }
    }
}

/// Receives what other hosts say by ARP on one interface. Needs CAP_NET_RAW.
struct ARPListener: ~Copyable {
    let descriptor: Descriptor

    /// - Parameter interface: its number.
    init(interface: Int32) throws(VirtualIPError) {
        descriptor = Descriptor(owning: packet_open(0x0806, interface))
        if descriptor.number < 0 { throw .noSocket("a packet socket for ARP") }
    }

    /// Takes what is there, so many packets at most, without waiting.
    borrowing func take(into buffer: inout [UInt8], limit: Int = 256, _ body: (Claim) -> Void) {
        for _ in 0..<limit {
            let count = unsafe recv(descriptor.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                // After the interface went down there is one such error.
                if errno == ENETDOWN || errno == EINTR { continue }
                return
            }
            if let claim = Claim(arp: buffer[..<count]) { body(claim) }
        }
    }
}

/// Receives the neighbour advertisements of IPv6 on all interfaces. Needs CAP_NET_RAW.
struct AdvertisementListener: ~Copyable {
    let descriptor: Descriptor

    /// On a host without IPv6 it receives nothing.
    init() throws(VirtualIPError) {
        descriptor = Descriptor(owning: advertisement_open())
        if descriptor.number < 0, errno != EAFNOSUPPORT { throw .noSocket("a socket for ICMPv6") }
    }

    /// Takes what is there, so many messages at most, without waiting.
    borrowing func take(into buffer: inout [UInt8], limit: Int = 256, _ body: (_ interface: Int32, Claim) -> Void) {
        for _ in 0..<limit {
            var interface: Int32 = 0
            var hopLimit: Int32 = 0
            let count = unsafe advertisement_receive(descriptor.number, &buffer, buffer.count, &interface, &hopLimit)
            if count < 0 {
                if errno == EINTR { continue }
                return
            }
            // What was forwarded by a router is no advertisement.
            if hopLimit == 255, let claim = Claim(advertisement: buffer[..<count]) { body(interface, claim) }
        }
    }
}

extension VirtualIPError {
    /// What to do where the system does not let this process do what virtual IPs need.
    static let permissions =
        "virtual IPs need the capabilities CAP_NET_ADMIN and CAP_NET_RAW and sockets of AF_PACKET: turn on the drop-in lbaas-worker-vip.conf"

    /// There is no socket, for the reason in `errno`.
    static func noSocket(_ what: String) -> VirtualIPError {
        let number = errno
        let advice = number == EPERM || number == EAFNOSUPPORT ? "; \(permissions)" : ""
        return VirtualIPError(.system, "cannot open \(what): \(errorText(number))\(advice)")
    }
}
