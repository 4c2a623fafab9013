import Foundation
import HostSystem
import TestSupport

/// Something that must be harmless, in a lab.
struct Scenario: Sendable {
    let name: String
    let body: @Sendable (Lab) async throws -> Void

    /// The longest silence that a hand-over, or a machine that is busy otherwise, may cause.
    static let brief = Duration.milliseconds(100)

    /// A fault that befalls the owner of an address, or etcd, for so many seconds.
    ///
    /// - Parameters:
    ///   - atMostOne: how long the addresses of the owner with this policy may be without an answer.
    ///   - atLeastOne: the same for the others. Addresses of other hosts must be answered all the time.
    ///   - keepsOwners: whether no address may move.
    static func fault(
        _ fault: @escaping @Sendable (_ owner: Int) -> Fault, for seconds: Double, atMostOne: Duration, atLeastOne: Duration,
        keepsOwners: Bool = false
    ) -> Scenario {
        let name = "\(fault(0))".replacingOccurrences(of: "host 0", with: "an owner")
        return Scenario(name: "\(name)\(fault(0).isShort ? "" : ", for \(seconds) s")") { lab in
            let owners = try await lab.owners()
            let victim = owners[lab.options.addresses[0]] ?? 1
            let observation = Observation(of: lab)
            let trouble = try await Trouble(fault(victim), in: lab)
            try await Task.sleep(for: .seconds(seconds))
            try await trouble.end(in: lab)
            try await lab.isWhole()
            try await observation.isComplete()
            for address in lab.options.addresses {
                let isHit = owners[address] == victim
                try observation.expect(address, silentForAtMost: isHit ? (address.isAtMostOne ? atMostOne : atLeastOne) : brief)
            }
            if keepsOwners, try await lab.owners() != owners { throw TooLong(description: "an address moved") }
        }
    }

    /// What befalls one host, or a part of etcd. The lab has a takeover time of 3 s.
    static let faults: [Scenario] = [
        fault(Fault.killed, for: 5, atMostOne: .milliseconds(1500), atLeastOne: brief),
        fault(Fault.frozen, for: 10, atMostOne: .milliseconds(1500), atLeastOne: brief),
        fault(Fault.starved, for: 10, atMostOne: .milliseconds(4500), atLeastOne: .seconds(1)),
        fault(Fault.restarted, for: 1, atMostOne: .milliseconds(500), atLeastOne: brief),
        fault(Fault.cutFromEtcd, for: 6, atMostOne: .milliseconds(1500), atLeastOne: brief),
        fault(Fault.silentToEtcd, for: 6, atMostOne: .milliseconds(1500), atLeastOne: brief),
        fault(Fault.noCarrier, for: 4, atMostOne: .seconds(1), atLeastOne: .seconds(1)),
        fault(Fault.interfaceDown, for: 4, atMostOne: .seconds(1), atLeastOne: .seconds(1)),
        fault(Fault.unplugged, for: 4, atMostOne: .seconds(1), atLeastOne: .seconds(1)),
        fault(Fault.addressesFlushed, for: 1, atMostOne: .milliseconds(300), atLeastOne: .milliseconds(300), keepsOwners: true),
        fault(Fault.filterFlushed, for: 1, atMostOne: brief, atLeastOne: brief, keepsOwners: true),
        fault({ _ in .memberKilled(0) }, for: 3, atMostOne: brief, atLeastOne: brief, keepsOwners: true),
        fault({ _ in .memberFrozen(1) }, for: 3, atMostOne: brief, atLeastOne: brief, keepsOwners: true),
        fault({ _ in .leaderKilled }, for: 4, atMostOne: brief, atLeastOne: brief, keepsOwners: true),
        fault({ _ in .leaderFrozen }, for: 9, atMostOne: brief, atLeastOne: brief, keepsOwners: true),
        fault({ _ in .slowEtcd }, for: 8, atMostOne: brief, atLeastOne: brief, keepsOwners: true),
    ]
}
