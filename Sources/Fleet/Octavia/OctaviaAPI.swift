import Authorization
package import FleetAuth
import FleetIdentity
package import FleetModel
package import FleetStore
package import HTTPServer
package import HostSystem
package import LBaaS

/// OpenStack's load balancing API v2 (Octavia), over the store of a fleet; and of its networking API (Neutron) what clients of load balancers
/// ask for.
///
/// A load balancer of Octavia is a virtual IP on a group of workers. A listener with its default pool, its members and its health monitor is
/// one load balancer of a worker, by the id of the listener. Each request that changes something is one transaction. What is shown comes from
/// the cache, and the status from what the workers have settled.
package struct OctaviaAPI: Sendable {
    /// How requests are recognised, and what the API tells.
    package struct Configuration: Sendable {
        /// Whether browsers reach the server by TLS, also where something before it has the certificate.
        package var isSecure = false
        /// The longest time that a request to the store may take.
        package var storeLimit: Duration = .seconds(5)
        /// Limits of projects that have none of their own, -1 for none.
        package var quota = -1
        /// Where failures are logged.
        package var log: Log = .silent

        /// The usual configuration.
        package init() {}
    }

    /// A request of somebody who was recognised.
    struct Call: Sendable {
        let request: HTTPRequest
        let session: Session

        /// A parameter of the path.
        func id(_ name: String = "id") -> String { request.parameter(name) ?? "" }

        /// Checks that an object of a project may be looked at or changed.
        func mayReach(_ project: String, to action: Action) throws(OctaviaFault) {
            guard session.decision(on: action, in: project) == .allowed else { throw OctaviaFault.forbidden }
        }
    }

    typealias Handler = @Sendable (Call) throws(OctaviaFault) -> HTTPResponse

    let accounts: Accounts
    let store: any FleetStore
    let cache: FleetCache
    let configuration: Configuration
    private let work: WorkQueue

    /// The largest body: a load balancer with all that is below it.
    private static let bodyLimit = 1 << 20
    /// How often a change is tried that somebody else was faster than.
    static let mostTries = 12

    /// - Parameters:
    ///   - cache: of the same store; it is started and stopped by others.
    ///   - work: the threads on which requests wait for the store.
    package init(
        _ accounts: Accounts, _ store: any FleetStore, _ cache: FleetCache, _ work: WorkQueue, _ configuration: Configuration = .init()
    ) {
        (self.accounts, self.store, self.cache, self.work, self.configuration) = (accounts, store, cache, work, configuration)
    }

    /// Adds the routes.
    package func add(to routes: inout HTTPRoutes) {
        for (method, path, handler) in allRoutes {
            let isWrite = method == .post || method == .put
            let hasBody = isWrite && !path.hasSuffix("/failover")
            for prefix in ["/v2", "/v2.0"] {
                let body = hasBody ? HTTPRoutes.Body(type: "application/json", limit: Self.bodyLimit) : HTTPRoutes.Body()
                routes.add(method, prefix + path, body: body, late: late(handler, isRead: method == .get))
            }
        }
    }

    /// The methods, and the paths behind the version.
    private var allRoutes: [(HTTPMethod, String, Handler)] {
        (loadBalancerRoutes + listenerRoutes + poolRoutes + memberRoutes + monitorRoutes + quotaRoutes + otherRoutes)
            .map { ($0, "/lbaas" + $1, $2) } + networkRoutes
    }

    /// A handler that runs on the threads for work.
    private func late(_ handle: @escaping Handler, isRead: Bool) -> HTTPRoutes.LateHandler {
        { request, reply in
            let isTaken = work.add {
                // Whoever does not wait any more gets nothing.
                guard reply.isWanted else { return }
                do throws(OctaviaFault) {
                    let call = Call(request: request, session: try session(of: request))
                    guard call.session.decision(on: isRead ? .read : .change) == .allowed else { throw OctaviaFault.forbidden }
                    reply.send(try handle(call))
                } catch {
                    reply.send(error.response(to: request))
                }
            }
            if !isTaken { reply.send(OctaviaFault(503, "too many requests wait: try again", retryAfter: 1).response(to: request)) }
        }
    }

    private func session(of request: HTTPRequest) throws(OctaviaFault) -> Session {
        do throws(AuthError) {
            return try RequestAuthenticator(accounts, isSecure: configuration.isSecure).session(of: request)
        } catch {
            note(error.code == .failed ? error.message : nil, request)
            throw OctaviaFault(error)
        }
    }

    private func note(_ failure: String?, _ request: HTTPRequest) {
        if let failure { configuration.log.write(.error, "a request failed", [("route", request.route), ("reason", failure)]) }
    }
}

