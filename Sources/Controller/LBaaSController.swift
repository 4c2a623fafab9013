import Dispatch
import HostSystem
public import LBaaS
public import Requests
import Synchronization

/// The front of this room: takes every request of every intake, and tells its outcome.
///
/// What changes the state goes through the commit pipeline; what is only read is read from one snapshot; what takes as long as others let it
/// has a thread of its own.
public final class LBaaSController: RequestHandler {
    /// What a worker says of itself and finds out about its surroundings.
    public struct Surroundings: Sendable {
        /// The version, as DISCOVER tells it.
        public let version: String
        /// The release, as DISCOVER tells it.
        public let release: String
        /// Finds out whether the job servers and the network can be reached; must answer in under 5 s.
        public let diagnose: @Sendable () -> Outcome
        /// The surroundings of a worker.
        public init(
            version: String, release: String, diagnose: @escaping @Sendable () -> Outcome
        ) {
            self.version = version
            self.release = release
            self.diagnose = diagnose
        }
    }

    /// What it commits through.
    public let pipeline: CommitPipeline
    private let driver: any LoadBalancerDriver
    let driverName: String
    private let surroundings: Surroundings
    private let mostArchives: Int
    /// How many archives are under way.
    private let archives = Mutex(0)
    /// How many connections nodes have.
    let connections = ConnectionCounts()
    /// Asks the appliance how nodes are, for requests that no thread waits for.
    let reports = DispatchQueue(label: "reports")

    /// A controller that commits through this pipeline.
    ///
    /// - Parameter mostArchives: how many ARCHIVE requests may be under way at a time. Each has a thread for as long as the object
    ///   store lets it.
    public init(
        pipeline: CommitPipeline, driver: any LoadBalancerDriver, driverName: String, surroundings: Surroundings, mostArchives: Int = 1
    ) {
        self.pipeline = pipeline
        self.driver = driver
        self.driverName = driverName
        self.surroundings = surroundings
        self.mostArchives = mostArchives
    }

    /// Does what a request asks for, however long it takes.
    public func perform(_ request: Request, from origin: Origin = .jobs) -> Outcome {
        perform([request], from: [origin])[0] ?? performLong(request)
    }

    /// Does what requests ask for that came together: what changes the state in one commit, before the rest.
    ///
    /// - Parameter origins: who makes each of them.
    /// - Returns: the outcomes in their order; nil for what takes long and is to be done by `perform` on a thread of its own.
    public func perform(_ requests: [Request], from origins: [Origin]) -> [Outcome?] {
        let jobs = zip(requests, origins).map { job($0, from: $1, deadline: nil) }
        var done = pipeline.run(jobs.compactMap(\.self)).makeIterator()
        var told = status(requests.compactMap { if case .status(let selection) = $0 { selection } else { nil } }).makeIterator()
        return zip(requests, jobs).map { request, job in
            if job != nil { return done.next().map { withConnections($0, of: request) } }
            return switch request {
            case .status: told.next()
            case .discover: .discovered(version: surroundings.version, release: surroundings.release, driver: driverName)
            case .change, .metrics, .diagnostics, .archive: nil
            }
        }
    }

    /// Does what a request asks for, without a thread that waits for it.
    ///
    /// - Parameters:
    ///   - limit: a change that is not begun within this time is refused, with the code `expired`.
    ///   - completion: takes the outcome, durable. It must not block.
    public func submit(
        _ request: Request, from origin: Origin, within limit: Duration, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        if let job = job(request, from: origin, deadline: pipeline.now().steady + limit) {
            guard case .metrics(_, hasConnections: true) = request else { return pipeline.submit([job]) { completion($0[0]) } }
            // The appliance is asked besides.
            return pipeline.submit([job]) { [self] outcomes in
                reports.async { [self] in completion(withConnections(outcomes[0], of: request)) }
            }
        }
        switch request {
        case .archive, .diagnostics:
            let isStarted = startThread { [self] in completion(performLong(request)) }
            if !isStarted { completion(.refused(Refusal(.busy, "the system has no thread for it; send it again later"))) }
        case .status, .discover, .change, .metrics:
            reports.async { [self] in completion(perform(request, from: origin)) }
        }
    }

    /// Wants these load balancers of a source, and no others of it.
    public func replace(_ source: WantedState.Source, _ loadBalancers: [LoadBalancer]) throws(Refusal) {
        try pipeline.replace(source, loadBalancers)
    }

    /// Wants these load balancers of a source, and no others of it, but for those that cannot be.
    public func replaceSkipping(
        _ source: WantedState.Source, _ loadBalancers: [LoadBalancer]
    ) -> [(id: LoadBalancerID, refusal: Refusal)] { pipeline.replaceSkipping(source, loadBalancers) }

    /// Has something noted in the journal that changes nothing.
    public func remark(_ what: String, outcome: String, from origin: Origin) {
        let entry = JournalEntry(
            time: pipeline.now().wall, cause: origin.source.rawValue, origin: origin.name, what: what, outcome: outcome)
        pipeline.submit([.commit(.remark(entry))]) { _ in }
    }

