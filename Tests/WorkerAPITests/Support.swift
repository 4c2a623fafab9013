import Authorization
import HTTPServer
import LBaaS
import Requests
import Synchronization
import TestSupport
import WorkerMetrics

@testable import WorkerAPI

/// A core that answers as it is told, and notes what it is asked.
final class FakeCore: RequestHandler {
    private struct State {
        var outcome: Outcome? = .changed
        var items: [StateReport.Item] = []
        var virtualIPs: [VirtualIPReport] = []
        var version: UInt64 = 1
        var validity = Duration.zero
    }

    private let state = Mutex(State())
    /// What was submitted, with who did.
    let submitted = Record<(request: Request, origin: Origin)>()
    /// What reports were asked on.
    let reported = Record<Selection>()
    /// The completions of submitted requests that are not answered yet.
    let open = Record<@Sendable (Outcome) -> Void>()

    /// What becomes of requests; nil where they are not answered.
    func answer(_ outcome: Outcome?) { state.withLock { $0.outcome = outcome } }

    /// The load balancers that there are.
    ///
    /// - Parameter validity: how long it may be told again.
    func hold(_ items: [StateReport.Item], for validity: Duration = .zero) {
        state.withLock { state in
            (state.items, state.validity) = (items, validity)
            state.version += 1
        }
    }

    var version: UInt64 { state.withLock(\.version) }

    func perform(_ request: Request, from origin: Origin) -> Outcome { .changed }

    func perform(_ requests: [Request], from origins: [Origin]) -> [Outcome?] { requests.map { _ in .changed } }

    func submit(
        _ request: Request, from origin: Origin, within limit: Duration, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        submitted.add((request, origin))
        if let outcome = state.withLock(\.outcome) { completion(outcome) } else { open.add(completion) }
    }

    func report(on selection: Selection, completion: @escaping @Sendable (Result<StateReport, Refusal>) -> Void) {
        reported.add(selection)
        let (items, validity) = state.withLock { ($0.items, $0.validity) }
        guard case .named(let ids) = selection else { return completion(.success(StateReport(revision: 7, items: items))) }
        let found = items.filter { ids.contains($0.entry.loadBalancer.id) }
        completion(
            found.isEmpty
                ? .failure(Refusal(.notFound, "loadBalancers[0].id: there is no load balancer \(ids[0])"))
                : .success(StateReport(revision: 7, items: found, validity: validity)))
    }

    var virtualIPs: (revision: UInt64, reports: [VirtualIPReport]) { (7, state.withLock(\.virtualIPs)) }

    /// The virtual IPs that there are.
    func hold(_ virtualIPs: [VirtualIPReport]) { state.withLock { $0.virtualIPs = virtualIPs } }

    func explain(
        _ id: LoadBalancerID, node: NodeID?, completion: @escaping @Sendable (Result<Explanation, Refusal>) -> Void
    ) {
        if node == "none" { return completion(.failure(Refusal(.notFound, "there is no node 'none'"))) }
        let step = Explanation.Step(
            .job, Explanation.Statement("CREATE a by api:ann", at: Timestamp(microseconds: 0)),
            details: [Explanation.Statement("refused \"since\"")])
        completion(.success(Explanation(revision: 7, summary: "it is up", steps: [step], deviations: ["weight 1 → 2"])))
    }

    var summary: StateSummary { StateSummary(revision: 7, count: state.withLock(\.items.count), lastChange: nil) }

    func journal(after revision: UInt64, limit: Int) throws(Refusal) -> [JournalEntry] {
        if revision == 13 { throw Refusal(.store, "the state cannot be read") }
        return [
            JournalEntry(
                revision: revision + 1, time: Timestamp(microseconds: 1_000_000), cause: "jobs", origin: "api:ann", what: "CREATE \"a\"")
        ]
    }

    func replace(_ source: WantedState.Source, _ loadBalancers: [LoadBalancer]) throws(Refusal) {}

    func replaceSkipping(
        _ source: WantedState.Source, _ loadBalancers: [LoadBalancer]
    ) -> [(id: LoadBalancerID, refusal: Refusal)] { [] }
}

