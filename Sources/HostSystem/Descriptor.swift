import CLinux
import Glibc

/// A file descriptor that is closed when nobody needs it any more.
package struct Descriptor: ~Copyable, Sendable {
    /// Its number; negative where it could not be opened.
    package let number: Int32

    /// Takes over a descriptor.
    package init(owning number: Int32) { self.number = number }

    deinit {
        if number >= 0 { close(number) }
    }

    /// Gives it away, for somebody else to close.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// What one read gives.
    package enum Reading: Equatable {
        /// So many bytes.
        case bytes(Int)
        /// Nothing now.
        case nothing
        /// Nothing any more.
        case end

        /// What a system call says that returns how many bytes it read: an error counts as the end.
        package init(_ count: Int) {
            self = count > 0 ? .bytes(count) : count < 0 && (errno == EAGAIN || errno == EINTR) ? .nothing : .end
        }
    }

    /// Reads into a buffer, once, from a descriptor that does not block. An error counts as the end.
    package borrowing func read(into buffer: inout [UInt8]) -> Reading {
        Reading(unsafe Glibc.read(number, &buffer, buffer.count))
    }

    /// Makes reading and writing return where they would block.
    package borrowing func neverBlock() { _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) }
}

/// Both ends of a pipe, which programs that are started do not inherit.
struct Pipe: ~Copyable, Sendable {
    let reading: Descriptor
    var writing: Descriptor

    /// A new pipe. Where the system has none its descriptors are negative, and `errno` has the reason.
    init(_ flags: Int32 = 0) {
        var ends: [Int32] = [-1, -1]
        _ = unsafe pipe2(&ends, O_CLOEXEC | flags)
        reading = Descriptor(owning: ends[0])
        writing = Descriptor(owning: ends[1])
    }
}

/// Waits until something happens to one of these descriptors, or a time has come. A negative descriptor stands for none.
///
/// - Returns: what happened to each, as in poll(2), in their order.
package func poll(_ descriptors: KeyValuePairs<Int32, Int32>, until deadline: Deadline) -> [Int32] {
    var polled = descriptors.map { pollfd(fd: $0.key, events: Int16(truncatingIfNeeded: $0.value), revents: 0) }
    var count: Int32 = 0
    repeat { count = unsafe Glibc.poll(&polled, nfds_t(polled.count), deadline.milliseconds) } while count < 0 && errno == EINTR
    return polled.map { count > 0 ? Int32($0.revents) : 0 }
}
