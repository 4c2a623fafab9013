import HostSystem
import Synchronization

/// Which faults there were when, and how long an address may be without an answer by them.
final class FaultHistory: Sendable {
    /// The faults in force from a time on.
    struct Change {
        let time: Duration
        let faults: Set<Fault>
        /// Whether etcd was disturbed by this change: it may elect a leader.
        let disturbsEtcd: Bool
        /// Whether this machine stands still from then on.
        var isStall = false
    }

    /// What the client saw and should not have.
    struct Violation: CustomStringConvertible {
        let description: String
    }

    private let changes: Mutex<[Change]>
    private let takeover: Duration
    private let hosts: Int

    /// How long a silence may be that no fault explains: a hand-over, and a busy machine.
    private let unexplained: Duration
    /// For starting, claiming, binding and announcing on a busy machine.
    private let reaction: Duration
    /// For etcd to elect a leader, and for those who wait to hear of the owners again.
    private let election: Duration

    /// - Parameter slack: how many times as long as usual all of that may take.
    init(_ lab: Lab, slack: Int) {
        (unexplained, reaction, election) = (.milliseconds(500 * slack), .milliseconds(2500 * slack), .milliseconds(2500 * slack))
        takeover = .seconds(lab.options.takeover)
        hosts = lab.options.hosts
        changes = Mutex([Change(time: Clock.bootTime(), faults: [], disturbsEtcd: false)])
    }

    /// Notes that a fault begins or ends now.
    func note(_ fault: Fault, isBegin: Bool) {
        changes.withLock { changes in
            var faults = changes.last?.faults ?? []
            if isBegin { faults.insert(fault) } else { faults.remove(fault) }
            changes.append(Change(time: Clock.bootTime(), faults: faults, disturbsEtcd: fault.part == .etcd))
        }
    }

    /// Notes that this machine stood still: that may take long, and is behind it for everybody as if etcd had been disturbed.
    func note(stall: ClosedRange<Duration>) {
        changes.withLock { changes in
            let before = changes.last { $0.time <= stall.lowerBound }?.faults ?? []
            let after = changes.last { $0.time <= stall.upperBound }?.faults ?? []
            changes.append(Change(time: stall.lowerBound, faults: before, disturbsEtcd: true, isStall: true))
            changes.append(Change(time: stall.upperBound, faults: after, disturbsEtcd: true))
            changes.sort { $0.time < $1.time }
        }
    }

    /// How often this machine stood still, and for how long at the most.
    var stalls: (count: Int, longest: Duration) {
        changes.withLock { changes in
            let lengths = zip(changes, changes.dropFirst()).filter { $0.0.isStall }.map { $1.time - $0.time }
            return (lengths.count, lengths.max() ?? .zero)
        }
    }

    /// How long an address may be without an answer after a change; nil where it may be so as long as these faults are there.
    private func bound(after change: Change, isAtMostOne: Bool) -> Duration? {
        if change.isStall { return nil }
        let broken = Dictionary(grouping: change.faults.compactMap(\.host)) { $0 }
        let isAble = (1...hosts).contains { broken[$0] == nil }
        if isAble { return takeover + reaction + (change.disturbsEtcd ? election : .zero) }
        if isAtMostOne { return nil }
        // Whoever runs and is reached takes the address where etcd says nothing.
        let isReachable = (1...hosts).contains { host in
            change.faults.allSatisfy { $0.host != host || $0 == .cutFromEtcd(host) || $0 == .silentToEtcd(host) }
        }
        return isReachable ? takeover * 3 + reaction : nil
    }

    /// What is wrong with a silence of an address; nil where the faults allow it.
    func violation(_ silence: AnswerRecord.Silence, of address: LabAddress) -> Violation? {
        let changes = changes.withLock(\.self)
        for (place, change) in changes.enumerated() {
            let next = place + 1 < changes.count ? changes[place + 1].time : silence.end
            guard next > silence.start, change.time < silence.end, let bound = bound(after: change, isAtMostOne: address.isAtMostOne)
            else { continue }
            let limit = max(change.time + bound, silence.start + unexplained)
            if limit < min(silence.end, next) {
                let faults = change.faults.map(\.description).sorted().joined(separator: ", ")
                return Violation(
                    description: "\(address.address) (\(address.policy)) was without an answer for \(silence.time.text), "
                        + "and \((silence.end - change.time).text) after faults began or ended last; in force: \(faults.isEmpty ? "none" : faults)"
                )
            }
        }
        return nil
    }

    /// All that the client saw since a time and should not have.
    func violations(_ lab: Lab, since start: Duration) -> [Violation] {
        lab.options.addresses.flatMap { address in
            var found: [Violation] = []
            for question in Question.allCases {
                let record = lab.client.record(address.address, question)
                if address.isAtMostOne, record.doubles(since: start) > 0 {
                    let runs = record.runs(since: start).filter { $0.owners.count > 1 }
                    found.append(
                        Violation(description: "\(address.address) (at_most_one) was answered by several hosts: \(question.word), \(runs)"))
                }
                if question != .whoHas { found += record.silences(since: start).compactMap { violation($0, of: address) } }
            }
            return found
        }
    }
}

extension Duration {
    /// `812 ms`.
    var text: String { "\(Int((self / .milliseconds(1)).rounded())) ms" }
}
