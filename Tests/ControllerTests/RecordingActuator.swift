import LBaaS
import Synchronization

/// Notes in a journal what its layer is to add and to remove, and how often the appliance had been changed by then.
final class RecordingActuator: Actuator {
    /// What several of them note, in order.
    final class Journal: Sendable {
        private let lines = Mutex<[String]>([])

        func note(_ line: String) { lines.withLock { $0.append(line) } }

        /// What was noted since it was asked last.
        func take() -> [String] {
            lines.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
    }

    let layer: EffectLayer
    private let driver: RecordingDriver
    private let journal: Journal

    init(_ layer: EffectLayer, _ driver: RecordingDriver, _ journal: Journal) {
        self.layer = layer
        self.driver = driver
        self.journal = journal
    }

    func begin(_ states: [EffectiveState]) { note("begin", states.filter { !effects($0).isEmpty }.map(\.id)) }
    func add(_ changes: [EffectiveChange]) { note("add", changes.filter { !effects($0.new).isSubset(of: effects($0.old)) }.map(\.new.id)) }
    func remove(_ changes: [EffectiveChange]) {
        note("remove", changes.filter { !effects($0.old).isSubset(of: effects($0.new)) }.map(\.old.id))
    }

    func flush(within limit: Duration) -> Bool {
        journal.note("\(driver.applied.count) \(layer) flush")
        return true
    }

    func stop(within limit: Duration) -> Bool { true }

    private func effects(_ state: EffectiveState) -> Set<IPAddress> { layer == .addresses ? state.addresses : state.routes }

    private func note(_ what: String, _ ids: [LoadBalancerID]) {
        if !ids.isEmpty { journal.note("\(driver.applied.count) \(layer) \(what) \(ids.map(\.text).sorted().joined(separator: " "))") }
    }
}
