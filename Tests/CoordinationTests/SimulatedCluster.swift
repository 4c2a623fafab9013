import Etcd
import Synchronization
import TestSupport

@testable import Coordination

/// Several hosts with clocks of their own, the network, and the store that they share, in a time that passes as fast as it can be computed.
final class SimulatedCluster {
    /// A host: the real machine, with a thin shell as the real one has.
    final class Host {
        let id: String
        /// By how much its clock is ahead.
        let offset: Duration
        var machine: OwnershipMachine
        var incarnation = 0
        var isRunning = false
        /// Whether nothing passes between it and the store.
        var isCut = false
        /// The events that wait while it is frozen; nil while it runs.
        var frozen: [() -> Void]?
        var wakeAt: Duration?
        /// The names that it answers for, by the kernel, until that time of the simulation; nil for no limit.
        var owned: [String: Duration?] = [:]
        var notices: [OwnershipNotice] = []
        var isStopped = false
        /// The watch: which connection it is, whether it is open, and when something came last.
        var connection = 0
        var isOpen = false
        var broken = 0
        var heardAt = Duration.zero
        var deliveredAt = Duration.zero
        var newest = 0

        init(_ id: String, offset: Duration, _ machine: OwnershipMachine) { (self.id, self.offset, self.machine) = (id, offset, machine) }
    }

    let takeover: Duration
    var generator: SeededGenerator
    var now = Duration.zero
    var store = ModelStore()
    var hosts: [Host] = []
    var candidacies: [String: Candidacy] = [:]
    /// How often an answer takes long or a request is carried out late, in percent.
    var trouble = 0
    /// How long everything takes at least, each way.
    var slowness = Duration.zero
    var violations: [String] = []
    /// Called at each change of what a host owns.
    var ownershipChanged: () -> Void = {}

    private var queue = Heap()
    private let processes = Processes()

    init(seed: UInt64, takeover: Duration, hosts ids: [String], candidacies: [String: Candidacy]) {
        self.takeover = takeover
        self.candidacies = candidacies
        generator = SeededGenerator(seed: seed)
        for id in ids {
            let offset = Duration.seconds(Int.random(in: 0...100_000, using: &generator))
            hosts.append(Host(id, offset: offset, machine(id, 0, at: offset)))
        }
    }

    subscript(id: String) -> Host {
        guard let host = hosts.first(where: { $0.id == id }) else { fatalError("there is no host \(id)") }
        return host
    }

    private func machine(_ id: String, _ incarnation: Int, at time: Duration) -> OwnershipMachine {
        let settings = OwnershipMachine.Settings(
            keys: ClusterKeys(prefix: "/lbaas/test/vip/"), host: id, incarnation: "\(id)-\(incarnation)", process: "\(id)-\(incarnation)",
            takeover: takeover, isGone: { [processes] process in process.hasPrefix("\(id)-") && !processes.run(process) })
        return OwnershipMachine(settings, now: time)
    }

    // MARK: Time

    func schedule(after delay: Duration, _ body: @escaping () -> Void) { queue.push(now + delay, body) }

    /// Lets time pass.
    func run(for duration: Duration) {
        let end = now + duration
        while let (time, body) = queue.pop(until: end) {
            now = time
            body()
        }
        now = end
    }

    /// Lets time pass until something holds, and answers how long it took; nil where it does not within the limit.
    func run(until condition: () -> Bool, within limit: Duration) -> Duration? {
        let start = now
        while !condition() {
            guard let (time, body) = queue.pop(until: start + limit) else { return nil }
            now = time
            body()
        }
        return now - start
    }

    private func delay() -> Duration {
        let isLong = Int.random(in: 0..<100, using: &generator) < trouble
        return slowness + .microseconds(Int.random(in: isLong ? 1000...400_000 : 300...3000, using: &generator))
    }

    // MARK: Hosts

