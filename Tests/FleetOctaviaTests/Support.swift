import Authorization
import FleetAuth
import FleetModel
import FleetOctavia
import FleetStore
import FleetTestSupport
import HTTPServer
import HostSystem
import LBaaS
import Synchronization
import TestSupport
import Testing

/// A server with Octavia's API over a store, and somebody who settles in the place of workers.
final class Bench: Sendable {
    let store: any FleetStore
    let cache: FleetCache
    let accounts: Accounts
    let server: HTTPServer
    let port: UInt16
    /// The tokens, by name of the user.
    let tokens: [String: String]
    let projects: [String: String]
    let work: WorkQueue

    private static func groups() throws -> [FleetGroup] {
        [
            FleetGroup(name: "blue", workers: ["w1", "w2"], addresses: [try FleetModel.AddressRange("10.20.0.0/24")]),
            FleetGroup(
                name: "green", workers: ["w3"],
                addresses: [try FleetModel.AddressRange("10.30.0.1-10.30.0.3"), try FleetModel.AddressRange("fd00::/64")],
                interface: nil),
        ]
    }

    /// - Parameters:
    ///   - accountStore: where accounts are; the same store where it is nil.
    init(
        _ store: any FleetStore = MemoryStore(), groups givenGroups: [FleetGroup]? = nil, accounts accountStore: (any FleetStore)? = nil,
        threads: Int = 4, quota: Int = -1
    ) throws {
        self.store = store
        let groups = try givenGroups ?? Self.groups()
        var settings = Accounts.Settings()
        settings.difficulty = try #require(PasswordDifficulty(operations: 1, memory: 1))
        accounts = try Accounts(accountStore ?? store, settings)
        var tokens: [String: String] = [:]
        var projects: [String: String] = [:]
        for (name, role, project) in [
            ("ann", Role.operator, "shop"), ("bob", .operator, "bank"), ("eve", .viewer, "shop"), ("root", .admin, "default"),
        ] {
            let user = try accounts.addUser(name, password: "correct horse", role: role, project: project, by: .server)
            tokens[name] = try accounts.logIn(name, password: "correct horse", from: "").text
            projects[name] = user.project
        }
        (self.tokens, self.projects) = (tokens, projects)
        cache = try FleetCache(store, groups: groups)
        try cache.start()
        work = try #require(WorkQueue(threads: threads, mostWaiting: 256))
        var routes = HTTPRoutes()
        var configuration = OctaviaAPI.Configuration()
        configuration.quota = quota
        OctaviaAPI(accounts, store, cache, work, configuration).add(to: &routes)
        server = HTTPServer(routes: routes)
        port = try server.listen(on: TCPListener(address: "127.0.0.1", port: 0))
        for group in groups { for worker in group.workers { try put(.host(worker: worker), HostRecord().json) } }
    }

    deinit {
        server.finish(within: .seconds(1))
        cache.stop()
    }

    /// Runs a body on a thread of its own, with a server.
    static func run(
        _ store: @escaping @Sendable () throws -> any FleetStore = { MemoryStore() }, _ body: @escaping @Sendable (Bench) throws -> Void
    ) async throws {
        try await onThread { try body(try Bench(store())) }
    }

    func put(_ key: FleetKey, _ value: [UInt8]) throws {
        var transaction = StoreTransaction()
        transaction.put(key.text, value)
        #expect(cache.wait(for: try store.commit(transaction), within: .seconds(10)))
    }

