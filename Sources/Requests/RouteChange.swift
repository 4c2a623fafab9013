public import LBaaS

/// What a request wants of the routes that routers are told.
public enum RouteChange: Hashable, Sendable {
    /// Tell no route to this address.
    case stop(IPAddress)
    /// Tell routes to it again.
    case start(IPAddress)
    /// Tell no route at all.
    case stopAll
    /// Tell all routes again, also to addresses of which they were stopped singly.
    case startAll

    /// The address; nil for all.
    public var address: IPAddress? {
        switch self {
        case .stop(let address), .start(let address): address
        case .stopAll, .startAll: nil
        }
    }

    /// What it is called in the journal.
    public var name: String {
        switch self {
        case .stop, .stopAll: "STOP_ROUTES"
        case .start, .startAll: "START_ROUTES"
        }
    }
}