    /// What the pipeline has to do for a request; nil where it has nothing.
    private func job(_ request: Request, from origin: Origin, deadline: Timestamp?) -> Job? {
        switch request {
        case .change(let change, let options) where options.isDryRun:
            .plan(change, options, by: origin)
        case .change(let change, let options): .commit(.change(change, options, by: origin, deadline: deadline))
        case .metrics(let selection, _): .commit(.metrics(selection))
        case .status, .discover, .diagnostics, .archive: nil
        }
    }

    /// A report of traffic with how many connections there are now, where a request asks for that.
    private func withConnections(_ outcome: Outcome, of request: Request) -> Outcome {
        guard case .metrics(_, hasConnections: true) = request, case .metrics(var report) = outcome else { return outcome }
        // One that the appliance does not tell of has none that are known.
        let told = (try? driver.connections(of: report.entries.map(\.id))) ?? [:]
        for place in report.entries.indices {
            report.entries[place].connections = told[report.entries[place].id].map { $0.values.reduce(0, &+) }
        }
        return .metrics(report)
    }

    /// Does what takes as long as others let it.
    private func performLong(_ request: Request) -> Outcome {
        if case .archive(let order) = request { archive(order) } else { surroundings.diagnose() }
    }

    /// How the load balancers are that requests ask after. The appliance is asked once for all of them.
    private func status(_ selections: [Selection]) -> [Outcome] {
        let asked = selections.map { selection -> Result<[(entry: WantedState.Entry, health: ServiceHealth?)]?, Refusal> in
            do throws(Refusal) { return .success(try pipeline.find(selection)) } catch { return .failure(error) }
        }
        var nodes: [[NodeStatus]] = []
        var failure: Refusal?
        do throws(Refusal) {
            nodes = try self.nodes(of: asked.flatMap { (try? $0.get()) ?? [] })
        } catch {
            failure = error
        }
        var next = nodes.makeIterator()
        let virtualIPs = selections.isEmpty ? [] : pipeline.virtualIPs.reports
        return asked.map { answer in
            switch answer {
            case .success(nil): .deleted
            case .failure(let refusal): .refused(refusal)
            case .success(let found?):
                failure.map { .refused($0) }
                    ?? .status(
                        found.map { LoadBalancerStatus(id: $0.entry.loadBalancer.id, nodes: next.next() ?? []) }, virtualIPs: virtualIPs)
            }
        }
    }

    /// How the nodes of each load balancer are. What the appliance does not run serves nobody.
    func nodes(of found: [(entry: WantedState.Entry, health: ServiceHealth?)]) throws(Refusal) -> [[NodeStatus]] {
        do throws(DriverError) {
            let checked = found.map { pipeline.checkedStatus(of: $0.entry.loadBalancer, $0.health) }
            let asked = zip(found, checked).filter { $0.1 == nil }.map(\.0.entry.loadBalancer.id)
            var status: [LoadBalancerID: [NodeStatus]] = [:]
            var reason: String?
            do throws(DriverError) {
                if !asked.isEmpty { status = try driver.status(of: asked) }
            } catch  where error.code == .notRunning {
                reason = error.message
            }
            var work = LongWork()
            return zip(found, checked).map { found, checked in
                work.step()
                let loadBalancer = found.entry.loadBalancer
                let reason = found.entry.isOutOfService ? "another load balancer has the listener of this one" : reason
                let nodes =
                    checked ?? status[loadBalancer.id] ?? loadBalancer.nodes.map { NodeStatus(id: $0.id, isUp: false, reason: reason) }
                return loadBalancer.withStates(nodes)
            }
        } catch {
            throw Refusal(.appliance, error.message)
        }
    }

    private func archive(_ order: ArchiveOrder) -> Outcome {
        guard driver.capabilities.archive else {
            return .refused(
                Refusal(.unsupported, "Selected driver does not support ARCHIVE action. The \(driverName) driver keeps no logs."))
        }
        do throws(Refusal) {
            guard let loadBalancer = try pipeline.loadBalancer(of: order) else { return .deleted }
            var order = order
            order.loadBalancer = loadBalancer
            return try store(order)
        } catch {
            return .refused(error)
        }
    }

    private func store(_ order: ArchiveOrder) throws(Refusal) -> Outcome {
        let isAdmitted = archives.withLock { archives in
            if archives == mostArchives { return false }
            archives += 1
            return true
        }
        if !isAdmitted {
            throw Refusal(
                .busy,
                "no more than \(mostArchives) ARCHIVE jobs can be under way at a time, so that others are not kept waiting: send it again later, or raise --concurrency"
            )
        }
        defer { archives.withLock { $0 -= 1 } }
        do throws(DriverError) {
            try driver.archive(order)
            return .archived
        } catch {
            throw Refusal(.appliance, error.message)
        }
    }
}
