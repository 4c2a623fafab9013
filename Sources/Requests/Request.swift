public import LBaaS

/// What an intake asks of the core.
public enum Request: Sendable {
    /// UPDATE, CREATE, SUSPEND, ENABLE or DELETE.
    case change(WantedChange, ChangeOptions)
    /// STATS.
    case status(Selection)
    /// METRICS, with how many connections there are now where that is asked for.
    case metrics(Selection, hasConnections: Bool)
    /// DISCOVER.
    case discover
    /// ARCHIVE.
    case archive(ArchiveOrder)
    /// DIAGNOSTICS.
    case diagnostics
}

/// How a request wants its change made.
public struct ChangeOptions: Hashable, Sendable {
    /// Whether it only asks what would be done.
    public let isDryRun: Bool
    /// Whether what leaves does so at once, without finishing what it has.
    public let isForced: Bool
    /// The revision at which its client has read the load balancers that it names: where one of them was changed since, the request is
    /// refused with the code `precondition`. 0 where none of them may be there. Nil where that does not matter.
    public let expectedRevision: UInt64?
    /// Which state of the front of a fleet it brings. Where an older one than this worker has from the same front, the request is refused with
    /// the code `precondition`. Nil where it is from no front.
    public let front: FrontRevision?

    /// Options.
    public init(isDryRun: Bool = false, isForced: Bool = false, expectedRevision: UInt64? = nil, front: FrontRevision? = nil) {
        self.isDryRun = isDryRun
        self.isForced = isForced
        self.expectedRevision = expectedRevision
        self.front = front
    }
}

/// A state of the front of a fleet.
public struct FrontRevision: Hashable, Sendable {
    /// The name of the front; empty where it gives none.
    public let name: String
    /// The number of the state, which grows with each.
    public let number: UInt64

    /// A state.
    public init(name: String = "", number: UInt64) { (self.name, self.number) = (name, number) }
}

/// What a request wants changed.
public enum WantedChange: Sendable {
    /// These load balancers and no others.
    case update([LoadBalancer])
    /// These load balancers, and all others as they are.
    case create([LoadBalancer])
    /// Keep, and stop serving.
    case suspend(Selection)
    /// Serve again.
    case enable(Selection)
    /// Forget.
    case delete(Selection)
    /// Stop the routes that routers are told, or start them again.
    case routes(RouteChange)
    /// Change virtual IPs and, with them, load balancers; nil for none of these.
    indirect case virtualIPs(VirtualIPChange, with: WantedChange?)
}

/// Which load balancers a request means.
public enum Selection: Hashable, Sendable {
    /// Every one.
    case all
    /// These, in the order of the request, each once.
    case named([LoadBalancerID])
}

extension Request {
    /// The load balancers that it names, in its order.
    public var loadBalancers: [LoadBalancerID] {
        switch self {
        case .change(let change, _): change.loadBalancers
        case .status(let selection), .metrics(let selection, _):
            if case .named(let ids) = selection { ids } else { [] }
        case .archive(let order): [order.loadBalancer]
        case .discover, .diagnostics: []
        }
    }

    /// The virtual IPs that it names, in its order.
    public var virtualIPs: [IPAddress] { if case .change(let change, _) = self { change.addresses } else { [] } }

    /// Whether it only asks what a change would do.
    public var isDryRun: Bool {
        if case .change(_, let options) = self { options.isDryRun } else { false }
    }
}

/// Who makes a request.
public struct Origin: Hashable, Sendable {
    /// Whose entries of the wanted state it may change.
    public let source: WantedState.Source
    /// Which request it is, for the journal: the handle of a job, `api:NAME`, `keepalived:ADDRESS`; empty where there is none.
    public let name: String

    /// An origin.
    public init(_ source: WantedState.Source, name: String = "") {
        self.source = source
        self.name = name
    }

    /// A client whose request has no name.
    public static let jobs = Origin(.jobs)

    /// Where the load balancer at this place of the request stands, for a sentence.
    public func path(to index: Int, _ id: LoadBalancerID) -> String {
        switch source {
        case .jobs: "loadBalancers[\(index)]"
        case .file: "[service:\(id.text)]"
        case .kubernetes, .keepalived: "service \(quoted(id.text))"
        }
    }

    /// Where a field of it stands.
    public func path(to index: Int, _ id: LoadBalancerID, field: String) -> String {
        path(to: index, id) + (source == .jobs ? "." : " ") + field
    }
}

extension WantedChange {
    /// What the change is called in the journal: the action of a job.
    public var name: String {
        switch self {
        case .update: "UPDATE"
        case .create: "CREATE"
        case .suspend: "SUSPEND"
        case .enable: "ENABLE"
        case .delete: "DELETE"
        case .routes(let change): change.name
        case .virtualIPs(let change, let other): other?.name ?? change.name
        }
    }

    /// The load balancers that the change lists; where it means all there is, none.
    public var loadBalancers: [LoadBalancerID] {
        switch self {
        case .update(let list), .create(let list): list.map(\.id)
        case .suspend(let selection), .enable(let selection), .delete(let selection):
            if case .named(let ids) = selection { ids } else { [] }
        case .routes: []
        case .virtualIPs(_, let other): other?.loadBalancers ?? []
        }
    }

    /// The virtual IPs that the change lists.
    public var addresses: [IPAddress] {
        if case .virtualIPs(let change, _) = self { change.addresses } else { [] }
    }
}
