/// The addresses that routers are not told routes to, whatever listens on them, because a client has stopped that.
public struct SilencedRoutes: Hashable, Sendable {
    /// Who has stopped it, and when.
    public struct Stop: Hashable, Sendable {
        /// When it was stopped.
        public let time: Timestamp
        /// Which request stopped it, as the journal has it.
        public let origin: String

        /// A stop.
        public init(time: Timestamp, origin: String) { (self.time, self.origin) = (time, origin) }
    }

    /// The stop of every address; nil where there is none.
    public var all: Stop?
    /// The stops of single addresses.
    public var addresses: [IPAddress: Stop]

    /// Routes that are stopped.
    public init(all: Stop? = nil, addresses: [IPAddress: Stop] = [:]) { (self.all, self.addresses) = (all, addresses) }

    /// Why no route is told to an address; nil where one may be.
    public subscript(address: IPAddress?) -> Stop? {
        guard let address else { return nil }
        return addresses[address] ?? all
    }
}
