import LBaaS

/// Where the appliance runs something else than what should be in force. Mostly nowhere.
struct Divergence {
    /// What runs, where it is not what should; nil where nothing runs.
    private var running: [LoadBalancerID: LoadBalancer?] = [:]
    /// Those of them that are to be put right even where the load balancer that runs is the one that should: it runs in a way that a load
    /// balancer cannot tell.
    private var altered: Set<LoadBalancerID> = []

    var isEmpty: Bool { running.isEmpty }

    /// Whose load balancers run as something else, in their order.
    var ids: [LoadBalancerID] { running.isEmpty ? [] : running.keys.sorted() }

    /// Whether this one runs as something else.
    func contains(_ id: LoadBalancerID) -> Bool { running[id] != nil }

    /// Those that run as something else than they should, on one of these listeners, in their order.
    func ids(on listeners: Set<Listener>) -> [LoadBalancerID] {
        running.filter { $0.value.map { listeners.contains($0.listener) } ?? false }.keys.sorted()
    }

    /// What runs of a load balancer that should run as `effective`.
    func running(_ id: LoadBalancerID, effective: LoadBalancer?) -> LoadBalancer? {
        if let running = running[id] { return running }
        return effective
    }

    /// The step of a load balancer from what runs to what should; nil where it is none.
    func patch(_ id: LoadBalancerID, effective: LoadBalancer?, to new: LoadBalancer?, isForced: Bool = false) -> LoadBalancerPatch? {
        let running = running(id, effective: effective)
        return altered.contains(id)
            ? LoadBalancerPatch(restoring: running, to: new, isForced: isForced)
            : LoadBalancerPatch(from: running, to: new, isForced: isForced)
    }

    /// Takes what was found to run of a load balancer that should run as `effective`.
    mutating func note(_ found: LoadBalancer?, of id: LoadBalancerID, effective: LoadBalancer?, isAltered: Bool = false) {
        if isAltered {
            altered.insert(id)
            running.updateValue(found, forKey: id)
        } else {
            altered.remove(id)
            if found == effective { running[id] = nil } else { running.updateValue(found, forKey: id) }
        }
    }

    /// Takes it that this one runs as it should.
    mutating func forget(_ id: LoadBalancerID) {
        if running.isEmpty { return }
        running[id] = nil
        altered.remove(id)
    }

    /// Takes an observation of everything, in place of all that was known.
    mutating func take(_ observation: Observation, expected: [LoadBalancer]) {
        self = Divergence()
        take(observation, of: expected)
        let known = Set(expected.map(\.id))
        for loadBalancer in observation.running where !known.contains(loadBalancer.id) { running[loadBalancer.id] = loadBalancer }
    }

    /// Takes an observation of these load balancers.
    mutating func take(_ observation: Observation, of expected: [LoadBalancer]) {
        let found = Dictionary(observation.running.map { ($0.id, $0) }) { first, _ in first }
        for loadBalancer in expected {
            let id = loadBalancer.id
            note(found[id], of: id, effective: loadBalancer, isAltered: observation.altered.contains(id))
        }
    }
}
