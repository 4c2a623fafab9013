/// What listens to the events of services: a program, a log.
///
/// The worker tells every listener the same, in this order:
///
/// 1. once, before anything else, how each service is (`begin`);
/// 2. what changes, as it changes (`notify`): a service that comes up when the appliance serves it, one that goes down or away before
///    its port is closed. Before that the worker waits, for a limited time, until the event is handed on (`flush`). Nothing else waits for
///    a listener;
/// 3. that it ends (`stop`).
///
/// A service is a load balancer on a listener. One that moves to another listener is two services: the old one goes down, the new one
/// comes up. That a service is told twice to be what it is does no harm.
///
/// None of these blocks, but for as long as `flush` and `stop` are given: what is slow is done by a thread of the listener's own.
/// All of them may be called from any thread.
public protocol EventListener: Sendable {
    /// Takes how each service is at the start of the worker, those that are down among them: what was told of them before may be no longer
    /// true. Called once, before anything else.
    func begin(_ services: [ServiceEvent])

    /// Takes what changed, in order.
    func notify(_ events: [ServiceEvent])

    /// Waits until everything told so far is handed on.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where it was not handed on in that time, or cannot be now, which is found out without a wait. It is handed on
    ///   as soon as it can be, or what replaces it.
    func flush(within limit: Duration) -> Bool

    /// Hands on what is not handed on yet, and ends. What is told after it is told to nobody.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where something was not handed on in that time.
    func stop(within limit: Duration) -> Bool
}

/// What a section `[notifier:NAME]` of the configuration file makes.
public enum Notifier: Sendable {
    /// Has a state of its own, and is a layer of effects.
    case actuator(any Actuator)
    /// Is told of events.
    case listener(any EventListener)

    /// Hands on what is not handed on yet, and ends.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where something was not handed on in that time.
    public func stop(within limit: Duration) -> Bool {
        switch self {
        case .actuator(let actuator): actuator.stop(within: limit)
        case .listener(let listener): listener.stop(within: limit)
        }
    }
}

/// A service: a load balancer on a listener.
public struct Service: Hashable, Sendable {
    /// Whose it is.
    public let loadBalancer: LoadBalancerID
    /// Where it listens.
    public let listener: Listener

    /// A service of this load balancer.
    public init(loadBalancer: LoadBalancerID, listener: Listener) {
        self.loadBalancer = loadBalancer
        self.listener = listener
    }
}

/// What the world may want to know of a service.
public struct ServiceEvent: Hashable, Sendable {
    /// How a service is. The raw value is its name in what is handed on.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// It serves, and has its quorum.
        case up = "UP"
        /// It lost its quorum, or does not serve: it is suspended, deleted, moved or has no nodes.
        case down = "DOWN"
    }

    /// Which service.
    public let service: Service
    /// How it is now.
    public let kind: Kind
    /// Why, in words for an operator, such as `weight 2 of 5, quorum 3`, `suspended` or `deleted`; nil where nobody knows.
    public let reason: String?
    /// The weight of its nodes that are in service.
    public let weight: UInt64
    /// The weight that it needs; nil for any.
    public let quorum: UInt32?
    /// When it became so.
    public let time: Timestamp

    /// What is to be known of a service.
    public init(_ kind: Kind, _ service: Service, reason: String? = nil, weight: UInt64, quorum: UInt32? = nil, time: Timestamp) {
        self.kind = kind
        self.service = service
        self.reason = reason
        self.weight = weight
        self.quorum = quorum
        self.time = time
    }
}

extension ServiceEvent {
    /// The event as the fields of a log line.
    public var fields: [Log.Field] {
        var fields: [Log.Field] = [("load_balancer", service.loadBalancer.text), ("listener", service.listener.description)]
        fields.append(("weight", String(weight)))
        if let quorum { fields.append(("quorum", String(quorum))) }
        if let reason { fields.append(("reason", reason)) }
        return fields
    }
}
