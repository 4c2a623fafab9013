import FleetModel

/// The wanted state of a worker as of one revision of the store.
struct WantedState: Sendable {
    /// A part, by the id of the listener or the address.
    typealias NamedPart = (name: String, part: FleetState.Part)

    let revision: Int
    /// In the order of their names.
    let loadBalancers: [NamedPart]
    let virtualIPs: [NamedPart]
    /// Whether the worker has virtual IPs of the fleet.
    let hasVirtualIPs: Bool
}

extension WantedState {
    /// The state of a worker, in no order yet.
    init(of worker: String, _ fleet: FleetState) {
        let wanted = fleet.wanted[worker]
        // Those that it got are taken from it where its group has no interface any more, or it left the group.
        let hasVirtualIPs =
            fleet.groups.values.contains { $0.interface != nil && $0.workers.contains(worker) }
            || wanted?.virtualIPs.isEmpty == false || fleet.settled[worker]?.record.hasVirtualIPs == true
        self.init(
            revision: fleet.revision, loadBalancers: (wanted?.loadBalancers ?? [:]).map { ($0.key, $0.value) },
            virtualIPs: (wanted?.virtualIPs ?? [:]).map { ($0.key, $0.value) }, hasVirtualIPs: hasVirtualIPs)
    }

    /// In an order, so that the same state is the same text. To be called outside of the lock of the cache.
    var ordered: WantedState {
        WantedState(
            revision: revision, loadBalancers: loadBalancers.sorted { $0.name < $1.name },
            virtualIPs: virtualIPs.sorted { $0.name < $1.name }, hasVirtualIPs: hasVirtualIPs)
    }
}

/// How the wanted state of a worker is brought to it: one job where it takes everything. What it refuses is left out of the next one; a worker names
/// all parts that it refuses for the same kind of reason at once, an old one a single part.
struct StateTransfer {
    /// What became of a job.
    enum Outcome: Equatable {
        /// The worker has everything but what was refused.
        case settled
        /// There is another job, without the parts that were refused.
        case again
        /// The worker has a newer state of this front.
        case older(than: Int, String)
        /// The worker could not do it, and the sentence is about no part.
        case failed(String)
    }

    let state: WantedState
    /// What was refused, by name.
    private(set) var refused: [String: SettledRecord.Refusal]

    /// - Parameter refused: what the worker has refused before: where a part is still the same, it is left out at once.
    init(_ state: WantedState, refused: [String: SettledRecord.Refusal] = [:]) {
        self.state = state
        let parts = Dictionary(
            (state.loadBalancers + state.virtualIPs).map { ($0.name, $0.part.revision) }, uniquingKeysWith: { first, _ in first })
        self.refused = refused.filter { parts[$0.key] == $0.value.revision }
    }

    private func left(_ parts: [WantedState.NamedPart]) -> [WantedState.NamedPart] {
        refused.isEmpty ? parts : parts.filter { refused[$0.name] == nil }
    }

    /// The names of the load balancers that the worker has once it is settled.
    var names: Set<String> { Set(left(state.loadBalancers).map(\.name)) }

    /// The next job.
    func job(front: String) -> [UInt8] {
        WorkerJob.update(
            front: front, revision: state.revision, loadBalancers: left(state.loadBalancers).map(\.part.text),
            virtualIPs: state.hasVirtualIPs ? left(state.virtualIPs).map(\.part.text) : nil)
    }

    /// Takes the answer to the last job.
    mutating func take(_ answer: WorkerAnswer) -> Outcome {
        guard let error = answer.error else { return .settled }
        if let revision = answer.revision, revision > state.revision { return .older(than: revision, error) }
        // The places are those of the job that was answered.
        let (loadBalancers, virtualIPs) = (left(state.loadBalancers), left(state.virtualIPs))
        let before = refused.count
        for sentence in answer.refusals.isEmpty ? [error] : answer.refusals {
            guard let place = RefusedPlace(sentence) else { return .failed(error) }
            let parts = place.isVirtualIP ? virtualIPs : loadBalancers
            guard parts.indices.contains(place.index) else { return .failed(error) }
            let (name, part) = parts[place.index]
            refused[name] = SettledRecord.Refusal(revision: part.revision, sentence: place.sentence)
        }
        return refused.count > before ? .again : .failed(error)
    }
}
