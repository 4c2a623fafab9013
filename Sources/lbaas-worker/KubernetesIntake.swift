import Dispatch
import HTTPServer
import HostEdge
import HostSystem
import Kubernetes
import LBaaS
import Requests
import Synchronization

/// The services of a Kubernetes cluster: reads their objects, and has the core and the edge of this host serve them.
///
/// One thread takes all that came since it looked last, and commits it at once: under load more comes together, and nothing waits. Nothing is
/// served before all services, endpoint slices and nodes were listed once, or were read from the state folder.
final class KubernetesIntake: Intake {
    let name = "the services of the Kubernetes cluster"
    private let settings: KubernetesSettings?
    private let snapshot: ClusterSnapshot?
    private let attach: @Sendable (any Actuator) -> Void
    private let log: Log
    private let health: ClusterHealth
    private let inbox = Mutex(Inbox())
    private let news = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    /// The work, until its thread takes it.
    private let work: Mutex<ClusterWork?>
    private let sources = Mutex(Sources())
    /// Whether the objects could not be kept when that was tried last.
    private let failedToSave = Mutex(false)

    /// What came.
    private struct Inbox {
        var updates: [ClusterUpdate] = []
        /// When the first of them came.
        var since: Duration?
        var host: HostWatch.Facts?
        var isStopped = false
    }

    /// What tells of the cluster and of this host.
    private struct Sources {
        var cluster: ClusterSource?
        var host: HostWatch?
        var edge: HostEdge?
    }

    /// How often what could not be served is tried again.
    private static let retryInterval = Duration.seconds(5)
    /// How often the objects are kept for the next start.
    private static let snapshotInterval = Duration.seconds(60)

    /// An intake that is not started yet.
    ///
    /// - Parameters:
    ///   - settings: nil where there is no such section: then what an earlier worker served of a cluster is removed.
    ///   - folder: the state folder; nil for none.
    ///   - attach: has an effect brought about of what is committed.
    init(_ settings: KubernetesSettings?, folder: String?, log: Log, attach: @escaping @Sendable (any Actuator) -> Void) {
        self.settings = settings
        self.log = log
        self.attach = attach
        let snapshot = folder.map { ClusterSnapshot(folder: $0) }
        self.snapshot = snapshot
        let health = ClusterHealth(log: log)
        self.health = health
        work = Mutex(settings.map { ClusterWork($0, health: health, snapshot: snapshot, log: log) })
    }

    /// The load balancers that the cluster wanted last, for the start of the core, and those that were served besides: the configuration or the
    /// host's addresses may be others than then, and what is not served any more is removed. Called once, before `start`.
    func restored() -> [LoadBalancer] {
        guard let snapshot else { return [] }
        do throws(KubernetesError) {
            // Without the section nothing of it is served, and all of it is removed.
            var restored = work.withLock(\.self) ?? ClusterWork(.leftover, health: health, snapshot: nil, log: log)
            restored.reserve(forBytes: snapshot.size)
            guard try snapshot.read({ restored.restore($0) }) else { return try restoredWithoutObjects(snapshot) }
            restored.endRestoring(on: (try? HostWatch.read()) ?? HostWatch.Facts())
            let balancers = restored.balancers
            let marks = balancers.marksInUse
            var known = 0
            let others = try snapshot.served { id, mark in
                let isKnown = mark.map { marks.contains($0) } ?? (balancers.owner(of: id) != nil)
                if isKnown { known += 1 }
                return isKnown
            }
            let all = balancers.all
            restored.isNoted = known == all.count
            work.withLock { [restored] in if $0 != nil { $0 = restored } }
            return all + (others.isEmpty ? [] : balancers.missing(of: others))
        } catch {
            log.write(
                .error, "what the cluster wanted last cannot be read; its services are served when the cluster is read",
                [("error", "\(error)")])
            return (try? restoredWithoutObjects(snapshot)) ?? []
        }
    }

    /// Where the objects are not known, what was served is removed at once without the section, and else when it is known that nobody wants it:
    /// it has no nodes, and must not get into the table, where it serves.
    private func restoredWithoutObjects(_ snapshot: ClusterSnapshot) throws(KubernetesError) -> [LoadBalancer] {
        let served = try snapshot.served()
        if settings == nil { return served }
        work.withLock { $0?.leftover = served }
        return []
    }

    func start(handingTo core: any RequestHandler) throws(IntakeFailure) {
        guard let settings else { return removeLeftover(core) }
        guard
            var work = work.withLock({ work in
                defer { work = nil }
                return work
            })
        else { return }
        do throws(EdgeError) {
            let edge =
                settings.edge == .none
                ? nil
                : try HostEdge(HostEdge.Options(filters: settings.edge == .nftables, binding: settings.binding), log: log) {
                    $0.text.hasPrefix("k8s:")
                }
            if settings.edge == .nftables { try KernelSwitch.trackConnections(log: log) }
            if settings.hidesFromARP { try KernelSwitch.hideFromARP(log: log) }
            let facts = try HostWatch.read()
            work.begin(core, edge, facts)
            if let edge { attach(edge) }
            let host = try HostWatch(log: log, lost: { [weak edge] in edge?.noticeLoss(of: $0) }) { [weak self] facts in
                self?.put { $0.host = facts }
            }
            sources.withLock { ($0.edge, $0.host) = (edge, host) }
        } catch {
            throw IntakeFailure("[\(KubernetesSection.sectionName)] \(error)")
        }
        if let listen = settings.healthListener {
            do throws(HTTPServerError) {
                try health.listen(on: listen.host, port: listen.port)
            } catch {
                throw IntakeFailure("[\(KubernetesSection.sectionName)] health_listen: \(error.description)")
            }
        }
        try run(work)
        let source: ClusterSource
        do throws(KubernetesError) {
            source =
                switch settings.source {
                case .manifests(let folder):
                    try ManifestWatch.start(folder) { [weak self] update in self?.put { $0.updates.append(update) } }
                case .server(let server):
                    try ClusterWatch.start(server, proxyName: settings.options.proxyName, nodeName: settings.options.nodeName) {
                        [weak self] update in self?.put { $0.updates.append(update) }
                    }
                }
        } catch {
            throw IntakeFailure("[\(KubernetesSection.sectionName)] \(error)")
        }
        sources.withLock { $0.cluster = source }
    }

