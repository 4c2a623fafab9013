import LBaaS

/// A step of ExaBGP's.
enum RouteStep: Hashable, Sendable {
    /// Tells its peers of an address.
    case announce(IPAddress)
    /// Tells them of it no more.
    case withdraw(IPAddress)

    /// The address.
    var address: IPAddress {
        switch self {
        case .announce(let address), .withdraw(let address): address
        }
    }
}

/// Which addresses should be announced, and which are, as far as is known: a state that takes what is told and what ExaBGP answers, and says
/// what is left to be done.
///
/// An address is announced while at least one of its services is up. ExaBGP may announce more than is wanted, be it that a worker before this
/// one left it, or that somebody lent a hand; and it may have forgotten what it was told. So what it announces is looked at from time to
/// time, and only the difference is done.
struct RouteTable: Sendable {
    /// Which addresses are never announced.
    let policy: RoutePolicy

    /// The services that are up, by their address.
    private var services: [IPAddress: Set<Service>] = [:]
    /// The addresses of services, up or down, of which it is not sure that ExaBGP does not announce them.
    private var claimed: Set<IPAddress> = []
    /// Those of ours that ExaBGP announces.
    private(set) var announced: Set<IPAddress> = []
    /// What it announced to whom when it was looked at last.
    private var listing: RouteListing?

    init(policy: RoutePolicy) { self.policy = policy }

    /// The addresses that should be announced.
    var wanted: Set<IPAddress> { Set(services.keys.filter(policy.allows)) }

    /// Takes how a service is.
    mutating func take(_ event: ServiceEvent) {
        // Every address of the host is none to announce.
        guard let address = event.service.listener.address, !address.isUnspecified else { return }
        claimed.insert(address)
        switch event.kind {
        case .up: services[address, default: []].insert(event.service)
        case .down:
            services[address]?.remove(event.service)
            if services[address]?.isEmpty ?? false { services[address] = nil }
        }
    }

    /// What is left to be done: the withdrawals first, each in the order of the addresses.
    var steps: [RouteStep] {
        let wanted = wanted
        return announced.subtracting(wanted).inOrder().map { .withdraw($0) } + wanted.subtracting(announced).inOrder().map { .announce($0) }
    }

    /// Takes what ExaBGP announces.
    ///
    /// Where it is another ExaBGP, or one that has another peer or has lost a route, everything that is wanted is announced anew: ExaBGP tells
    /// its peers only what they have not been told.
    ///
    /// - Parameter isNew: whether it is not known to be the ExaBGP of the last time.
    mutating func take(_ listing: RouteListing, isNew: Bool) {
        let wanted = wanted
        let own = listing.addresses.filter { claimed.contains($0) || wanted.contains($0) || policy.owns($0) }
        let isComplete = !isNew && (self.listing.map { listing.continues($0, of: wanted) } ?? false)
        announced = isComplete ? own : own.subtracting(wanted)
        claimed = own.union(services.keys)
        self.listing = listing
    }

    /// Takes that ExaBGP carried out a step.
    mutating func done(_ step: RouteStep) {
        switch step {
        case .announce(let address): announced.insert(address)
        case .withdraw(let address):
            announced.remove(address)
            if services[address] == nil { claimed.remove(address) }
        }
    }

    /// Wants nothing any more.
    mutating func clear() {
        claimed.formUnion(services.keys)
        services = [:]
    }
}

/// What the configuration says of addresses.
struct RoutePolicy: Sendable {
    /// Whether nothing is announced.
    var isSilent = false
    /// What is not announced.
    var silent: [AddressRange] = []
    /// What nobody else announces.
    var owned: [AddressRange] = []
    /// Whether there is a next hop for IPv6.
    var hasV6NextHop = false

    /// Whether an address may be announced.
    func allows(_ address: IPAddress) -> Bool { !silences(address) && !lacksNextHop(for: address) }

    /// Whether an address is not announced because that is asked for.
    func silences(_ address: IPAddress) -> Bool { isSilent || silent.contains { $0.contains(address) } }

    /// Whether there is no next hop for an address.
    func lacksNextHop(for address: IPAddress) -> Bool {
        if case .v6 = address { !hasV6NextHop } else { false }
    }

    /// Whether an address is announced by nobody but the worker.
    func owns(_ address: IPAddress) -> Bool { owned.contains { $0.contains(address) } }
}

extension Set<IPAddress> {
    /// The addresses in an order that is always the same.
    fileprivate func inOrder() -> [IPAddress] { sorted { $0.description < $1.description } }
}