extension OctaviaAPI {
    /// Carries out a change as one transaction, again where somebody else was faster, and waits until the cache has it.
    ///
    /// - Parameters:
    ///   - action: what the audit calls it.
    ///   - make: puts the change into the edit, from what the cache has, and returns what to answer and the id of what it is about. It holds
    ///     up the cache.
    func change<Answer: Sendable>(
        _ call: Call, _ action: String, _ make: (inout Edit) throws(OctaviaFault) -> (answer: Answer, subject: String)
    ) throws(OctaviaFault) -> Answer {
        for _ in 0..<Self.mostTries {
            let (outcome, known) = cache.read { state -> (Result<(Answer, String, StoreTransaction), OctaviaFault>, Int) in
                var edit = Edit(state, now: Clock.now())
                let outcome = Result { () throws(OctaviaFault) in
                    let made = try make(&edit)
                    return (made.answer, made.subject, edit.transaction)
                }
                return (outcome, state.revision)
            }
            var (answer, subject, transaction) = try outcome.get()
            if transaction.changes.isEmpty { return answer }
            accounts.audit(Actor(name: call.session.name, address: call.request.clientAddress), action, subject, in: &transaction)
            if transaction.changes.count > StoreLimits.transactionKeys { throw .tooMuch(transaction.changes.count) }
            do throws(FleetStoreError) {
                let revision = try store.commit(transaction, within: configuration.storeLimit)
                // Whoever reads next reads this. Where the store is slow to tell, it is seen a little later.
                _ = cache.wait(for: revision, within: .seconds(2))
                return answer
            } catch {
                guard error.code == .conflict, !error.mayBeApplied else {
                    let fault = OctaviaFault(error)
                    note(fault.status >= 500 ? error.message : nil, call.request)
                    throw fault
                }
                _ = cache.wait(for: known + 1, within: .milliseconds(500))
            }
        }
        throw OctaviaFault(409, "others changed it again and again meanwhile: try again", retryAfter: 1)
    }

    /// Looks at an object that whoever asks may see.
    ///
    /// - Parameter resource: what the error calls it where it is not there.
    func look<Record: ObjectRecord, Value: Sendable>(
        _ call: Call, _ resource: String, _ id: String, _ find: (FleetState, String) -> FleetState.Found<Record>?,
        _ body: (FleetState, Stored<Record>, ProvisioningStatus) throws(OctaviaFault) -> Value
    ) throws(OctaviaFault) -> Value {
        try cache.read { state in
            Result { () throws(OctaviaFault) in
                guard let (entry, status) = find(state, id) else { throw .notFound(resource, id) }
                try call.mayReach(entry.record.head.project, to: .read)
                return try body(state, entry, status)
            }
        }.get()
    }

    /// A list of objects.
    ///
    /// - Parameters:
    ///   - records: those that have the objects, in the order in which they were made.
    ///   - head: the head of the object that a record has; nil for none.
    ///   - view: the object; nil where it is not there any more.
    func list<Record: ObjectRecord, View: ObjectView>(
        _ call: Call, _ records: (FleetState) -> [Stored<Record>], head: (Record) -> ObjectHead? = { $0.head },
        _ view: (FleetState, Stored<Record>) -> View?
    ) throws(OctaviaFault) -> HTTPResponse {
        let query = try ListQuery(call.request)
        if let project = call.request.query("project_id") ?? call.request.query("tenant_id"), !call.session.sees(project) {
            throw OctaviaFault.forbidden
        }
        let found = cache.read { state -> [View] in
            var window = query.window
            var found: [View] = []
            for record in records(state) {
                guard let head = head(record.record), call.session.sees(head.project), query.mayAdmit(head), window.reaches(head.id) else {
                    continue
                }
                guard let view = view(state, record) else { continue }
                found.append(view)
                if window.isFull(found.count) { break }
            }
            return found
        }
        return query.response(try query.apply(to: found), call.request)
    }
}
