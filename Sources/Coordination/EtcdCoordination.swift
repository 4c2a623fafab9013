import Dispatch
package import Etcd
import HostSystem
package import LBaaS
import Synchronization

/// Who owns which name, among hosts that share an etcd cluster. What is decided, and why it is safe, is in `OwnershipMachine`.
///
/// It has five threads: one for the heartbeats, one for the other changes, one for the watch, one for the times, and short-lived ones for logins.
/// Each hands events to the machine, and carries out what follows. So the loss of a name is told in time while requests wait for answers.
package final class EtcdCoordination: Coordination {
    /// How a host takes part in a cluster.
    package struct Settings: Sendable {
        /// The etcd cluster. Its limits are set by the room.
        package var etcd: EtcdConfiguration
        /// Where the keys are: `/lbaas/NAME/vip/`, with a slash at the end.
        package var prefix: String
        /// The id of this host, which no other has.
        package var host: String
        /// How long a host is silent before another takes over, 1 to 60 s. An owner outlives the loss of etcd's leader where three quarters of it
        /// are longer than the election takes and 1.1 s: 5 s with etcd's default times.
        package var takeover: Duration = .seconds(5)
        /// Where it logs.
        package var log: Log = .silent

        /// A host of a cluster.
        package init(etcd: EtcdConfiguration, prefix: String, host: String) { (self.etcd, self.prefix, self.host) = (etcd, prefix, host) }
    }

    private struct State: Sendable {
        var machine: OwnershipMachine
        var watch: EtcdWatch?
        var isEnding = false
    }

    private let settings: Settings
    private let client: EtcdClient
    private let state: Mutex<State>
    private let notices = NoticeQueue()
    private let lanes: [OwnershipMachine.Lane: RequestLane]
    private let timer = Waker()
    private let running = DispatchGroup()
    private let isStopped = DispatchSemaphore(value: 0)
    /// Which failures are in the log since the last heartbeat that was answered: of endpoints, and others.
    private let loggedFailures = Mutex<Set<Bool>>([])

    /// A host that does nothing before `start`. Once it was started it goes on until `stop`.
    ///
    /// - Throws: `configuration` where a setting cannot be used.
    package convenience init(_ settings: Settings) throws(CoordinationError) {
        try self.init(settings, process: ProcessIdentity.own())
    }

    /// - Parameter process: which process this is.
    init(_ settings: Settings, process: String) throws(CoordinationError) {
        let id = settings.host
        guard !id.isEmpty, id.utf8.count <= 255, id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            throw CoordinationError(
                .configuration, "host: '\(id)' is not the id of a host (1 to 255 printable characters of ASCII, no space, no slash)")
        }
        guard settings.prefix.hasPrefix("/"), settings.prefix.hasSuffix("/") else {
            throw CoordinationError(.configuration, "the prefix '\(settings.prefix)' of the keys does not begin and end with a slash")
        }
        guard settings.takeover >= .seconds(1), settings.takeover <= .seconds(60) else {
            throw CoordinationError(.configuration, "takeover: \(settings.takeover.seconds) is not a number of seconds (1 to 60)")
        }
        let protocolSettings = OwnershipMachine.Settings(
            keys: ClusterKeys(prefix: settings.prefix), host: id, incarnation: String(UInt64.random(in: 0 ... .max), radix: 36),
            process: process, takeover: settings.takeover, isGone: ProcessIdentity.isGone)
        var etcd = settings.etcd
        etcd.requestLimit = protocolSettings.loginLimit
        etcd.endpointLimit = protocolSettings.requestLimit
        do throws(EtcdError) {
            client = try EtcdClient(etcd)
        } catch {
            throw CoordinationError(.configuration, error.message)
        }
        self.settings = settings
        state = Mutex(State(machine: OwnershipMachine(protocolSettings, now: Clock.bootTime())))
        lanes = Dictionary(uniqueKeysWithValues: OwnershipMachine.Lane.allCases.map { ($0, RequestLane()) })
    }

    /// Begins, and tells from now on what becomes of the names.
    package func start(_ receive: @escaping @Sendable (OwnershipNotice) -> Void) throws(CoordinationError) {
        notices.start { [weak self] notice in
            self?.write(notice)
            receive(notice)
        }
        let times = state.withLock { $0.machine.settings }
        for (kind, lane) in lanes {
            let isStarted = lane.start(client, within: times.requestLimit, running) { [weak self] sentAt, result in
                self?.note(result, of: kind)
                self?.take(.answered(kind, sentAt: sentAt, result))
            }
            if !isStarted { throw noThread() }
        }
        running.enter()
        guard startThread({ [self] in keepTime() }) else {
            running.leave()
            throw noThread()
        }
        do throws(EtcdError) {
            // Heartbeats come more often than that from somebody, this host itself at least.
            let watch = try client.watch(
                .prefix(settings.prefix), silence: times.renewal * 2, requestLimit: times.requestLimit
            ) { [weak self] update in self?.follow(update) }
            state.withLock { $0.watch = watch }
        } catch {
            end()
            throw CoordinationError(.exhausted, error.message)
        }
    }

    private func noThread() -> CoordinationError {
        end()
        return CoordinationError(.exhausted, "the system has no thread to spare for the cluster")
    }

    /// Takes part in a name, or changes how; nil takes part no more.
    package func set(_ name: String, _ candidacy: Candidacy?) { take(.set(name, candidacy)) }

    /// Gives a name up to another host, or to the best of the others where none is named.
    package func failOver(_ name: String, to host: String?) throws(CoordinationError) {
        if let refusal = refusal(ofFailingOver: name, to: host) { throw refusal }
        take(.failOver(name, to: host))
    }

    /// Why a name cannot be given up.
    package func refusal(ofFailingOver name: String, to host: String?) -> CoordinationError? {
        state.withLock { $0.machine.refusal(of: name, to: host, now: Clock.bootTime()) }
    }

    /// Shares values with the other hosts.
    package func share(_ values: [SharedValue]) { if !values.isEmpty { take(.share(values)) } }

    /// Takes an unattended name.
    package func assume(_ name: String) { take(.assume(name)) }

    /// What is known about all names, in their order.
    package func report() -> [OwnershipReport] {
        state.withLock { state in
            state.machine.candidacies.keys.sorted().map { name in
                let owner = state.machine.view.owners[name]?.record.host ?? ""
                return OwnershipReport(name: name, owner: owner.isEmpty ? nil : owner, isOwned: state.machine.holdings[name] != nil)
            }
        }
    }

    /// Ends.
    package func stop(releasing: Bool, within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        var isReleased = true
        if releasing {
            take(.stop)
            isReleased = isStopped.wait(timeout: .now() + deadline.rest.seconds) == .success
        }
        let watch = end()
        let isOver = watch?.join(within: deadline.rest) ?? true
        return running.wait(timeout: .now() + deadline.rest.seconds) == .success && isOver && isReleased
    }

    /// Ends all threads.
    @discardableResult
    private func end() -> EtcdWatch? {
        notices.end()
        let watch = state.withLock { state in
            state.isEnding = true
            return state.watch
        }
        watch?.cancel()
        for lane in lanes.values { lane.end() }
        timer.wake()
        return watch
    }
}

