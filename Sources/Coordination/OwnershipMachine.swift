import Etcd

/// Decides who owns which name among the hosts of a cluster: events in, actions out. It has no clock and does nothing by itself.
///
/// Each host changes a key of its own all the time by comparing its revision (the heartbeat). Another host that sees no change for the
/// takeover time T deposes it, by comparing the same revision, and then claims its names, by comparing the revision of the deposed host's key
/// and those of the names. So a host that is deposed cannot renew its right, and learns it; and what a standby has seen last was sent
/// before it came, so the owner's right, which is counted from the time of sending, has ended by the margin before the standby's wait.
/// No lease of etcd's decides anything.
struct OwnershipMachine: Sendable {
    /// Which of the two requests that may be under way at a time.
    enum Lane: Hashable, Sendable, CaseIterable {
        case heartbeat
        case change
    }

    /// What happens.
    enum Event: Sendable {
        /// The time has come that `nextWake` tells.
        case tick
        /// This host takes part in a name, changes how, or takes part no more.
        case set(String, Candidacy?)
        /// This host gives a name up to another, which was checked by `refusal`.
        case failOver(String, to: String?)
        /// This host shares values.
        case share([SharedValue])
        /// This host takes an unattended name.
        case assume(String)
        /// This host gives everything up and ends.
        case stop
        /// All keys of the cluster were read.
        case snapshot(EtcdSnapshot, isRollback: Bool)
        /// Keys were changed.
        case changes([EtcdChange])
        /// The watch is there.
        case watching
        /// The watch is lost, and is opened again.
        case interrupted(String)
        /// A request ended, which was sent no earlier than then.
        case answered(Lane, sentAt: Duration, Result<EtcdTransactionResult, EtcdError>)
    }

    /// What is to be done, in order.
    enum Action: Sendable {
        case notify(OwnershipNotice)
        /// A request, whose answer comes as an event.
        case send(Lane, EtcdTransaction)
        /// Everything is given up.
        case stopped
    }

    /// A name that this host owns.
    struct Holding: Sendable {
        var policy: OwnershipPolicy
        /// The revision of the owner's record that says so; nil where it does not, and the name is kept or assumed all the same.
        var revision: Int?
        /// When it was given up, while it is kept until another host takes it.
        var releasedAt: Duration?
        /// Whether it was told as yielding: another host may have it, so this one must not say that it has.
        var isSilent = false
        /// The host that took it meanwhile, and when that was seen.
        var successor: (host: String, seenAt: Duration)?
    }

    /// A name that is to be given up in the store.
    struct Release: Sendable {
        /// How far it is.
        enum Phase: Sendable {
            /// The heir is asked whether it is there, while the name is kept. With the revision of the question once it is put.
            case asking(since: Duration, revision: Int?)
            /// The heir has answered, with this incarnation: the name is not kept any more, and the store is to say that it is the heir's.
            case handing(String)
            /// The name is not kept any more, and the store is to say that it is nobody's.
            case vacating
        }

        /// Who is to have it; nil for the best of those that claim it.
        var heir: String?
        var phase = Phase.vacating
    }

    /// Whether this host may use its key.
    enum Registration: Hashable, Sendable {
        /// It has not read the keys yet.
        case unknown
        /// Another worker has the id of this host, with its key at this revision.
        case refused(revision: Int)
        /// The key is at this revision, and this host is the next to change it.
        case open(revision: Int)
    }

    /// Whether requests and the watch work.
    enum Contact: Sendable {
        case good
        /// Something failed, and no heartbeat was answered since.
        case disturbed
    }

    /// A request of the change lane.
    enum Change: Hashable, Sendable {
        case ask([String: OwnerRecord])
        case vacate([String: OwnerRecord])
        case depose(String, HostRecord)
        case claim([String])
        case offer(OfferRecord)
        case wish(String)
        case share([SharedValue])
        case tellConflict
        case clearConflict(NoteRecord)
    }

    let settings: Settings
    let keys: ClusterKeys
    var view: StoreView
    var actions: [Action] = []
    /// When to send a tick; nil for never.
    var nextWake: Duration?

    var candidacies: [String: Candidacy] = [:]
    /// Since when each name has its candidacy, and since when it is healthy.
    var joinedAt: [String: Duration] = [:]
    var holdings: [String: Holding] = [:]
    var releases: [String: Release] = [:]
    /// The revision of the owner's record that this host wanted to change last, for each name that it gave up: the request may be carried
    /// out yet.
    var vacated: [String: Int] = [:]
    /// The names that were given up on request. They are not asked for again until they have another owner.
    var yielded: Set<String> = []
    /// The revisions of the owners' records that were asked for.
    var wished: [String: Int] = [:]

    /// The newest value of each name, as far as this host knows.
    var values: [String: SharedValue] = [:]
    /// The names of which the store has an older value, or none.
    var unshared: Set<String> = []

    var registration = Registration.unknown
    var validUntil: Duration?
    /// The revision of the heartbeat that the right began with, which was renewed without a gap since.
    var rightRevision = 0
    var sequence = 0
    /// The heartbeat under way; nil for none. `isObsolete` where the store was rolled back meanwhile.
    var beat: (isFinal: Bool, isObsolete: Bool)?
    var beatDue = Duration.zero
    /// The change under way, with the keys that it compares; nil for none.
    var change: (kind: Change, compared: [String], isObsolete: Bool)?
    var changeDue = Duration.zero

