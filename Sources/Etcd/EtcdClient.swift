import HostSystem
import JSON

/// A client of an etcd cluster, over the JSON gateway that etcd 3.4 and later have on the client port.
///
/// Its functions block the thread that calls them, for no longer than their limit, so they do not belong on Swift's cooperative pool. They may
/// be called by any number of threads. All requests go to one endpoint, until that one fails; then the next is asked.
///
/// A request that only reads, and one that an endpoint certainly did not carry out, is tried on the other endpoints within its limit. Any
/// other one is not: its error says by `mayBeApplied` that etcd may have carried it out, or carries it out later. libcurl sends a request
/// again where a kept connection is closed before any answer, so a transaction can be carried out twice: let it compare a revision.
package final class EtcdClient: Sendable {
    private let configuration: EtcdConfiguration
    private let rotation: Rotation
    private let pool: ConnectionPool
    /// Nil where no user logs in.
    private let keeper: TokenKeeper?

    /// A client, which makes no connection before the first request.
    ///
    /// - Throws: `configuration` where there is no endpoint.
    package init(_ configuration: EtcdConfiguration) throws(EtcdError) {
        if configuration.endpoints.isEmpty { throw EtcdError(.configuration, "etcd: at least one endpoint is needed") }
        let rotation = Rotation(configuration.endpoints)
        let pool = ConnectionPool(configuration)
        (self.configuration, self.rotation, self.pool) = (configuration, rotation, pool)
        keeper = configuration.user.map { user in
            TokenKeeper { () throws(EtcdError) in
                try Self.logIn(user, on: rotation, pool, within: configuration.requestLimit)
            }
        }
    }

    /// The members.
    package var endpoints: [EtcdEndpoint] { configuration.endpoints }

    /// Puts a value.
    ///
    /// - Parameter limit: the longest that it may take; nil for that of the configuration. The same holds for all requests.
    /// - Returns: the revision, which is that of the key.
    @discardableResult
    package func put(_ key: String, _ value: [UInt8], within limit: Duration? = nil) throws(EtcdError) -> Int {
        try call("/v3/kv/put", RequestWriting.put(key, value), "put of \(key)", limit) { (root) throws(AnswerFault) in
            try root.revision()
        }
    }

    /// Reads keys.
    ///
    /// - Parameters:
    ///   - most: the most keys; nil for all.
    ///   - isSerializable: whether the endpoint may answer by itself, with what it knows, which can be old. Otherwise the answer has all that
    ///     was committed before the request, and needs a majority of the members.
    ///   - revision: the revision to read at; nil for the present.
    package func range(
        _ range: EtcdRange, most: Int? = nil, isSerializable: Bool = false, at revision: Int? = nil, within limit: Duration? = nil
    ) throws(EtcdError) -> EtcdSnapshot {
        let text = RequestWriting.range(range, limit: most ?? 0, revision: revision ?? 0, isSerializable: isSerializable)
        return try call("/v3/kv/range", text, "range of \(range)", limit, isRead: true) { (root) throws(AnswerFault) in
            try root.snapshot()
        }
    }

    /// Reads all keys of a range, as of one revision, in several requests where they are many.
    ///
    /// - Parameters:
    ///   - pageSize: the most keys of one request.
    ///   - limit: the longest that each request may take.
    /// - Throws: `compacted` also where the revision was compacted between two of the requests.
    package func rangeAll(_ range: EtcdRange, pageSize: Int = 1000, within limit: Duration? = nil) throws(EtcdError) -> EtcdSnapshot {
        var page = try self.range(range, most: pageSize, within: limit)
        let revision = page.revision
        var entries = page.entries
        while page.hasMore, let last = entries.last {
            page = try self.range(range.rest(after: last.keyBytes), most: pageSize, at: revision, within: limit)
            entries += page.entries
        }
        return EtcdSnapshot(entries: entries, revision: revision)
    }

    /// Deletes keys.
    ///
    /// - Returns: how many there were.
    @discardableResult
    package func delete(_ range: EtcdRange, within limit: Duration? = nil) throws(EtcdError) -> Int {
        try call("/v3/kv/deleterange", RequestWriting.delete(range), "deletion of \(range)", limit) { (root) throws(AnswerFault) in
            try root.number("deleted")
        }
    }

    /// Carries out a transaction.
    package func transact(_ transaction: EtcdTransaction, within limit: Duration? = nil) throws(EtcdError) -> EtcdTransactionResult {
        let name = "transaction on \(transaction.compares.first?.key ?? "no key")"
        return try call("/v3/kv/txn", RequestWriting.transaction(transaction), name, limit) { (root) throws(AnswerFault) in
            try root.transactionResult()
        }
    }

    /// Makes a lease: keys that are put with it are deleted when it is over. The leader counts the time, and another leader counts it from the
    /// beginning.
    ///
    /// - Parameter seconds: how long it is, 1 at least. etcd makes it one and a half of its election timeout where that is more.
    /// - Returns: the id of the lease.
    package func grantLease(seconds: Int, within limit: Duration? = nil) throws(EtcdError) -> Int {
        // A lease that was granted twice has no keys, and ends by itself: the request can be sent again.
        try call("/v3/lease/grant", RequestWriting.lease(seconds: seconds), "lease of \(seconds) s", limit, isRead: true) {
            (root) throws(AnswerFault) in
            let id = try root.number("ID")
            if id == 0 { throw AnswerFault(reason: "it has no ID") }
            return id
        }
    }

    /// Asks one member for its state.
    package func status(of endpoint: EtcdEndpoint, within limit: Duration? = nil) throws(EtcdError) -> EtcdStatus {
        let deadline = Deadline(in: limit ?? configuration.requestLimit)
        return try authorized("status", on: { endpoint }, until: deadline) { (name, token, connection) throws(EtcdError) in
            try connection.post("/v3/maintenance/status", "{}", as: name, token: token, limit: deadline.rest) {
                (root) throws(AnswerFault) in try root.status()
            }
        }
    }

    /// Watches keys, by a thread of its own.
    ///
    /// - Parameters:
    ///   - revision: what changed behind it is told, and no `snapshot`; the watch is `lost` where that cannot be done. nil to be told all there
    ///     is first, and again where changes could be missed.
    ///   - silence: the longest time without any message, after which the connection is closed and the next endpoint is asked. etcd
    ///     itself sends one every ten minutes, where its options do not say otherwise.
    ///   - receive: called by that thread for all that comes, one call at a time. It delays what comes next, and nothing else.
    /// - Returns: the watch, which goes on until it is cancelled.
    /// - Throws: `exhausted` where the system has no thread or memory to spare.
    package func watch(
        _ range: EtcdRange, after revision: Int? = nil, silence: Duration = .seconds(660), requestLimit: Duration? = nil,
        _ receive: @escaping @Sendable (EtcdWatch.Update) -> Void
    ) throws(EtcdError) -> EtcdWatch {
        let stream = try WatchStream(configuration)
        let watcher = Watcher(
            client: self, range: range, stream: stream, start: revision, silence: silence,
            openLimit: min(silence, requestLimit ?? configuration.endpointLimit), receive: receive)
        return try EtcdWatch.start(stream) { watcher.run() }
    }
}

