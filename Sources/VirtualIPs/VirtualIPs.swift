import Dispatch
import HostSystem
public import LBaaS
import Netlink
import Synchronization

/// The virtual IPs of this host: binds and announces those that it has the right to, and nothing else.
///
/// Who has the right is decided by others, who call `grant` and `withdraw`; whether what is behind an address works, by those who call
/// `health`. All calls return at once, may come from any thread, and are carried out in their order by one thread of the room, which also
/// watches the host: an address that somebody removes is bound again, an interface that comes back is used, a right that ends is given up
/// without being told.
///
/// It belongs to the network namespace of the thread that calls `start`.
public final class VirtualIPs: Sendable {
    /// What holds for all virtual IPs.
    public struct Settings: Sendable {
        /// How long an address of the policy `at_most_one` stays at most where this process dies: the kernel removes it then. In whole
        /// seconds, at least 2; longer than any right that is granted. `ceil(T) + 1` where T is the silence until a takeover.
        public var lifetime: Int

        /// Whether other hosts take addresses over, and `extend` is called all the time while they do not. After this process was stopped for a
        /// while its addresses are announced only then: another host may have them by now.
        public var isShared: Bool

        /// Settings.
        public init(lifetime: Int = 6, isShared: Bool = false) {
            self.lifetime = max(2, lifetime)
            self.isShared = isShared
        }
    }

    private let mailbox: Mailbox

    /// Opens what is needed, takes over or removes what an earlier worker left, and starts the thread.
    ///
    /// An address of these that is bound already stays until somebody says who has it; any other address with our mark is removed.
    ///
    /// - Parameters:
    ///   - virtualIPs: each address once.
    ///   - notify: is told what happens, on the room's thread. It must not block.
    /// - Throws: `unsupported` where the kernel cannot fence and a policy wants it; `system` where a socket or a capability is missing.
    public static func start(
        _ virtualIPs: [VirtualIP], settings: Settings = Settings(), log: Log, notify: @escaping @Sendable (VirtualIPNotice) -> Void
    ) throws(VirtualIPError) -> VirtualIPs {
        let mailbox = Mailbox()
        let engine = try Engine(settings: settings, log: log, notify: notify, published: mailbox.published)
        try engine.begin(virtualIPs)
        let handedOver = HandedOver(engine)
        guard startThread({ handedOver.engine.run(mailbox) }) else {
            throw VirtualIPError(.system, "cannot start a thread for virtual IPs: the limit of processes is reached")
        }
        return VirtualIPs(mailbox: mailbox)
    }

    private init(mailbox: Mailbox) { self.mailbox = mailbox }

    /// Replaces the list of virtual IPs. One that is new begins as BOOTING; one that is not there any more is unbound; one with another
    /// interface or policy keeps its state.
    ///
    /// One for which there is a `refusal` is not bound as long as there is; its status says why.
    public func configure(_ virtualIPs: [VirtualIP]) { mailbox.post(.configure(virtualIPs)) }

    /// Why this host cannot have a virtual IP that is new: `invalid` where it is an address of the host itself, `unsupported` where the kernel
    /// cannot fence; nil where it can.
    public func refusal(of virtualIP: VirtualIP) -> VirtualIPError? {
        if let owner = conflict(of: virtualIP.address) {
            return VirtualIPError(.invalid, "\(virtualIP.address) cannot be a virtual IP: \(owner)")
        }
        if !virtualIP.isFenced { return nil }
        do throws(VirtualIPError) {
            try Fence.probe()
            return nil
        } catch {
            return error
        }
    }

    /// This host has the right to addresses: they are bound and announced, unless they are FAILING. To be called again for each renewal.
    ///
    /// - Parameter end: until when, in the time of CLOCK_BOOTTIME; nil for no end. What is over by then is given up without being told.
    ///   Addresses of the policy `at_least_one` are kept all the same, until `withdraw`.
    public func grant(_ addresses: [IPAddress], until end: Duration?) { mailbox.post(.grant(addresses, end)) }

    /// This host still has the right to all addresses that it had, and to those of the policy `at_most_one` until later than was told.
    ///
    /// - Parameter end: until when, in the time of CLOCK_BOOTTIME.
    public func extend(until end: Duration) { mailbox.post(.extend(end)) }

    /// Another host takes addresses over and announces them, or may do so: they stay bound and are announced no more, also where another host claims them.
    /// To be followed by `grant` or `withdraw`.
    public func yield(_ addresses: [IPAddress]) { mailbox.post(.yield(addresses)) }

