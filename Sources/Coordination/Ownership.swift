package import LBaaS

/// What is promised about the owners of a name.
package enum OwnershipPolicy: String, Hashable, Sendable, CaseIterable {
    /// Never two owners: an owner that cannot prove its right in time loses the name, also where nobody else can take it.
    case atMostOne = "at_most_one"
    /// Always an owner: one that cannot reach etcd keeps the name, so that there can be two until it can.
    case atLeastOne = "at_least_one"
}

/// How a host takes part in a name.
package struct Candidacy: Hashable, Sendable {
    /// 1 to 254: of the healthy hosts the one with the highest owns the name.
    package var priority: Int
    /// Whether it takes the name back, and gives it up to a host with a higher priority. The owner and the other host must both allow it.
    package var preemption: Preemption
    /// What is promised. It has to be the same on all hosts.
    package var policy: OwnershipPolicy
    /// Whether the host can serve the name now. One that cannot gives it up.
    package var isHealthy: Bool

    /// A candidacy.
    package init(priority: Int = 100, preemption: Preemption = .no, policy: OwnershipPolicy = .atLeastOne, isHealthy: Bool = true) {
        (self.priority, self.preemption, self.policy, self.isHealthy) = (priority, preemption, policy, isHealthy)
    }
}

/// Why a host does not own a name any more.
package enum LossReason: Hashable, Sendable, CustomStringConvertible {
    /// The right could not be renewed in time.
    case expired
    /// Another host took this one for dead.
    case deposed(by: String)
    /// Another host owns it.
    case takenOver(by: String)
    /// This host gave it up: it left, is not healthy, stops, or was told to fail over.
    case released
    /// Another worker has the identity of this host.
    case duplicateHost
    /// What the store has about it was changed from outside.
    case withdrawn

    /// The reason in words.
    package var description: String {
        switch self {
        case .expired: "the ownership could not be renewed in etcd in time"
        case .deposed(let host): "host \(host) took this host for dead"
        case .takenOver(let host): "host \(host) owns it"
        case .released: "it was given up"
        case .duplicateHost: "another worker has the id of this host"
        case .withdrawn: "its owner in etcd was changed from outside"
        }
    }
}

/// What a host is told about its names. Times are of `Clock.bootTime`.
package enum OwnershipNotice: Hashable, Sendable {
    /// It owns a name: until that time, unless it is extended; nil for no limit.
    case owned(String, until: Duration?)
    /// It still owns all its names, and those with the policy `atMostOne` until that time.
    case extended(until: Duration)
    /// It keeps a name with the policy `atLeastOne` that another host takes over, or may have by now, as this one has no right in the cluster.
    /// It must not contradict that host. `owned` or `lost` follows.
    case yielding(String)
    /// It does not own a name any more. Nobody else can own it before this call returns or the time is over that was told last.
    case lost(String, LossReason)
    /// It takes part in a name that another host owns. Told once for each owner: it is the first that a host hears of a name that is taken.
    case standby(String, owner: String)
    /// Nothing is known of a name with the policy `atLeastOne`, since etcd cannot be reached for three times the takeover time. Where nobody
    /// answers for it, `assume` makes this host an owner.
    case unattended(String)
    /// Another worker with this host's id runs, as a process that is described. This one owns nothing as long as the other has the id.
    case duplicateHost(process: String)
    /// Other hosts share values that are newer than those that this host has shared, or told before.
    case shared([SharedValue])
    /// etcd is reached, and this host is known there.
    case connected
    /// The right of this host could not be renewed, for this reason.
    case disconnected(String)
}

/// What is known about a name.
package struct OwnershipReport: Hashable, Sendable {
    /// The name.
    package let name: String
    /// The host that owns it; nil for none.
    package let owner: String?
    /// Whether that is this host, as it was told.
    package let isOwned: Bool

    /// What is known.
    package init(name: String, owner: String?, isOwned: Bool) { (self.name, self.owner, self.isOwned) = (name, owner, isOwned) }
}

/// A value that all hosts know by its name. Of two values of one name the one holds that has the higher number or, of the same number, the
/// greater host.
package struct SharedValue: Hashable, Sendable {
    /// The name: any text without a slash.
    package let name: String
    /// Tells newer values from older ones.
    package let number: Int64
    /// The host that made it.
    package let host: String
    /// The value; nil where it was removed.
    package let text: String?

    /// A value.
    package init(name: String, number: Int64, host: String, text: String?) {
        (self.name, self.number, self.host, self.text) = (name, number, host, text)
    }

    /// Whether it holds where there is another one of its name.
    func isNewer(than other: SharedValue) -> Bool { (number, host) > (other.number, other.host) }
}

/// Why a call of the room failed.
package struct CoordinationError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// A setting cannot be used.
        case configuration
        /// This host does not own the name.
        case notOwner
        /// No other host can own the name now.
        case noCandidate
        /// The system has no thread or memory to spare.
        case exhausted
    }

    /// What kind of failure it is.
    package let code: Code
    /// What went wrong, and what to do.
    package let message: String

    /// The message.
    package var description: String { message }

    /// A failure.
    package init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }
}

/// Who owns which name, among hosts that all want to.
///
/// Names are any text without a slash, such as addresses. What becomes of them is told by the function that `start` takes. It is called from
/// several threads, one call at a time, in order, as soon as it happens: it must not block, for the next call waits for it. It may call the
/// functions of this protocol, except `start` and `stop`.
package protocol Coordination: Sendable {
    /// Begins, and tells from now on what becomes of the names.
    func start(_ receive: @escaping @Sendable (OwnershipNotice) -> Void) throws(CoordinationError)

    /// Takes part in a name, or changes how; nil takes part no more.
    func set(_ name: String, _ candidacy: Candidacy?)

    /// Gives a name up to another host, or to the best of the others where none is named.
    ///
    /// - Throws: `notOwner`, and `noCandidate` where no other host takes part in it and is alive.
    func failOver(_ name: String, to host: String?) throws(CoordinationError)

    /// Why a name cannot be given up to another host, or to the best of the others where none is named; nil where it can.
    func refusal(ofFailingOver name: String, to host: String?) -> CoordinationError?

    /// Shares values with the other hosts, now and whenever the store does not have them. What others share is told by `shared`.
    func share(_ values: [SharedValue])

    /// Takes a name with the policy `atLeastOne` that was told as `unattended`. It has no effect where etcd was reached meanwhile.
    func assume(_ name: String)

    /// What is known about all names, in their order.
    func report() -> [OwnershipReport]

    /// Ends. Nothing is told any more when it returns.
    ///
    /// - Parameters:
    ///   - releasing: whether the names are given up, so that other hosts own them at once. Otherwise a worker that starts on this host
    ///     again within the takeover time goes on as their owner.
    ///   - limit: the longest that it may take.
    /// - Returns: false where it could not do all of it in time. The other hosts own the names after the takeover time then.
    func stop(releasing: Bool, within limit: Duration) -> Bool
}
