import LBaaS
import Requests

/// What a batch of commitments comes to: what it does to the state, the appliance and the world, and what is answered.
struct Decision {
    /// The outcome of each commitment, provided that all of it is carried out.
    let outcomes: [Outcome]
    var draft: Draft
    /// What METRICS reports, and what counters ended and began with.
    var accounts: [LoadBalancerID: TrafficLedger.Account]
    /// The accounts as they were, for what is undone.
    var formerAccounts: [LoadBalancerID: TrafficLedger.Account?] = [:]
    /// The counters that ended and began with it.
    var counterChanges: [GroupOutcome] = []
    /// The deleted identities that the store forgets with it.
    var forgotten: [LoadBalancerID] = []
    /// The steps of the appliance.
    let groups: [PatchGroup]
    /// What the layers of effects around the appliance are to bring about; nothing where there are none.
    let changes: [EffectiveChange]
    /// What listeners are told.
    let events: ServiceEvents

    /// The services that listeners are told are going, before the appliance is changed.
    var servicesToldDown: Set<Service> { Set(events.before.map(\.service)) }

    /// The load balancers whose wanted state or facts change.
    var changedIDs: [LoadBalancerID] { draft.changes.changedIDs }
}

/// What became of the steps of the appliance.
enum AppliedSteps {
    /// All were carried out.
    case done
    /// Some failed: why the first of them did, and whose they are. What these run as now is to be asked: `possible` is what it may be.
    case failed(message: String, ids: [LoadBalancerID], possible: [LoadBalancer])
}
