import CLinux
import Glibc
import HostSystem

/// The descriptors that the room's thread waits for, as one; and the ARP listeners, one for each interface with virtual IPs.
struct Listeners: ~Copyable {
    /// Readable where one of the others is.
    let descriptor = Descriptor(owning: epoll_create1(Int32(EPOLL_CLOEXEC)))
    private var listeners: [Int32: Box] = [:]
    /// Interfaces that cannot be listened on, each told once.
    private var failed: Set<Int32> = []

    private final class Box {
        let listener: ARPListener

        init(_ listener: consuming ARPListener) { self.listener = listener }
    }

    /// Waits for a descriptor, too; it leaves when it is closed.
    borrowing func watch(_ number: Int32) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.fd = number
        _ = unsafe epoll_ctl(descriptor.number, EPOLL_CTL_ADD, number, &event)
    }

    /// Listens on these interfaces, by their numbers, and on no others.
    mutating func listen(on interfaces: Set<Int32>, failure: (String) -> Void) {
        for interface in listeners.keys where !interfaces.contains(interface) { listeners[interface] = nil }
        failed.formIntersection(interfaces)
        for interface in interfaces where listeners[interface] == nil && !failed.contains(interface) {
            do throws(VirtualIPError) {
                let listener = try ARPListener(interface: interface)
                watch(listener.descriptor.number)
                listeners[interface] = Box(listener)
            } catch {
                failed.insert(interface)
                failure("cannot listen for other hosts that claim virtual IPs: \(error)")
            }
        }
    }

    /// Takes what other hosts said by ARP, without waiting.
    borrowing func take(into buffer: inout [UInt8], _ body: (_ interface: Int32, Claim) -> Void) {
        for (interface, box) in listeners { box.listener.take(into: &buffer) { body(interface, $0) } }
    }
}
