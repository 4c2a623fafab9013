import CLinux
import Glibc
import HostSystem

/// What of the engine a descriptor belongs to.
enum Source {
    /// There are commands.
    case commands
    /// A check under way.
    case check(Ticket)
    /// A socket of libcurl's.
    case transfer(Int32)
    /// A socket for echoes, by its place.
    case echoes(Int)
    /// A program that has ended or was killed, by its descriptor.
    case programEnding(Int32)
}

/// When to be told of a descriptor.
struct Readiness: OptionSet {
    let rawValue: UInt32

    static let input = Readiness(rawValue: EPOLLIN.rawValue)
    static let output = Readiness(rawValue: EPOLLOUT.rawValue)
    /// Told always, asked for or not.
    static let failure = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}

/// The descriptors that are waited for (epoll).
@safe final class Poller {
    private let descriptor: Descriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>

    init() throws(HealthCheckError) {
        descriptor = Descriptor(owning: epoll_create1(Int32(EPOLL_CLOEXEC)))
        unsafe events = .allocate(capacity: 512)
        guard descriptor.number >= 0 else { throw HealthCheckError(.system, "cannot wait for descriptors", because: errno) }
    }

    deinit { unsafe events.deallocate() }

    /// Waits for a descriptor from now on, until it is closed or forgotten.
    func add(_ number: Int32, for readiness: Readiness, as source: Source) throws(SystemFailure) {
        try control(EPOLL_CTL_ADD, number, readiness, source)
    }

    /// Waits for a descriptor in another way.
    func change(_ number: Int32, to readiness: Readiness, as source: Source) throws(SystemFailure) {
        try control(EPOLL_CTL_MOD, number, readiness, source)
    }

    /// Waits for a descriptor no more.
    func forget(_ number: Int32) { epoll_ctl(descriptor.number, EPOLL_CTL_DEL, number, nil) }

    private func control(_ operation: Int32, _ number: Int32, _ readiness: Readiness, _ source: Source) throws(SystemFailure) {
        var event = unsafe epoll_event()
        unsafe event.events = readiness.rawValue
        unsafe event.data.u64 = source.code
        guard unsafe epoll_ctl(descriptor.number, operation, number, &event) == 0 else {
            throw SystemFailure("cannot wait for a descriptor")
        }
    }

    /// Waits, and hands on what is ready.
    ///
    /// - Parameters:
    ///   - milliseconds: the longest wait.
    ///   - woken: called when the wait is over.
    /// - Returns: false where there may be more that is ready.
    func wait(milliseconds: Int32, woken: () -> Void, each body: (Source, Readiness) -> Void) -> Bool {
        let count = unsafe epoll_wait(descriptor.number, events.baseAddress, Int32(events.count), milliseconds)
        woken()
        for index in 0..<max(Int(count), 0) {
            let event = unsafe events[index]
            if let source = Source(code: unsafe event.data.u64) { body(source, Readiness(rawValue: unsafe event.events)) }
        }
        return unsafe Int(count) < events.count
    }
}

/// One try of a check. A try that was given up has a ticket that no check holds.
struct Ticket: Hashable {
    /// The place of the check.
    let slot: UInt32
    /// Which of all tries it is; after four thousand million they begin anew.
    let number: UInt32
}

extension Ticket {
    /// Reads what `code` gives.
    init(code: UInt64) { self.init(slot: UInt32(truncatingIfNeeded: code >> 32), number: UInt32(truncatingIfNeeded: code)) }

    /// Both numbers in one.
    var code: UInt64 { UInt64(slot) << 32 | UInt64(number) }
}

extension Source {
    /// The highest three bits tell what it is. A ticket's slot has 29 bits.
    fileprivate var code: UInt64 {
        switch self {
        case .commands: 0
        case .check(let ticket): 1 << 61 | ticket.code
        case .transfer(let number): 2 << 61 | UInt64(UInt32(bitPattern: number))
        case .echoes(let place): 3 << 61 | UInt64(place)
        case .programEnding(let number): 4 << 61 | UInt64(UInt32(bitPattern: number))
        }
    }

    fileprivate init?(code: UInt64) {
        let rest = code & (1 << 61 - 1)
        switch code >> 61 {
        case 0: self = .commands
        case 1: self = .check(Ticket(code: rest))
        case 2: self = .transfer(Int32(truncatingIfNeeded: rest))
        case 3: self = .echoes(Int(rest))
        case 4: self = .programEnding(Int32(truncatingIfNeeded: rest))
        default: return nil
        }
    }
}
