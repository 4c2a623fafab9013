import Netlink

/// The kernel's table of virtual services, of the network namespace of the thread that opened it. For one thread at a time.
package protocol Kernel: AnyObject {
    /// Lists the virtual services.
    func forEachService(_ body: (ListedService) -> Void) throws(KernelFailure)

    /// Lists the real servers of a virtual service, the newest first; none where there is no such service.
    func forEachDestination(of key: ServiceKey, withStatistics: Bool, _ body: (ListedDestination) -> Void) throws(KernelFailure)

    /// Whether a virtual service has just these real servers, the last of them the newest, as far as can be told by less than a list of them:
    /// what it is not asked about is a real server of another family than the service, which only a tunnel can lead to.
    func confirm(_ likely: Destinations, of key: ServiceKey) -> Bool

    /// Carries changes out, in their order. One that is refused does not keep the others from being carried out.
    ///
    /// - Parameter read: gets what a `readService` read, with its place among the changes.
    /// - Returns: the changes that were refused, in their order.
    func carryOut(_ changes: [Change], read: (Int, ListedService) -> Void) throws(KernelInterruption) -> [RefusedChange]

    /// The timeouts of connections.
    func timeouts() throws(KernelFailure) -> ConnectionTimeouts

    /// Sets the timeouts of connections; 0 leaves one as it is.
    func setTimeouts(_ timeouts: ConnectionTimeouts) throws(KernelFailure)

    /// The synchronization daemons that run, one at most in each role.
    func daemons() throws(KernelFailure) -> [SyncDaemon]

    /// Starts a synchronization daemon.
    func startDaemon(_ daemon: SyncDaemon) throws(KernelFailure)

    /// Ends a synchronization daemon.
    func stopDaemon(_ daemon: SyncDaemon) throws(KernelFailure)

    /// Sets all counters to 0, or those of one virtual service and its real servers.
    func zero(_ key: ServiceKey?) throws(KernelFailure)

    /// Removes every virtual service.
    func flush() throws(KernelFailure)

    /// The version of IPVS, such as `1.2.1`, as the kernel packs it, and how many slots its table of connections has.
    func info() throws(KernelFailure) -> (version: UInt32, connectionTableSize: UInt32)
}

/// Why the kernel could not be asked.
package struct KernelFailure: Error, Sendable {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// The kernel has no IPVS.
        case missing
        /// This process may not.
        case forbidden
        /// Anything else.
        case other
    }

    package let code: Code
    package let message: String
    /// The kernel's error number; 0 where there is none.
    package let number: Int32

    package init(_ code: Code, _ message: String, number: Int32 = 0) {
        self.code = code
        self.message = message
        self.number = number
    }
}

/// A change that the kernel refused.
package struct RefusedChange: Hashable, Sendable {
    /// Its place among the changes.
    package let index: Int
    /// The kernel's error number.
    package let number: Int32

    package init(index: Int, number: Int32) {
        self.index = index
        self.number = number
    }
}

/// Changes of which not all are known to be carried out or refused.
package struct KernelInterruption: Error, Sendable {
    package let message: String
    /// Those that were refused.
    package let refused: [RefusedChange]
    /// Those of which nothing is known, or that were not even sent.
    package let unknown: Range<Int>

    package init(message: String, refused: [RefusedChange], unknown: Range<Int>) {
        self.message = message
        self.refused = refused
        self.unknown = unknown
    }
}

/// For how long connections are remembered that say nothing, in seconds.
package struct ConnectionTimeouts: Hashable, Sendable {
    package var tcp: UInt32 = 0
    package var tcpFin: UInt32 = 0
    package var udp: UInt32 = 0

    package init(tcp: UInt32 = 0, tcpFin: UInt32 = 0, udp: UInt32 = 0) {
        self.tcp = tcp
        self.tcpFin = tcpFin
        self.udp = udp
    }
}