/// Takes every text but `nonsense` for a DELETE of a load balancer of that name.
struct FakeTranslator: JobTranslator {
    struct Job: TranslatedJob {
        let request: Request?

        func answer(_ outcome: Outcome?) -> JobResult {
            let error =
                switch outcome {
                case .refused(let refusal)?: refusal.sentence
                case nil: "hpcs_action: is missing; it says what to do"
                default: String?.none
                }
            return JobResult(reply: Array((error ?? "PASS").utf8), error: error) {}
        }
    }

    func read(_ text: [UInt8], from client: String) -> any TranslatedJob {
        let text = String(decoding: text, as: UTF8.self)
        if text == "nonsense" { return Job(request: nil) }
        if text.hasPrefix("{\"hpcs_action\": \"CREATE\", \"loadBalancers\": [{") {
            let id: LoadBalancerID = text.contains("\"id\": \"b\"") ? "b" : "a"
            return Job(request: .change(.create([item(id).entry.loadBalancer]), ChangeOptions()))
        }
        if text == "stats" { return Job(request: .status(.all)) }
        return Job(request: .change(.delete(.named([LoadBalancerID(text)])), ChangeOptions()))
    }
}

/// An API over TCP with the tokens `view`, `operate` and `admin`. It ends with this value.
final class TestAPI: Sendable {
    /// The secret of the key `signer`, which is that of a viewer.
    static let secret = "0123456789012345678901234567890123456789"

    let core = FakeCore()
    let events = WorkerEvents()
    let metrics = WorkerMetrics(hasNodes: true)
    /// Why the worker cannot do its work.
    let problems = Record<String>()
    let log = LogRecord()
    let port: UInt16
    let intake: APIIntake

    init(servers: [Bool] = []) throws {
        let tokens = ["viewer", "operator", "admin"].map { role in
            "\(role)-name \(role) \(Token.hash(role).hexadecimal)\n"
        }
        let access = Access(
            local: LocalAccess(serviceUser: 0, operators: [], viewers: []), tokens: try TokenTable(tokens.joined()),
            signatures: try SignatureTable("signer viewer \(Self.secret)\n", start: 0))
        var configuration = APIConfiguration(access: access)
        port = try freePort()
        configuration.tcp = TCPListener(address: "127.0.0.1", port: port)
        let worker = WorkerDescription(version: "1.2", driver: "dummy", function: "lb", start: Timestamp(microseconds: 0)) {
            servers.enumerated().map { WorkerDescription.JobServer(address: "gearman\($0):4730", isConnected: $1) }
        } problems: { [problems] in
            $0(problems.all)
        } traffic: { ids in
            Dictionary(uniqueKeysWithValues: ids.map { ($0, [TrafficCounter(bytesOut: 7, bytesIn: 3, run: 1)]) })
        } connections: { ids in
            Dictionary(uniqueKeysWithValues: ids.map { ($0, ["n0": 5]) })
        }
        intake = APIIntake(configuration, worker: worker, jobs: FakeTranslator(), events: events, metrics: metrics, log: log.log)
        try intake.start(handingTo: core)
    }

    deinit {
        intake.stopTaking()
        _ = intake.finish(within: .zero)
    }

    /// Sends one request on a connection of its own.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, as role: String? = "admin", type: String = "application/json"
    ) throws -> HTTPTestClient.Response {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        if let role { head += "Authorization: Bearer \(role)\r\n" }
        if let body { head += "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n" }
        return try HTTPTestClient(port).ask("\(head)\r\n\(body ?? "")")
    }
}

/// A load balancer with one node for each status.
func item(_ id: LoadBalancerID, _ nodes: NodeStatus...) -> StateReport.Item {
    var loadBalancer = LoadBalancer(id: id, serviceProtocol: .tcp, port: 80)
    loadBalancer.nodes = nodes.map { Node(id: $0.id, address: .address(.v4(0x0A00_0001)), port: 80) }
    let entry = WantedState.Entry(loadBalancer: loadBalancer, createdAt: Timestamp(microseconds: 0))
    return StateReport.Item(
        entry: entry, nodes: loadBalancer.withStates(nodes), hasQuorum: nil, weights: nodes.map { $0.isUp ? 1 : 0 },
        connections: ["n": 3])
}