    /// Starts a host, or its worker again.
    func start(_ id: String) {
        let host = self[id]
        host.incarnation += 1
        host.machine = machine(id, host.incarnation, at: now + host.offset)
        processes.set("\(id)-\(host.incarnation)", true)
        (host.isRunning, host.isStopped, host.frozen, host.owned) = (true, false, nil, [:])
        host.connection += 1
        host.isOpen = false
        for (name, candidacy) in candidacies.sorted(by: { $0.key < $1.key }) { tell(host, .set(name, candidacy)) }
        openWatch(host, host.connection)
        ownershipChanged()
    }

    /// Ends a worker at once. What it owned is answered for by the kernel until its time is over, or the host is gone.
    func kill(_ id: String) {
        let host = self[id]
        (host.isRunning, host.frozen) = (false, nil)
        host.connection += 1
        processes.set("\(id)-\(host.incarnation)", false)
        host.owned = host.owned.filter { $0.value != nil }
        ownershipChanged()
    }

    /// Stops all of a host's threads. Its kernel goes on.
    func freeze(_ id: String) {
        self[id].frozen = []
        ownershipChanged()
    }

    func thaw(_ id: String) {
        let host = self[id]
        let waiting = host.frozen ?? []
        host.frozen = nil
        for body in waiting { body() }
        tell(host, .tick)
        ownershipChanged()
    }

    /// Hands an event over, when the host's threads run.
    func tell(_ host: Host, _ event: OwnershipMachine.Event) {
        let incarnation = host.incarnation
        let body = { [self] in
            guard host.isRunning, host.incarnation == incarnation else { return }
            for action in host.machine.handle(event, now: now + host.offset) { perform(action, host) }
            scheduleWake(host)
        }
        if host.frozen != nil { host.frozen?.append(body) } else { body() }
    }

    private func scheduleWake(_ host: Host) {
        guard let wake = host.machine.nextWake, wake != host.wakeAt else { return }
        host.wakeAt = wake
        schedule(after: max(.zero, wake - host.offset - now) + .microseconds(Int.random(in: 0...500, using: &generator))) { [self] in
            if host.wakeAt != wake { return }
            host.wakeAt = nil
            tell(host, .tick)
        }
    }

    private func perform(_ action: OwnershipMachine.Action, _ host: Host) {
        switch action {
        case .send(let lane, let transaction): send(lane, transaction, host)
        case .stopped: host.isStopped = true
        case .notify(let notice):
            host.notices.append(notice)
            switch notice {
            case .owned(let name, let until): host.owned[name] = .some(until.map { $0 - host.offset })
            case .extended(let until):
                for (name, old) in host.owned where old != nil { host.owned[name] = .some(until - host.offset) }
            case .lost(let name, _): host.owned[name] = nil
            default: break
            }
            check()
            ownershipChanged()
        }
    }

    /// The hosts that answer for a name now. A frozen host answers, by its kernel, until its time is over.
    func answering(_ name: String) -> [String] {
        hosts.filter { host in host.owned[name].map { until in until.map { now < $0 } ?? true } ?? false }.map(\.id)
    }

    private func check() {
        for (name, candidacy) in candidacies where candidacy.policy == .atMostOne {
            let owners = answering(name)
            if owners.count > 1 { violations.append("\(now): \(name) is answered for by \(owners)") }
        }
    }

    // MARK: The network and the store

    private func send(_ lane: OwnershipMachine.Lane, _ transaction: EtcdTransaction, _ host: Host) {
        let (sent, incarnation) = (now, host.incarnation)
        var isAnswered = false
        func answer(_ result: Result<EtcdTransactionResult, EtcdError>) {
            if isAnswered || host.incarnation != incarnation { return }
            isAnswered = true
            tell(host, .answered(lane, sentAt: sent + host.offset, result))
        }
        schedule(after: .milliseconds(300)) { answer(.failure(EtcdError(.timedOut, "no answer came in time", mayBeApplied: true))) }
        // A member that is frozen carries out later what it was sent.
        let isLate = Int.random(in: 0..<300, using: &generator) < trouble
        schedule(after: isLate ? .milliseconds(Int.random(in: 300...4000, using: &generator)) : delay()) { [self] in
            if host.isCut { return }
            let (result, changes) = store.apply(transaction)
            publish(changes)
            schedule(after: delay()) { if !host.isCut { answer(.success(result)) } }
        }
    }