extension EtcdClient {
    /// Sends a request, to other endpoints too where that is safe.
    private func call<Answer>(
        _ path: StaticString, _ text: String, _ operation: String, _ limit: Duration?, isRead: Bool = false,
        read: (JSONValue) throws(AnswerFault) -> Answer
    ) throws(EtcdError) -> Answer {
        let deadline = Deadline(in: limit ?? configuration.requestLimit)
        var tries = 0
        while true {
            var asked = rotation.current
            do throws(EtcdError) {
                return try authorized(operation, on: { self.rotation.current }, until: deadline) {
                    (name, token, connection) throws(EtcdError) in
                    asked = name.endpoint
                    return try connection.post(
                        path, text, as: name, token: token, limit: min(deadline.rest, configuration.endpointLimit), read: read)
                }
            } catch {
                guard error.concernsEndpoint else { throw error }
                rotation.leave(asked)
                tries += 1
                // A refused connection costs no time: each endpoint is asked once.
                if tries >= configuration.endpoints.count || deadline.isOver || (error.mayBeApplied && !isRead) { throw error }
            }
        }
    }

    /// Does something with a connection and the user's token, and once more with a new token where etcd does not know the first any more.
    private func authorized<Answer>(
        _ operation: String, on endpoint: () -> EtcdEndpoint, until deadline: Deadline,
        _ body: (RequestName, String?, Connection) throws(EtcdError) -> Answer
    ) throws(EtcdError) -> Answer {
        guard let keeper else {
            return try pool.with(until: deadline) { (connection) throws(EtcdError) in
                try body(RequestName(endpoint: endpoint(), operation: operation), nil, connection)
            }
        }
        let token: String
        if let known = keeper.token { token = known } else { token = try keeper.renew(nil, within: deadline.rest) }
        do throws(EtcdError) {
            return try pool.with(until: deadline) { (connection) throws(EtcdError) in
                try body(RequestName(endpoint: endpoint(), operation: operation), token, connection)
            }
        } catch  where error.code == .unauthenticated {
            let renewed = try keeper.renew(token, within: deadline.rest)
            return try pool.with(until: deadline) { (connection) throws(EtcdError) in
                try body(RequestName(endpoint: endpoint(), operation: operation), renewed, connection)
            }
        }
    }

    private static func logIn(
        _ user: EtcdConfiguration.User, on rotation: Rotation, _ pool: ConnectionPool, within limit: Duration
    ) throws(EtcdError) -> String {
        let name = RequestName(endpoint: rotation.current, operation: "login of the user '\(user.name)'")
        do throws(EtcdError) {
            return try pool.with(until: Deadline(in: limit)) { (connection) throws(EtcdError) in
                try connection.post(
                    "/v3/auth/authenticate", RequestWriting.authenticate(user), as: name, token: nil, limit: limit
                ) { (root) throws(AnswerFault) in
                    guard let token = root.text("token"), token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                        throw AnswerFault(reason: "it has no token")
                    }
                    return token
                }
            }
        } catch  where error.concernsEndpoint {
            rotation.leave(name.endpoint)
            throw error
        }
    }

    /// A stream's token, and how to get another; nil where no user logs in.
    func token(renewing old: String?, within limit: Duration) throws(EtcdError) -> String? {
        guard let keeper else { return nil }
        if old == nil, let token = keeper.token { return token }
        return try keeper.renew(old, within: limit)
    }
}