    /// Has all workers settle everything, and removes what was deleted.
    func settle(refused: [String: String] = [:]) throws {
        let revision = cache.revision
        for group in cache.read({ Array($0.groups.values) }) {
            for worker in group.workers {
                let refusals = cache.read { state in
                    refused.compactMap { id, sentence in
                        state.wanted[worker]?.loadBalancers[id].map {
                            (id, SettledRecord.Refusal(revision: $0.revision, sentence: sentence))
                        }
                    }
                }
                let record = SettledRecord(revision: revision, time: Clock.now(), refused: Dictionary(uniqueKeysWithValues: refusals))
                try put(.settled(worker: worker), record.json)
            }
        }
        for transaction in cache.read({ $0.finishedDeletions(most: 100) }) {
            #expect(cache.wait(for: try store.commit(transaction), within: .seconds(10)))
        }
    }

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - path: behind the version; or all of it where it begins with `/v2`.
    ///   - user: whose token goes with it; nil for none.
    @discardableResult func ask(
        _ method: String, _ path: String, _ body: String? = nil, as user: String? = "ann", client: HTTPTestClient? = nil
    ) throws -> HTTPTestClient.Response {
        let field = user.map { "X-Auth-Token: \(tokens[$0] ?? $0)\r\n" } ?? ""
        let content =
            body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" }
            ?? (method == "PUT" || method == "POST" ? "Content-Length: 0\r\n" : "")
        let path = path.hasPrefix("/v2") ? path : "/v2.0/lbaas/" + path
        let client = try client ?? HTTPTestClient(port)
        return try client.ask("\(method) \(path) HTTP/1.1\r\nHost: fleet.example\r\n\(field)\(content)\r\n\(body ?? "")")
    }

    /// Creates an object.
    ///
    /// - Returns: its id.
    func create(_ kind: String, _ body: String, at path: String? = nil, as user: String = "ann") throws -> String {
        let response = try ask("POST", path ?? kind + "s", "{\"\(kind)\": {\(body)}}", as: user)
        #expect(response.status == 201, "\(response.body)")
        return try #require(try member(response.body, kind, "id"))
    }

    /// Creates a load balancer and settles it.
    func loadBalancer(_ body: String = "", as user: String = "ann") throws -> String {
        let id = try create("loadbalancer", body.isEmpty ? "\"name\": \"x\"" : body, as: user)
        try settle()
        return id
    }

    /// The status of an object; nil where it is not there.
    func status(_ path: String, as user: String = "root") throws -> String? {
        let response = try ask("GET", path, as: user)
        if response.status == 404 { return nil }
        let kind = String(path.split(separator: "/").dropLast().last?.dropLast() ?? "")
        return try member(response.body, kind, "provisioning_status")
    }

    /// What a worker is to have of a listener.
    func part(_ worker: String, _ listener: String) -> String? {
        cache.read { $0.wanted[worker]?.loadBalancers[listener].map { String(decoding: $0.text, as: UTF8.self) } }
    }

    /// A load balancer with a listener, a pool and a member, all settled.
    func shop() throws -> (loadBalancer: String, listener: String, pool: String, member: String) {
        let loadBalancer = try self.loadBalancer()
        let listener = try create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "HTTP", "protocol_port": 80"#)
        try settle()
        let pool = try create("pool", #""listener_id": "\#(listener)", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN""#)
        try settle()
        let member = try create("member", #""address": "192.0.2.1", "protocol_port": 8080"#, at: "pools/\(pool)/members")
        try settle()
        return (loadBalancer, listener, pool, member)
    }
}

/// A store before whose next change something else is done.
final class RacingStore: FleetStore {
    private let store = MemoryStore()
    private let next = Mutex<(@Sendable () throws -> Void)?>(nil)

    func beforeNext(_ body: @escaping @Sendable () throws -> Void) { next.withLock { $0 = body } }

    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? { try store.get(key, within: limit) }

    func list(_ prefix: String, after key: String?, most: Int, within limit: Duration) throws(FleetStoreError) -> StorePage {
        try store.list(prefix, after: key, most: most, within: limit)
    }

    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        let body = next.withLock { $0.take() }
        do { try body?() } catch { Issue.record(error) }
        return try store.commit(transaction, within: limit)
    }

    func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch { try store.watch(prefix, after: revision, receive) }
}

/// The error text of a response.
func fault(_ response: HTTPTestClient.Response) throws -> String { try member(response.body, "faultstring") ?? response.body }