    /// This host has no right to addresses, or not any more: they are unbound, and the fence is shut for them.
    ///
    /// - Parameter done: called on the room's thread when that is done: then another host may have them.
    public func withdraw(_ addresses: [IPAddress], done: @escaping @Sendable () -> Void = {}) { mailbox.post(.withdraw(addresses, done)) }

    /// Withdraws, and waits until it is done. Not to be called from `notify`.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where it was not done in that time.
    public func withdraw(_ addresses: [IPAddress], within limit: Duration) -> Bool {
        wait(within: limit) { done in withdraw(addresses, done: done) }
    }

    /// Nobody can tell who has the addresses, and that for so long that an owner must have given up or died. Those of the policy
    /// `at_least_one` are taken, if no host answers for them, which is asked twice and told by `VirtualIPNotice.assumed`; those of
    /// `at_most_one` stay as they are.
    public func fault(_ addresses: [IPAddress]) { mailbox.post(.fault(addresses)) }

    /// Whether what is behind an address works.
    ///
    /// - Parameter reason: why not, in a sentence.
    public func health(_ address: IPAddress, works: Bool, reason: String? = nil) { mailbox.post(.health(address, works, reason)) }

    /// Announces addresses again, by the whole schedule, where they are bound: neighbours may believe another host by now.
    public func announce(_ addresses: [IPAddress]) { mailbox.post(.announce(addresses)) }

    /// What the virtual IPs are now, in the order of their addresses' text.
    public var statuses: [VirtualIPStatus] {
        mailbox.published.value.withLock { $0.statuses.values.map { $0 } }.sorted {
            $0.virtualIP.address.description < $1.virtualIP.address.description
        }
    }

    /// Why an address cannot be a virtual IP of this host: it is one of the host itself; nil where it can.
    public func conflict(of address: IPAddress) -> String? { mailbox.published.value.withLock { $0.foreign[address] } }

    /// Ends. No call has an effect after it.
    ///
    /// - Parameters:
    ///   - keeping: whether addresses stay bound, for a worker that starts right after; those of `at_most_one` go by themselves where it does
    ///     not. Otherwise all are unbound, and the fence is removed.
    ///   - limit: the longest wait.
    /// - Returns: false where it was not done in that time.
    public func stop(keeping: Bool = false, within limit: Duration) -> Bool {
        wait(within: limit) { done in mailbox.post(.stop(keeping: keeping, done)) }
    }

    private func wait(within limit: Duration, _ start: (@escaping @Sendable () -> Void) -> Void) -> Bool {
        let done = DispatchSemaphore(value: 0)
        start { done.signal() }
        return done.wait(timeout: .now() + limit / .seconds(1)) == .success
    }
}

/// Is used by one thread only: it is handed over to it before that starts.
private final class HandedOver: @unchecked Sendable {
    let engine: Engine

    init(_ engine: Engine) { self.engine = engine }
}

/// What the room's thread is asked to do.
enum Command: Sendable {
    case configure([VirtualIP])
    case grant([IPAddress], Duration?)
    case extend(Duration)
    case yield([IPAddress])
    case withdraw([IPAddress], @Sendable () -> Void)
    case fault([IPAddress])
    case health(IPAddress, Bool, String?)
    case announce([IPAddress])
    case stop(keeping: Bool, @Sendable () -> Void)

    /// Tells those that wait for it.
    func complete() {
        switch self {
        case .withdraw(_, let done), .stop(_, let done): done()
        case .configure, .grant, .extend, .yield, .fault, .health, .announce: break
        }
    }
}

/// The way to the room's thread.
final class Mailbox: Sendable {
    let waker = Waker()
    let published = Published()
    /// Nil when the thread has ended.
    private let commands = Mutex<[Command]?>([])

    func post(_ command: Command) {
        let isTaken = commands.withLock { commands in
            commands?.append(command)
            return commands != nil
        }
        if isTaken { waker.wake() } else { command.complete() }
    }

    func take() -> [Command] {
        commands.withLock { commands in
            defer { commands = [] }
            return commands ?? []
        }
    }

    /// Takes no more. What was not taken is completed: nothing is bound any more.
    func close() {
        let rest = commands.withLock { commands in
            defer { commands = nil }
            return commands ?? []
        }
        rest.forEach { $0.complete() }
    }
}

/// What the room's thread tells all others.
final class Published: Sendable {
    struct Value {
        var statuses: [IPAddress: VirtualIPStatus] = [:]
        /// The addresses of the host itself, each with a sentence that says so.
        var foreign: [IPAddress: String] = [:]
    }

    let value = Mutex(Value())
}
