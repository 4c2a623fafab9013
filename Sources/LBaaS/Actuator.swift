/// The layers of effects of a host, from the lowest to the highest. What comes up comes from the lowest to the highest, what goes down goes
/// from the highest to the lowest.
public enum EffectLayer: Int, Hashable, Sendable, CaseIterable, Comparable {
    /// Addresses that are bound to interfaces.
    case addresses
    /// The appliance that carries traffic: what the driver is for.
    case appliance
    /// Local routes and packet sets that lead traffic to the appliance.
    case edge
    /// Routes that are announced to routers.
    case routes

    /// Lower layers come before higher ones.
    public static func < (one: EffectLayer, other: EffectLayer) -> Bool { one.rawValue < other.rawValue }
}

/// Brings about the effects of one layer. That of the layer `appliance` is the driver, all others are actuators.
///
/// An actuator takes the effective states at the start (`begin`), and then, of each change, what is to be added and what is to be removed
/// (`add`, `remove`). In a layer above the appliance what goes is removed before the appliance is changed, and what comes is added when the
/// appliance serves it and the change is durable. In a layer below it what comes is added before, and what goes is removed after.
///
/// Both are told with the same changes. A change that fails is taken back with the opposite changes: what was removed is added again, and
/// the other way round. So both may ask for what is already done, and for a part of a change only. None of them blocks, but for as long as
/// `flush` and `stop` are given: what is slow is done by a thread of the actuator's own. All of them may be called from any thread.
public protocol Actuator: Sendable {
    /// The layer.
    var layer: EffectLayer { get }

    /// Takes the effective states at the start of the worker. Called once, before anything else. What the host has is compared with them:
    /// what is missing is added, and what an earlier worker left is removed.
    func begin(_ states: [EffectiveState])

    /// Adds what the new states have and the old ones had not, and then removes what is not needed any more because something that was
    /// added has taken its place.
    func add(_ changes: [EffectiveChange])

    /// Removes what the old states had and the new ones have not, unless something else of these changes takes its place.
    func remove(_ changes: [EffectiveChange])

    /// Waits until everything told so far is done.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where it was not done in that time, or cannot be now, which is found out without a wait. It is done as soon as it
    ///   can be.
    func flush(within limit: Duration) -> Bool

    /// Does what is not done yet, and ends. What is told after it has no effect.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where something was not done in that time.
    func stop(within limit: Duration) -> Bool
}
