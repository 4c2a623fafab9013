import LBaaS
import Synchronization

/// What was done for a batch before the appliance is changed, while the batch is not decided on for good.
struct PreparedEffects {
    /// One effect.
    enum Effect: Hashable {
        /// A service goes down.
        case down(Service)
        /// Routers are not told of a service any more, which stays up.
        case withdrawal(Service)
        /// A load balancer needs an address.
        case address(LoadBalancerID, IPAddress)
    }

    /// Effects, with the changes that they are a part of.
    typealias Effects = [Effect: EffectiveChange]

    /// By step: what was done.
    var done: [Effects] = []
    /// The step that is to be waited for.
    var step = 0
    /// How often something was begun.
    var rounds = 0
    /// Its number among those in flight; 0 before it was one of them.
    fileprivate var number: UInt64 = 0

    /// Whether nothing was done.
    var isEmpty: Bool { done.allSatisfy(\.isEmpty) }
    /// The load balancers for which something was done.
    var ids: Set<LoadBalancerID> { Set(done.flatMap { $0.values.map(\.old.id) }) }
}

/// What was done for batches that wait before the appliance is changed. Such a batch comes again, and then does what is left or takes back
/// what it does not need any more. Meanwhile others must leave it done: they would take back for good what the batch relies on.
///
/// Touched by the holder of the stage's turn alone, so the lock is never waited for.
final class EffectsInFlight: Sendable {
    private struct State {
        var batches: [UInt64: PreparedEffects] = [:]
        var lastNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Whether no batch waits.
    var isEmpty: Bool { state.withLock { $0.batches.isEmpty } }

    /// Takes in what was done for a batch that waits from now on.
    func insert(_ effects: inout PreparedEffects) {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        effects.number = number
        state.withLock { [effects] in $0.batches[number] = effects }
    }

    /// Takes out what was done for a batch that has come again.
    func remove(_ effects: PreparedEffects) { state.withLock { $0.batches[effects.number] = nil } }

    /// A state, with what a step has done for batches that wait: services that were told to go have gone, and addresses are there.
    func kept(in state: EffectiveState, by step: Int) -> EffectiveState {
        let effects = self.state.withLock {
            $0.batches.isEmpty ? [] : $0.batches.values.flatMap { $0.done.indices.contains(step) ? Array($0.done[step].keys) : [] }
        }
        if effects.isEmpty { return state }
        var addresses: Set<IPAddress> = []
        var (isWithdrawn, isSilenced) = (false, false)
        for effect in effects {
            switch effect {
            case .down(let service): isWithdrawn = isWithdrawn || service == state.service?.service
            case .withdrawal(let service): isSilenced = isSilenced || service == state.service?.service
            case .address(let id, let address): if id == state.id { addresses.insert(address) }
            }
        }
        return (isSilenced ? state.silenced : state).keeping(addresses, isWithdrawn: isWithdrawn)
    }
}
