public import LBaaS

/// What a virtual IP is on this host now.
public struct VirtualIPStatus: Hashable, Sendable {
    /// Which it is.
    public var virtualIP: VirtualIP
    /// Its state.
    public var state: VirtualIPState
    /// Since when it has this state, in the time of CLOCK_BOOTTIME.
    public var since: Duration
    /// Whether the interface has the address. With ACTIVATED it may be missing for `reason`.
    public var isBound: Bool
    /// Why it is not as it should be, or why it changed last, in a sentence; nil where nothing is to be said.
    public var reason: String?
    /// Why this host could not serve the address now if it had it: the interface is missing, is down or has no carrier, the address is one
    /// of the host itself, or the kernel refuses it; nil where it could.
    public var fault: String?
    /// How many times it was announced.
    public var announcements: Int
    /// How many frames other hosts sent that claim the address while it was bound here.
    public var rivalFrames: Int

    /// Whether something differs that is told by a notice.
    func isNews(after old: VirtualIPStatus?) -> Bool {
        guard let old else { return true }
        return state != old.state || isBound != old.isBound || reason != old.reason || fault != old.fault
    }
}

/// What the core and the operator are told, in order, each as soon as it happened.
public enum VirtualIPNotice: Hashable, Sendable {
    /// The state of a virtual IP changed, whether it is bound, or what keeps it from being served.
    case changed(VirtualIPStatus)
    /// Nobody could tell who has an address, and no host answered for it: this one took it.
    case assumed(VirtualIP)
    /// Another host claims an address that is bound here. At most once a second for each address.
    ///
    /// - Parameter hardwareAddress: of that host, such as `02:00:00:00:00:02`.
    case rival(VirtualIP, hardwareAddress: String)
}

/// A virtual IP as the engine has it. An object, because each renewal of the rights goes through all records.
final class Record {
    var virtualIP: VirtualIP
    var state = VirtualIPState.booting
    var since: Duration
    /// Until when this host has the right to the address: nil for none, and an end of nil for one without end.
    var right: Right?
    /// Why the state changed last, where there is something to say.
    var reason: String?
    /// What keeps the address from being bound or used, or would.
    var obstacle: String?
    /// Why this host could not serve it now if it had it.
    var fault: String?
    /// Why the kernel refused to bind it, and when that was.
    var refusal: (reason: String, at: Duration)?
    var isBound = false
    /// Whether an earlier worker left the address bound, and nobody has said yet who has it.
    var isInherited = false
    /// Whether another host takes it over and announces it.
    var isYielding = false
    /// Whether another host may have it by now: this process was stopped for a while.
    var isDoubtful = false
    /// When the lifetime of the bound address was renewed last.
    var renewedAt: Duration?
    var schedule: AnnouncementSchedule?
    var announcements = 0
    var rivalFrames = 0
    var rivalToldAt: Duration?
    /// The search for another owner before the address is taken without a right.
    var search: OwnerSearch?
    /// How it was published last.
    var published: VirtualIPStatus?

    init(virtualIP: VirtualIP, since: Duration) { (self.virtualIP, self.since) = (virtualIP, since) }

    struct Right: Hashable {
        var end: Duration?

        func isValid(at now: Duration) -> Bool { end.map { $0 > now } ?? true }
    }

    /// After a refusal it is tried again so much later.
    static let retryPause: Duration = .seconds(1)

    /// Whether it is not to be announced, nor defended.
    var isSilent: Bool { isYielding || isDoubtful }

    /// Whether the kernel refused it just now.
    func isRefused(at now: Duration) -> Bool { refusal.map { now - $0.at < Self.retryPause } ?? false }

    /// Whether the address is to be bound.
    func isWanted(at now: Duration) -> Bool { state == .activated && right.map { $0.isValid(at: now) } ?? false }

    var status: VirtualIPStatus {
        VirtualIPStatus(
            virtualIP: virtualIP, state: state, since: since, isBound: isBound,
            reason: state == .activated ? obstacle ?? reason : reason ?? obstacle, fault: fault, announcements: announcements,
            rivalFrames: rivalFrames)
    }
}

/// Asks twice whether another host answers for an address.
struct OwnerSearch {
    static let probes = 2
    /// How long an answer is waited for.
    static let wait: Duration = .milliseconds(100)
    /// When the search begins anew after an answer.
    static let pause: Duration = .seconds(1)

    var sent = 0
    var next: Duration
}