    var contact = Contact.good
    var isWatching = false
    var isConnected = false
    var lastContact: Duration
    var lastFailure = "etcd was not reached yet"
    /// Nobody is deposed before.
    var graceUntil = Duration.zero
    /// Nothing is claimed before.
    var claimsNotBefore = Duration.zero
    /// The revision of a store that was restored: what was put up to it may not hold any more.
    var rollbackRevision = 0
    var unattended: Set<String> = []
    /// The owners of names that this host was told not to own.
    var toldOwners: [String: String] = [:]
    var isRefusalTold = false
    var owesConflict = false
    var isStopping = false
    var isOver = false

    init(_ settings: Settings, now: Duration) {
        self.settings = settings
        keys = settings.keys
        view = StoreView(keys: settings.keys)
        lastContact = now
    }

    /// Takes an event.
    ///
    /// - Parameter now: the time of this host's clock, which never goes back.
    /// - Returns: what is to be done, in order.
    mutating func handle(_ event: Event, now: Duration) -> [Action] {
        if isOver { return [] }
        expire(now)
        switch event {
        case .tick: break
        case .set(let name, let candidacy): set(name, candidacy, now)
        case .failOver(let name, let host):
            yielded.insert(name)
            handOver(name, to: host, now)
        case .share(let values): share(values)
        case .assume(let name): assume(name)
        case .stop:
            isStopping = true
            for name in holdings.keys.sorted() { handOver(name, to: nil, now) }
        case .snapshot(let snapshot, let isRollback): take(snapshot, isRollback: isRollback, now)
        case .changes(let changes):
            isWatching = true
            for change in changes { view.take(change, now: now) }
        case .watching: isWatching = true
        case .interrupted(let reason):
            isWatching = false
            disturb(reason)
        case .answered(.heartbeat, let sentAt, let result): heartbeatAnswered(sentAt, result, now)
        case .answered(.change, _, let result): changeAnswered(result, now)
        }
        reconcileHoldings(now)
        takeOver(now)
        reconcileValues()
        plan(now)
        defer { actions = [] }
        return actions
    }

    /// Has `nextWake` no later than this.
    mutating func wake(at time: Duration) { nextWake = min(nextWake ?? time, time) }

    private mutating func plan(_ now: Duration) {
        nextWake = nil
        planRegistration(now)
        planWishesOfOthers(now)
        planHandovers(now)
        planChange(now)
        planHeartbeat(now)
        planHoldings(now)
        tellOwners()
        if isOver { nextWake = nil }
    }

    private mutating func take(_ snapshot: EtcdSnapshot, isRollback: Bool, _ now: Duration) {
        isWatching = true
        view.take(snapshot, isRollback: isRollback, now: now)
        if !isRollback { return }
        // Another host may own what the store says this one owns, and the other way round. What was asked of the store before is void.
        claimsNotBefore = now + settings.takeover
        rollbackRevision = snapshot.revision
        registration = .unknown
        beat?.isObsolete = true
        change?.isObsolete = true
        unshared = Set(values.keys)
        for name in holdings.keys { holdings[name]?.revision = nil }
        wished = [:]
    }

    /// Notes that something failed.
    mutating func disturb(_ reason: String) {
        contact = .disturbed
        lastFailure = reason
    }

    /// Whether this host's right is proven now.
    func hasRight(_ now: Duration) -> Bool { validUntil.map { now < $0 } ?? false }

    /// What other hosts take part in a name, are healthy and alive.
    func others(for name: String, _ now: Duration) -> [String: Int] {
        view.candidates(for: name, besides: settings.host, within: settings.takeover, now: now)
    }

    /// Why a name cannot be given up to a host; nil where it can.
    func refusal(of name: String, to host: String?, now: Duration) -> CoordinationError? {
        guard let holding = holdings[name], holding.releasedAt == nil, releases[name] == nil else { return .notOwner(name) }
        let others = others(for: name, now)
        return (host.map { others[$0] != nil } ?? !others.isEmpty) ? nil : .noCandidate(name, host)
    }
}

extension OwnershipMachine {
    /// Who this host is, and the times of the protocol.
    struct Settings: Sendable {
        let keys: ClusterKeys
        /// The id of this host.
        let host: String
        /// The id of this start of the worker.
        let incarnation: String
        /// What tells this process from others of the same host.
        let process: String
        /// T: how long a host is silent before another takes over.
        let takeover: Duration
        /// Whether a process of this host has certainly ended.
        let isGone: @Sendable (String) -> Bool

        /// R: how often a host changes its key.
        var renewal: Duration { takeover / 4 }
        /// M: by how much a right ends before a standby may act: for clocks that run at different rates, and for the time that acting takes.
        var margin: Duration { max(.milliseconds(300), takeover / 10) }
        /// The longest time that a request may take.
        let requestLimit = Duration.milliseconds(300)
        /// The longest time that the login of a user may take: etcd needs some 100 ms to check a password.
        let loginLimit = Duration.seconds(1)
        /// The pause behind a request that failed.
        let retryPause = Duration.milliseconds(10)
        /// How long nobody is deposed after etcd is reached again: the owners are given the time to renew their rights first.
        let grace = Duration.milliseconds(700)
        /// How long a host waits for each one that goes before it.
        let rankPause = Duration.milliseconds(50)
        /// How long an heir may take to say that it is there, while the name is kept.
        let questionLimit = Duration.milliseconds(500)
        /// How long a name is kept that was given up, for another host to take it.
        let handoverLimit = Duration.seconds(1)
        /// How long a name is kept that another host has taken: that host hears of it, and announces itself.
        let handoverOverlap = Duration.milliseconds(100)
        /// The most names that are claimed or given up at a time: each may have a wish that is deleted too, and etcd accepts 128 steps.
        let mostNames = 60
    }
}
