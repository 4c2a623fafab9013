import Etcd
import EtcdTestSupport
import HostSystem
import LBaaS
import TestSupport

@testable import Coordination

/// A host of a real cluster, with all that it was told and when.
final class TestHost: Sendable {
    let id: String
    let coordination: EtcdCoordination
    let log = LogRecord()
    private let told = Record<(notice: OwnershipNotice, time: Duration)>()

    init(
        _ id: String, _ etcd: EtcdConfiguration, names: [String], _ candidacy: Candidacy, takeover: Duration = .seconds(1),
        process: String? = nil
    ) throws {
        self.id = id
        var settings = EtcdCoordination.Settings(etcd: etcd, prefix: "/lbaas/test/vip/", host: id)
        settings.takeover = takeover
        settings.log = log.log
        coordination = try EtcdCoordination(settings, process: process ?? ProcessIdentity.own())
        for name in names { coordination.set(name, candidacy) }
        try coordination.start { [told] notice in told.add((notice, Clock.bootTime())) }
    }

    var notices: [OwnershipNotice] { told.all.map(\.notice) }

    /// How often the right was extended.
    var extensions: Int { notices.count { if case .extended = $0 { true } else { false } } }

    var losses: [OwnershipNotice] { notices.filter { if case .lost = $0 { true } else { false } } }

    /// Ends it on a thread of its own.
    @discardableResult
    func stop(releasing: Bool = false) async throws -> Bool {
        try await onThread { [coordination] in coordination.stop(releasing: releasing, within: .seconds(20)) }
    }

    /// When it owned a name: from when it was told so, until it was told otherwise or the time was over.
    func ownerships(of name: String) -> [(from: Duration, to: Duration)] {
        var ownerships: [(from: Duration, to: Duration)] = []
        var start: Duration?
        var until: Duration?
        func end(_ time: Duration) {
            if let begun = start { ownerships.append((begun, min(time, until ?? time))) }
            (start, until) = (nil, nil)
        }
        for (notice, time) in told.all {
            switch notice {
            case .owned(name, let limit): (start, until) = (time, limit)
            case .extended(let limit):
                // What was over before is not extended.
                if let old = until, time > old { (start, until) = (start.map { _ in time }, limit) }
                if until != nil { until = limit }
            case .lost(name, _): end(time)
            default: break
            }
        }
        end(Clock.bootTime())
        return ownerships
    }

    /// Whether it owns a name now, and was told so: the notice comes a moment after the decision.
    func owns(_ name: String) -> Bool {
        let last = notices.last { notice in
            switch notice {
            case .owned(name, _), .lost(name, _): true
            default: false
            }
        }
        guard case .owned = last else { return false }
        return coordination.report().contains { $0.name == name && $0.isOwned }
    }
}

/// The moments at which two hosts owned a name.
func overlaps(_ hosts: [TestHost], _ name: String) -> [String] {
    var found: [String] = []
    for (place, host) in hosts.enumerated() {
        for other in hosts[(place + 1)...] {
            for mine in host.ownerships(of: name) {
                for theirs in other.ownerships(of: name) where max(mine.from, theirs.from) < min(mine.to, theirs.to) {
                    found.append("\(name): \(host.id) \(mine), \(other.id) \(theirs)")
                }
            }
        }
    }
    return found
}