extension EtcdCoordination {
    /// Hands an event to the machine, and has carried out what follows, in the order of the events.
    private func take(_ event: OwnershipMachine.Event) {
        let isSooner = state.withLock { state in
            if state.isEnding { return false }
            let before = state.machine.nextWake
            let actions = state.machine.handle(event, now: Clock.bootTime())
            // Queued under the lock, so that what follows on two events is in their order.
            notices.add(actions.map(step))
            return before.map { before in state.machine.nextWake.map { $0 < before } ?? false } ?? (state.machine.nextWake != nil)
        }
        notices.run()
        if isSooner { timer.wake() }
    }

    private func step(_ action: OwnershipMachine.Action) -> NoticeQueue.Step {
        switch action {
        case .notify(let notice): .notice(notice)
        case .send(let lane, let transaction): .work { [lanes] in lanes[lane]?.send(transaction) }
        case .stopped: .work { [isStopped] in isStopped.signal() }
        }
    }

    private func follow(_ update: EtcdWatch.Update) {
        switch update {
        case .snapshot(let snapshot, let isRollback):
            if isRollback {
                settings.log.write(.warning, "the store of etcd is older than it was; names are claimed after the takeover time")
            }
            take(.snapshot(snapshot, isRollback: isRollback))
        case .changes(let changes, _): take(.changes(changes))
        // A watch that begins with all there is cannot be lost.
        case .opened, .progress, .lost: take(.watching)
        case .interrupted(let error):
            note(error)
            take(.interrupted(error.message))
        }
    }

    /// Sends a tick when the machine wants one.
    private func keepTime() {
        while true {
            let (wake, isEnding) = state.withLock { ($0.machine.nextWake, $0.isEnding) }
            if isEnding { break }
            let rest = wake.map { $0 - Clock.bootTime() } ?? .seconds(3600)
            if rest <= .zero {
                take(.tick)
            } else {
                _ = timer.wait(until: Deadline(in: rest), watching: -1)
            }
        }
        running.leave()
    }

    private func note(_ result: Result<EtcdTransactionResult, EtcdError>, of lane: OwnershipMachine.Lane) {
        switch result {
        case .failure(let error): note(error)
        case .success: if lane == .heartbeat { loggedFailures.withLock { $0 = [] } }
        }
    }

    /// Logs the first failure of an outage: during one each request fails, a hundred times a second.
    private func note(_ error: EtcdError) {
        let isNew = loggedFailures.withLock { $0.insert(error.concernsEndpoint).inserted }
        if isNew { settings.log.write(.warning, "etcd does not serve the cluster", [("reason", error.message)]) }
    }

    /// Logs a notice, where it matters to operators.
    private func write(_ notice: OwnershipNotice) {
        let log = settings.log
        switch notice {
        case .owned(let name, _): log.write(.info, "this host owns the name", [("name", name)])
        case .lost(let name, let reason):
            log.write(.warning, "this host does not own the name any more", [("name", name), ("reason", reason.description)])
        case .yielding(let name):
            log.write(.info, "this host keeps the name, and does not contradict a host that claims it", [("name", name)])
        case .standby(let name, let owner): log.write(.info, "another host owns the name", [("name", name), ("owner", owner)])
        case .unattended(let name): log.write(.warning, "etcd cannot be reached, and nothing is known of the name", [("name", name)])
        case .duplicateHost(let process):
            log.write(
                .error, "another worker has the same host id; give each host an id of its own",
                [("host", settings.host), ("process", process)])
        case .connected: log.write(.info, "the cluster is reached", [("host", settings.host)])
        case .disconnected(let reason): log.write(.warning, "this host has no right in the cluster", [("reason", reason)])
        case .extended, .shared: break
        }
    }
}
