import LBaaS
import Synchronization

@testable import StateStore

/// A state file in memory: it can refuse a write, lose its power before or after it, and let others go on while it synchronizes.
final class SimulatedStore: DurableStore, Sendable {
    private let world: World
    private let state = Mutex(StoredState())
    private let entries = Mutex<[JournalEntry]>([])

    init(_ world: World) { self.world = world }

    /// What is durable.
    var durable: StoredState { state.withLock { $0 } }

    func load() throws(StateStoreError) -> StoredState { durable }

    /// How many changes are durable.
    var journalLength: Int { entries.withLock(\.count) }

    /// The changes that are durable, without the first ones.
    func journal(from place: Int) -> ArraySlice<JournalEntry> { entries.withLock { $0[place...] } }

    func journal(after revision: UInt64, limit: Int) throws(StateStoreError) -> [JournalEntry] {
        Array(entries.withLock { $0.filter { $0.revision > revision }.prefix(limit) })
    }

    func commit(_ writes: [StateWrite]) throws(StateStoreError) {
        world.call()
        let isRefused = world.with { world in
            defer { world.refusedWrites = max(0, world.refusedWrites - 1) }
            return world.refusedWrites > 0
        }
        if isRefused { throw StateStoreError(.inaccessible, "told to refuse") }
        guard world.effect() else { return }
        state.withLock { state in
            for write in writes { state.take(write) }
        }
        for case .journal(let new) in writes { entries.withLock { $0 += new } }
        world.call()
    }
}

extension StoredState {
    /// The rows of facts.
    init(_ facts: Facts) {
        self.init()
        for (id, health) in facts.health {
            for write in Optional(health).writes(from: nil, of: id) { take(write) }
        }
    }

    mutating func take(_ write: StateWrite) {
        switch write {
        case .put(let row):
            loadBalancers.removeAll { $0.id == row.id }
            loadBalancers.append(row)
        case .delete(let id):
            loadBalancers.removeAll { $0.id == id }
            traffic.removeAll { $0.id == id }
            deleted.removeAll { $0 == id }
            deleted.append(id)
        case .forgetDeleted(let id): deleted.removeAll { $0 == id }
        case .traffic(let account):
            traffic.removeAll { $0.id == account.id }
            traffic.append(account)
        case .drains(let new):
            drains.removeAll { $0.address == new.address && $0.port == new.port && $0.transport == new.transport }
            if !new.drains.isEmpty { drains.append(new) }
        case .node(let node):
            nodes.removeAll { $0.id == node.id && $0.node == node.node }
            nodes.append(node)
        case .forgetNode(let id, let node): nodes.removeAll { $0.id == id && $0.node == node }
        case .quorum(let id, let hasQuorum): quorums[id] = hasQuorum
        case .forgetHealth(let id):
            quorums[id] = nil
            nodes.removeAll { $0.id == id }
        case .virtualIP(let row):
            virtualIPs.removeAll { $0.address == row.address }
            virtualIPs.append(row)
        case .silencedRoutes(let rows): silencedRoutes = rows
        case .front(let name, let front): fronts.fronts[name] = front
        case .isEmptyByDelete(let isEmpty): isEmptyByDelete = isEmpty
        case .revision(let number): revision = number
        case .journal(let entries): revision = entries.last?.revision ?? revision
        }
    }
}