    func stopTaking() {
        let (cluster, host) = sources.withLock { ($0.cluster, $0.host) }
        cluster?.cancel()
        host?.cancel()
        put { $0.isStopped = true }
    }

    func finish(within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        let isDone = running.wait(timeout: .now() + deadline.rest.seconds) == .success
        let (cluster, host, edge) = sources.withLock { ($0.cluster, $0.host, $0.edge) }
        _ = cluster?.join(within: deadline.rest)
        _ = host?.join(within: deadline.rest)
        _ = edge?.stop(within: deadline.rest)
        health.stop(within: deadline.rest)
        if !isDone { log.write(.error, "\(name) did not end within the shutdown timeout") }
        return isDone
    }

    private func put(_ body: (inout Inbox) -> Void) {
        inbox.withLock { inbox in
            body(&inbox)
            if inbox.since == nil, !inbox.updates.isEmpty { inbox.since = Clock.bootTime() }
        }
        health.received(at: Clock.moment())
        news.signal()
    }

    private func run(_ work: ClusterWork) throws(IntakeFailure) {
        running.enter()
        let isStarted = startThread { [self] in
            var work = work
            loop(&work)
            running.leave()
        }
        if !isStarted {
            running.leave()
            throw IntakeFailure("the system has no thread to spare for the Kubernetes cluster")
        }
    }

    private func loop(_ work: inout ClusterWork) {
        var nextSnapshot = Deadline(in: Self.snapshotInterval)
        var nextRetry = Deadline(in: Self.retryInterval)
        let writing = DispatchGroup()
        while true {
            let hadFailures = work.hasFailures || health.hasFailures
            let pause = hadFailures ? min(nextRetry.rest, nextSnapshot.rest) : nextSnapshot.rest
            _ = news.wait(timeout: .now() + pause.seconds)
            // What came with it is taken as well. Not behind that: what comes then is news.
            while news.wait(timeout: .now()) == .success {}
            let (updates, since, host, isStopped) = inbox.withLock { inbox in
                defer { (inbox.updates, inbox.since, inbox.host) = ([], nil, nil) }
                return (inbox.updates, inbox.since, inbox.host, inbox.isStopped)
            }
            if !isStopped || !updates.isEmpty { work.take(updates, since: since ?? Clock.bootTime(), host) }
            if !hadFailures {
                nextRetry = Deadline(in: Self.retryInterval)
            } else if nextRetry.isOver {
                nextRetry = Deadline(in: Self.retryInterval)
                work.retry()
                if health.hasFailures { health.settle() }
            }
            if isStopped {
                writing.wait()
                if let unsaved = takeUnsaved(of: &work) { save(unsaved) }
                return
            }
            if nextSnapshot.isOver {
                nextSnapshot = Deadline(in: Self.snapshotInterval)
                saveAside(&work, writing)
            }
        }
    }

    /// Keeps the objects for the next start, on a thread of its own: an event need not wait for that.
    private func saveAside(_ work: inout ClusterWork, _ writing: DispatchGroup) {
        guard snapshot != nil, writing.wait(timeout: .now()) == .success, let unsaved = takeUnsaved(of: &work) else { return }
        writing.enter()
        let isStarted = startThread { [self] in
            save(unsaved)
            writing.leave()
        }
        if !isStarted { writing.leave() }
    }

    private func takeUnsaved(of work: inout ClusterWork) -> ClusterWork.Unsaved? {
        work.takeUnsaved(evenUnchanged: failedToSave.withLock { exchange(&$0, with: false) })
    }

    private func save(_ unsaved: ClusterWork.Unsaved) {
        guard let snapshot else { return }
        do throws(KubernetesError) {
            try snapshot.write(unsaved.table, serving: unsaved.balancers.all)
        } catch {
            failedToSave.withLock { $0 = true }
            log.write(
                .error, "the objects of the cluster cannot be kept for the next start; it is tried again", [("error", "\(error)")])
        }
    }

    private func removeLeftover(_ core: any RequestHandler) {
        guard let snapshot, snapshot.exists else { return }
        _ = core.replaceSkipping(.kubernetes, [])
        do throws(EdgeError) {
            let removed = try HostEdge.removeLeftover()
            log.write(
                .info, "what was served of a Kubernetes cluster is removed: there is no section for it",
                [("edge", removed.joined(separator: ", "))])
            snapshot.remove()
        } catch {
            log.write(
                .error, "what leads packets to services of a Kubernetes cluster cannot be removed; the next start tries again",
                [("error", "\(error)")])
        }
    }
}
