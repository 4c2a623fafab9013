import LBaaS

/// What a driver is asked to do, in the words of its configuration section.
enum Operation: String, CaseIterable {
    case create, update, suspend, enable, delete, observe, status, statistics, archive

    /// The names of all, for an operator to choose from.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension LoadBalancerPatch {
    /// What the step amounts to. A creation of a suspended load balancer is two operations, and so is a change that also suspends or enables.
    var verbs: [Operation] {
        switch loadBalancer {
        case .create(let new): return new.isSuspended ? [.create, .suspend] : [.create]
        case .delete: return [.delete]
        case .update(var old, let new):
            if old.isSuspended == new.isSuspended { return [.update] }
            let turn = new.isSuspended ? Operation.suspend : .enable
            old.isSuspended = new.isSuspended
            return old == new ? [turn] : [.update, turn]
        }
    }
}
