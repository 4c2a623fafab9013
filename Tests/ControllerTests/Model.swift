import LBaaS
import Requests
import TestSupport

/// What a worker should hold, told as simply as can be.
struct Model {
    private(set) var balancers: [String: LoadBalancer] = [:]
    private var deleted: Set<String> = []

    /// Carries a change out; false where it must be refused, and then nothing of it is.
    mutating func apply(_ change: WantedChange) -> Bool {
        var next = balancers
        switch change {
        case .update(let wanted):
            next = [:]
            for balancer in wanted { next[balancer.id.text] = balancer }
        case .create(let wanted):
            for balancer in wanted { next[balancer.id.text] = balancer }
        case .suspend(let selection), .enable(let selection):
            let isSuspended = if case .suspend = change { true } else { false }
            for id in named(by: selection) {
                if next[id] == nil { return false }
                next[id]?.isSuspended = isSuspended
            }
        case .delete(let selection):
            for id in named(by: selection) {
                if next[id] == nil, !deleted.contains(id) { return false }
                next[id] = nil
            }
        case .routes: return true
        case .virtualIPs(_, let other): return other.map { apply($0) } ?? true
        }
        let all = Array(next.values)
        for (index, one) in all.enumerated() where all[..<index].contains(where: { overlap($0.listener, one.listener) }) { return false }
        deleted.formUnion(Set(balancers.keys).subtracting(next.keys))
        deleted.subtract(next.keys)
        balancers = next
        return true
    }

    private func named(by selection: Selection) -> [String] {
        switch selection {
        case .all: Array(balancers.keys)
        case .named(let ids): ids.map(\.text)
        }
    }

    private func overlap(_ one: Listener, _ other: Listener) -> Bool {
        guard one.port == other.port, one.transport == other.transport else { return false }
        guard let left = one.address, let right = other.address else { return true }
        if left == right { return true }
        return (left.isUnspecified || right.isUnspecified) && isV4(left) == isV4(right)
    }

    private func isV4(_ address: IPAddress) -> Bool {
        if case .v4 = address { true } else { false }
    }
}

extension WantedChange {
    /// A change of a few of six load balancers on five ports, so that most of them meet others.
    static func random(using generator: inout SeededGenerator) -> WantedChange {
        let names = ["a", "b", "c", "d", "e", "f"].shuffled(using: &generator).prefix(.random(in: 0...3, using: &generator))
        let selection = Bool.random(using: &generator) ? Selection.named(names.map { LoadBalancerID($0) }) : .all
        switch Int.random(in: 0..<12, using: &generator) {
        case 0...1: return .update(names.map { .random($0, using: &generator) })
        case 2...7: return .create(names.map { .random($0, using: &generator) })
        case 8: return .suspend(selection)
        case 9: return .enable(selection)
        default: return .delete(.named(names.map { LoadBalancerID($0) }))
        }
    }
}

extension LoadBalancer {
    fileprivate static func random(_ id: String, using generator: inout SeededGenerator) -> LoadBalancer {
        let addresses: [String?] = [nil, "0.0.0.0", "::", "10.0.0.9", "10.0.0.9", "10.0.0.8", "fd00::9"]
        return balancer(
            id, .random(in: 1...5, using: &generator), weight: .random(in: 0...2, using: &generator),
            address: addresses.randomElement(using: &generator) ?? nil)
    }
}
