import Glibc

/// The connections that the kernel tracks.
///
/// For one thread at a time. It speaks to the network namespace that the thread was in which made it.
public final class TrackedConnections {
    /// Where the first packet of a connection went.
    public struct Target: Hashable, Sendable {
        /// The address.
        public let address: NetworkAddress
        /// The number of the protocol: 6 for TCP, 17 for UDP, 132 for SCTP.
        public let transport: UInt8
        /// The port.
        public let port: UInt16

        /// A target.
        public init(address: NetworkAddress, transport: UInt8, port: UInt16) {
            (self.address, self.transport, self.port) = (address, transport, port)
        }
    }

    /// `NFNL_SUBSYS_CTNETLINK` with `IPCTNL_MSG_CT_NEW`, `_GET` and `_DELETE`.
    private enum Message {
        static let new: UInt16 = 0x0100
        static let get: UInt16 = 0x0101
        static let delete: UInt16 = 0x0102
    }

    /// `CTA_TUPLE_ORIG`, `CTA_TUPLE_REPLY`, `CTA_FILTER`.
    fileprivate static let (original, reply, filter): (UInt16, UInt16, UInt16) = (1, 2, 25)
    /// For so many targets the kernel looks for the connections of each by itself, and for more it lists all connections. To look takes it a
    /// few per cent of the time that it takes to hand all of them on.
    private static let mostFiltered = 16

    private let exchange: Exchange

    /// Opens a socket.
    ///
    /// - Throws: `system` where there is no socket to be had.
    public convenience init(timeout: Duration = .seconds(5)) throws(NetlinkError) {
        self.init(transport: try NetlinkSocket.open(.netfilter, receiveBuffer: 4 << 20, sendBuffer: 1 << 16), timeout: timeout)
    }

    /// Talks over something else than a socket of its own.
    package init(transport: any Transport, timeout: Duration) { exchange = Exchange(transport: transport, timeout: timeout) }

    /// Has the kernel forget connections to some targets that go there as they are: whose destination was not translated.
    ///
    /// What translates addresses looks at the first packet of a connection. Of one that is known before there is anything to translate it never
    /// sees any.
    ///
    /// - Returns: how many there were.
    /// - Throws: `refused` where this kernel has no such table, or what stands in the way.
    @discardableResult public func forgetUntranslated(to targets: Set<Target>) throws(NetlinkError) -> Int {
        if targets.isEmpty { return 0 }
        var found: [Found] = []
        if targets.count <= Self.mostFiltered {
            for target in targets { found += try untranslated(to: [target]) { target.write(to: &$0) } }
        } else {
            found = try untranslated(to: targets) { $0.append(0, 0, 0) }
        }
        if found.isEmpty { return 0 }
        var requests = RequestList(capacity: 128 * found.count)
        for (family, tuple) in found {
            requests.append(type: Message.delete, flags: 0) { message in
                message.append(family, 0, 0)
                message.put(Self.original | 0x8000, bytes: unsafe tuple.span.bytes)
            }
        }
        let failures: [Batch.Failure]
        do throws(BatchInterruption) { failures = try exchange.carryOut(&requests) } catch { throw error.reason }
        // One may have ended by itself.
        if let failure = failures.first(where: { $0.number != ENOENT }) {
            throw .refusal(of: "to forget a connection", failure.number, failure.message)
        }
        return found.count
    }

    /// A connection, with its tuple as the kernel writes it.
    private typealias Found = (family: UInt8, tuple: [UInt8])

    /// - Parameter request: writes what is asked for: at least the connections to these targets.
    private func untranslated(to targets: Set<Target>, _ request: (inout MessageWriter) -> Void) throws(NetlinkError) -> [Found] {
        var found: [Found] = []
        try exchange.dump("the connections that are tracked", answeredBy: Message.new) { list, flags in
            list.append(type: Message.get, flags: flags, request)
        } each: { payload throws(NetlinkError) in
            guard payload.byteCount >= 4 else { throw .malformed("a connection of \(payload.byteCount) bytes") }
            if let tuple = try Self.tuple(payload.extracting(4...), among: targets) {
                found.append((unsafe payload.unsafeLoad(as: UInt8.self), tuple))
            }
        } restart: {
            found = []
        }
        return found
    }

    /// The tuple of a connection that goes to one of some targets as it is; nil for another one.
    private static func tuple(_ attributes: RawSpan, among targets: Set<Target>) throws(NetlinkError) -> [UInt8]? {
        var tuple: [UInt8]?
        var destination: NetworkAddress?
        var answering: NetworkAddress?
        try attributes.forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case original:
                let end = try TupleEnd(value)
                guard let address = end.destination, let transport = end.transport, let port = end.port else { return }
                guard targets.contains(Target(address: address, transport: transport, port: port)) else { return }
                (tuple, destination) = (value.copy(), address)
            case reply: answering = try TupleEnd(value).source
            default: break
            }
        }
        return answering == destination ? tuple : nil
    }
}

extension TrackedConnections.Target {
    /// Writes that only connections to it are asked for, and those to its port of other addresses of IPv6, as `ctnetlink_alloc_filter` of Linux
    /// reads it. A kernel before 5.8 takes no notice, and lists all.
    fileprivate func write(to message: inout MessageWriter) {
        // CTA_FILTER_F_CTA_PROTO_NUM, _PROTO_DST_PORT
        var flags: UInt32 = 1 << 3 | 1 << 5
        let isV6 = if case .v6 = address { true } else { false }
        message.append(isV6 ? 10 : 2, 0, 0)
        message.nest(TrackedConnections.original) { tuple in
            // ctnetlink_filter_match_tuple of Linux 5.8 to 6.18 leaves out just those connections whose address of IPv6 is the one asked for.
            if !isV6 {
                flags |= 1 << 1  // CTA_FILTER_F_CTA_IP_DST
                tuple.nest(1) { $0.put(2, address) }
            }
            tuple.nest(2) {
                $0.put(1, transport)
                $0.put(3, bigEndian: port)
            }
        }
        message.nest(TrackedConnections.filter) { $0.put(1, flags) }
    }
}

/// What counts of a tuple.
private struct TupleEnd {
    var source: NetworkAddress?
    var destination: NetworkAddress?
    var transport: UInt8?
    var port: UInt16?

    init(_ tuple: RawSpan) throws(NetlinkError) {
        try tuple.forEachAttribute { part, value throws(NetlinkError) in
            try value.forEachAttribute { type, value throws(NetlinkError) in
                switch (part, type) {
                case (1, 1), (1, 3): source = try NetworkAddress(value, family: type == 1 ? 2 : 10)
                case (1, 2), (1, 4): destination = try NetworkAddress(value, family: type == 2 ? 2 : 10)
                case (2, 1): transport = try value.number(UInt8.self)
                case (2, 3): port = try value.bigEndian(UInt16.self)
                default: break
                }
            }
        }
    }
}