    private func publish(_ changes: [EtcdChange]) {
        if changes.isEmpty { return }
        for host in hosts where host.isOpen { deliver(host) { self.tell(host, .changes(changes)) } }
    }

    /// Delivers something over the watch of a host, behind what is under way.
    private func deliver(_ host: Host, _ body: @escaping () -> Void) {
        let connection = host.connection
        host.deliveredAt = max(host.deliveredAt, now + delay())
        schedule(after: host.deliveredAt - now) { [self] in
            // What follows on something that is lost does not come either.
            if host.isCut { host.broken = connection }
            if host.connection != connection || host.broken == connection { return }
            host.heardAt = now
            body()
        }
    }

    private func openWatch(_ host: Host, _ connection: Int) {
        guard host.isRunning, host.connection == connection else { return }
        if host.isCut {
            return schedule(after: .milliseconds(Int.random(in: 10...250, using: &generator))) { [self] in openWatch(host, connection) }
        }
        schedule(after: delay()) { [self] in
            guard host.isRunning, host.connection == connection else { return }
            if host.isCut { return openWatch(host, connection) }
            let snapshot = store.snapshot
            (host.isOpen, host.heardAt) = (true, now)
            let isRollback = snapshot.revision < host.newest
            host.newest = snapshot.revision
            deliver(host) { self.tell(host, .snapshot(snapshot, isRollback: isRollback)) }
            watchSilence(host, connection)
        }
    }

    /// Opens the watch again where nothing comes.
    private func watchSilence(_ host: Host, _ connection: Int) {
        schedule(after: takeover / 4) { [self] in
            guard host.isRunning, host.connection == connection else { return }
            // A frozen host reads nothing: what comes waits in its socket.
            if host.frozen != nil || now - host.heardAt < takeover / 2 { return watchSilence(host, connection) }
            host.connection += 1
            host.isOpen = false
            tell(host, .interrupted("nothing came in time"))
            openWatch(host, host.connection)
        }
    }

    /// Changes a key from outside.
    func put(_ key: String, _ value: [UInt8]) {
        publish(store.apply(EtcdTransaction(compares: [], success: [.put(key, value)])).changes)
    }

    /// Deletes a key from outside.
    func delete(_ key: String) { publish(store.apply(EtcdTransaction(compares: [], success: [.delete(.key(key))])).changes) }

    /// Replaces the store by an older state of it, and closes all connections.
    func restore(_ old: ModelStore) {
        store = old
        for host in hosts where host.isRunning {
            host.connection += 1
            host.isOpen = false
            tell(host, .interrupted("etcd closed the connection"))
            openWatch(host, host.connection)
        }
    }
}

/// The workers that run.
private final class Processes: Sendable {
    private let running = Mutex<Set<String>>([])

    func run(_ process: String) -> Bool { running.withLock { $0.contains(process) } }

    func set(_ process: String, _ runs: Bool) {
        running.withLock { _ = runs ? $0.insert(process).inserted : $0.remove(process) != nil }
    }
}

/// What is to be done, in the order of time, and of scheduling where the time is the same.
private struct Heap {
    private var items: [(time: Duration, number: Int, body: () -> Void)] = []
    private var count = 0

    mutating func push(_ time: Duration, _ body: @escaping () -> Void) {
        count += 1
        items.append((time, count, body))
        var place = items.count - 1
        while place > 0, isBefore(place, (place - 1) / 2) {
            items.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func pop(until end: Duration) -> (Duration, () -> Void)? {
        guard let first = items.first, first.time <= end else { return nil }
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < items.count && isBefore(child, least) { least = child }
            if least == place { break }
            items.swapAt(place, least)
            place = least
        }
        return (first.time, first.body)
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (items[left].time, items[left].number) < (items[right].time, items[right].number)
    }
}
