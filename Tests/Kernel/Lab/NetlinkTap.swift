import Glibc
import TestSupport

/// Hears all that processes tell the kernel over generic netlink in one namespace, whoever they are.
final class NetlinkTap {
    private let namespace: Namespace
    private let descriptor: Int32

    /// Hears from now on. There can be one at a time.
    init(in namespace: Namespace) throws {
        self.namespace = namespace
        try namespace.ip("link add tap0 type nlmon\nlink set tap0 up")
        let packets = Int32(AF_PACKET)
        let descriptor = try namespace.run {
            let descriptor = socket(packets, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw systemError("cannot make a packet socket") }
            // struct sockaddr_ll: the family, every protocol, and the interface.
            var address = [UInt8](repeating: 0, count: 20)
            address.withUnsafeMutableBytes {
                $0.storeBytes(of: UInt16(packets), as: UInt16.self)
                $0.storeBytes(of: UInt16(3).bigEndian, toByteOffset: 2, as: UInt16.self)
                $0.storeBytes(of: if_nametoindex("tap0"), toByteOffset: 4, as: UInt32.self)
            }
            let code = address.withUnsafeBytes {
                bind(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
            }
            guard code == 0 else { throw systemError("cannot hear the namespace's netlink") }
            return descriptor
        }
        self.descriptor = descriptor
        var size: Int32 = 4 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The namespace may outlive it, and be heard by another test.
    deinit {
        close(descriptor)
        try? namespace.ip("link del tap0")
    }

    /// How many messages told the kernel to change its IPVS since this was asked last.
    func takeWrites() throws -> Int {
        var writes = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            var sender = [UInt8](repeating: 0, count: 20)
            let count = sender.withUnsafeMutableBytes { sender in
                var size = socklen_t(sender.count)
                return recvfrom(descriptor, &buffer, buffer.count, 0, sender.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
            }
            guard count >= 0 else {
                if errno == EAGAIN { return writes }
                throw systemError("cannot hear the namespace's netlink")
            }
            // Of generic netlink.
            guard sender[3] == 16 else { continue }
            writes += buffer[..<count].withUnsafeBytes(Self.writes)
        }
    }

    /// Each message has its length, its type, which is the family, flags, of which the first says that it is to the kernel, and behind a
    /// header of 16 bytes its command.
    private static func writes(_ bytes: UnsafeRawBufferPointer) -> Int {
        var (writes, start) = (0, 0)
        while start + 20 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self))
            let family = bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt16.self)
            let isRequest = bytes[start + 6] & 1 == 1
            // 16 is who tells families' numbers. Of those that ask, services 4, real servers 8, daemons 11, timeouts 13 and the kernel 15.
            if family > 16, isRequest, ![4, 8, 11, 13, 15].contains(bytes[start + 16]) { writes += 1 }
            guard length >= 16 else { return writes }
            start += (length + 3) / 4 * 4
        }
        return writes
    }
}
