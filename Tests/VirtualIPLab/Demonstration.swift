import HostSystem
import TestSupport

/// Shows what becomes of two virtual IPs, one of each policy, when their owner changes.
struct Demonstration {
    /// An address of each policy.
    private static let addresses = Array(LabAddress.all.prefix(2))

    /// Runs it.
    ///
    /// - Throws: where a step does not go as it should.
    func run() async throws {
        var options = Lab.Options()
        options.addresses = Self.addresses
        try await Lab.run(options) { lab in
            print(
                """

                Three hosts in network namespaces on one switch, each with a worker; etcd with three members; takeover = 3.
                A client on the switch pings each address each millisecond. The hosts are told apart by their hardware addresses.
                """)
            try await step(1, "Failover on request", in: lab, atMostOne: .milliseconds(200), atLeastOne: .milliseconds(100)) { owner in
                for address in Self.addresses { try owner.failOver(address) }
            } end: { _ in
            }
            try await step(2, "The owner's worker is killed", in: lab, atMostOne: .milliseconds(1500), atLeastOne: .milliseconds(100)) {
                try await $0.kill()
            } end: {
                try $0.start()
            }
            try await step(3, "The owner's worker is frozen", in: lab, atMostOne: .milliseconds(1500), atLeastOne: .milliseconds(100)) {
                try $0.freeze()
            } end: {
                try $0.thaw()
            }
            print("\nAll steps went as they should. The hosts and etcd are stopped, and nothing is left.")
        }
    }

    /// Has something befall the owner of both addresses, waits for the next one, and prints what the client saw.
    private func step(
        _ number: Int, _ title: String, in lab: Lab, atMostOne: Duration, atLeastOne: Duration, begin: (LabHost) async throws -> Void,
        end: (LabHost) async throws -> Void
    ) async throws {
        print("\n\(number). \(title)")
        try await gather(lab)
        let owner = try await lab.owner(of: Self.addresses[0])
        let observation = Observation(of: lab)
        try await begin(owner)
        try await observation.moved(Self.addresses, from: owner)
        try await end(owner)
        try await lab.isWhole()
        try await observation.isComplete()
        for address in Self.addresses {
            let next = try await lab.owner(of: address)
            print(
                "  \(address.address) (\(address.policy)): host \(owner.number) to host \(next.number), "
                    + "\(observation.lost(address)) pings lost, no answer for \(observation.silence(address, .ping).text), "
                    + "\(observation.doubles(address, .everyone)) questions answered by two hosts")
            try observation.expect(address, silentForAtMost: address.isAtMostOne ? atMostOne : atLeastOne)
        }
    }

    /// Has one host own both addresses.
    private func gather(_ lab: Lab) async throws {
        let owner = try await lab.owner(of: Self.addresses[0])
        let other = try await lab.owner(of: Self.addresses[1])
        if other === owner { return }
        try other.failOver(Self.addresses[1], to: owner)
        try await eventually("one owner of both addresses") { try await lab.owner(of: Self.addresses[1]) === owner }
        try await lab.isWhole()
    }
}
