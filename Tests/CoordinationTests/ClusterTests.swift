import Etcd
import EtcdTestSupport
import HostSystem
import TestSupport
import Testing

@testable import Coordination

/// Hosts on Debian's etcd.
@Suite struct ClusterTests {
    private static let name = "10.0.0.1"

    /// Runs a body while hosts with the ids `a`, `b` and so on run, each behind a relay of its own.
    private func withHosts(
        _ count: Int, on cluster: EtcdCluster, names: [String] = [name], policy: OwnershipPolicy = .atMostOne,
        takeover: Duration = .seconds(1),
        _ body: ([TestHost], [Relay]) async throws -> Void
    ) async throws {
        let relays = try (0..<count).map { _ in try Relay(to: cluster.clientPorts[0]) }
        let hosts = try relays.enumerated().map { place, relay in
            var etcd = cluster.configuration
            etcd.endpoints = [try EtcdEndpoint("http://127.0.0.1:\(relay.port)")]
            return try TestHost(["a", "b", "c"][place], etcd, names: names, Candidacy(policy: policy), takeover: takeover)
        }
        try await end(hosts, relays) { try await body(hosts, relays) }
    }

    /// Runs a body, and ends the hosts and relays whatever comes of it.
    private func end(_ hosts: [TestHost], _ relays: [Relay] = [], after body: () async throws -> Void) async throws {
        let outcome: (any Error)?
        do {
            try await body()
            outcome = nil
        } catch {
            outcome = error
        }
        for host in hosts { try await host.stop() }
        for relay in relays { relay.end() }
        if let outcome { throw outcome }
    }

    private func owner(_ hosts: [TestHost], _ name: String = name) async throws -> TestHost {
        var owner: TestHost?
        try await eventually("an owner") {
            owner = hosts.first { $0.owns(name) }
            return owner != nil
        }
        return try #require(owner)
    }

    @Test("What one host shares all hosts know, also those that were away, and the newest holds after a store that was lost")
    func values() async throws {
        func value(_ number: Int64, _ host: String, _ text: String?) -> SharedValue {
            SharedValue(name: Self.name, number: number, host: host, text: text)
        }
        try await EtcdCluster.run { cluster in
            try await withHosts(2, on: cluster) { hosts, relays in
                func wasTold(_ host: TestHost, _ value: SharedValue) -> Bool { host.notices.contains(.shared([value])) }
                hosts[0].coordination.share([value(1, "a", "one")])
                try await eventually("the other host is told") { wasTold(hosts[1], value(1, "a", "one")) }
                relays[1].set(.cut)
                hosts[0].coordination.share([value(3, "a", nil)])
                // It does not know of the removal, and is older.
                hosts[1].coordination.share([value(2, "b", "two")])
                relays[1].set(.open)
                try await eventually("the host that was away is told") { wasTold(hosts[1], value(3, "a", nil)) }
                let client = try EtcdClient(cluster.configuration)
                _ = try await onThread {
                    try client.transact(EtcdTransaction(compares: [], success: [.delete(.prefix("/lbaas/test/vip/address/"))]))
                }
                try await eventually("the store has it again") {
                    let snapshot = try await onThread { try client.rangeAll(.prefix("/lbaas/test/vip/address/")) }
                    return snapshot.entries.map { SharedValue(name: Self.name, $0.value) } == [value(3, "a", nil)]
                }
                #expect(!hosts[0].notices.contains { if case .shared = $0 { true } else { false } })
            }
        }
    }

    @Test("One of three hosts owns a name, hands it over on request, and gives it up when it stops")
    func handover() async throws {
        try await EtcdCluster.run { cluster in
            try await withHosts(3, on: cluster) { hosts, _ in
                let first = try await owner(hosts)
                let others = hosts.filter { $0 !== first }
                try await eventually("the other hosts") {
                    first.coordination.report() == [OwnershipReport(name: Self.name, owner: first.id, isOwned: true)]
                }
                #expect(throws: CoordinationError.self) { try others[0].coordination.failOver(Self.name, to: nil) }
                #expect(throws: CoordinationError.self) { try first.coordination.failOver(Self.name, to: "nobody") }
                // It is possible as soon as the other host's offer is known. The heir has but a head start: on a busy machine another host may
                // be faster, and is asked to hand over in turn.
                try await eventually("the heir") {
                    if others[1].owns(Self.name) { return true }
                    for host in hosts where host.owns(Self.name) { try? host.coordination.failOver(Self.name, to: others[1].id) }
                    return false
                }
                #expect(!first.losses.isEmpty && first.losses.allSatisfy { $0 == .lost(Self.name, .released) })
                #expect(try await others[1].stop(releasing: true))
                try await eventually("another owner") { first.owns(Self.name) || others[0].owns(Self.name) }
                #expect(others[1].losses == [.lost(Self.name, .released)])
                #expect(overlaps(hosts, Self.name) == [])
            }
        }
    }

    @Test("An owner whose link to etcd is cut loses the name, and another host owns it", arguments: [Relay.Mode.cut, .held])
    func cutLink(_ mode: Relay.Mode) async throws {
        try await EtcdCluster.run { cluster in
            try await withHosts(2, on: cluster) { hosts, relays in
                let first = try await owner(hosts)
                let place = try #require(hosts.firstIndex { $0 === first })
                let second = hosts[1 - place]
                try await eventually("the standby") { second.notices.contains(.connected) }
                relays[place].set(mode)
                try await eventually("the next owner") { second.owns(Self.name) }
                #expect(first.losses == [.lost(Self.name, .expired)])
                #expect(first.log.contains("this host has no right in the cluster"))
                relays[place].set(.open)
                let before = first.notices.count { $0 == .connected }
                try await eventually("the host is back") { first.notices.count { $0 == .connected } > before }
                #expect(second.owns(Self.name) && !first.owns(Self.name))
                #expect(overlaps(hosts, Self.name) == [])
            }
        }
    }

    @Test("A host that ended without a word is replaced, and a worker that starts again on its host goes on as the owner")
    func ended() async throws {
        try await EtcdCluster.run { cluster in
            // A process of this host that is not there.
            let parts = ProcessIdentity.own().split(separator: "/", omittingEmptySubsequences: false)
            let dead = "\(parts[0])/\(parts[1])/2147483647/1"
            let (etcd, candidacy) = (cluster.configuration, Candidacy(policy: .atMostOne))
            let first = try TestHost("a", etcd, names: [Self.name], candidacy, takeover: .seconds(20), process: dead)
            _ = try await owner([first])
            try await first.stop()
            let again = try TestHost("a", etcd, names: [Self.name], candidacy, process: dead)
            try await end([again]) { _ = try await owner([again]) }
            let second = try TestHost("b", etcd, names: [Self.name], candidacy)
            try await end([second]) {
                _ = try await owner([second])
                #expect(second.notices.contains { if case .owned(Self.name, .some) = $0 { true } else { false } })
            }
        }
    }

    @Test("A second worker with the same host id is refused, and both are told")
    func duplicate() async throws {
        try await EtcdCluster.run { cluster in
            let (etcd, candidacy) = (cluster.configuration, Candidacy(policy: .atMostOne))
            let first = try TestHost("a", etcd, names: [Self.name], candidacy)
            let second = try TestHost("a", etcd, names: [Self.name], candidacy, process: "another host/1/2/3")
            try await end([first, second]) {
                let owner = try await owner([first, second])
                let other = owner === first ? second : first
                for host in [first, second] {
                    try await eventually("the conflict") { host.notices.contains { if case .duplicateHost = $0 { true } else { false } } }
                    #expect(host.log.contains("another worker has the same host id"))
                }
                #expect(!other.owns(Self.name) && owner.losses.isEmpty)
                // When the one has gone the other has the id.
                try await owner.stop()
                try await eventually("the other worker") { other.owns(Self.name) }
                #expect(overlaps([first, second], Self.name) == [])
            }
        }
    }

    @Test("Two hundred names move together")
    func manyNames() async throws {
        try await EtcdCluster.run { cluster in
            let names = (1...200).map { "10.0.0.\($0)" }
            try await withHosts(2, on: cluster, names: names) { hosts, relays in
                try await eventually("an owner of each") { names.allSatisfy { name in hosts.contains { $0.owns(name) } } }
                try await eventually("the standby") { hosts.allSatisfy { $0.notices.contains(.connected) } }
                let loser = try #require(hosts.first { $0.owns(names[0]) })
                let place = try #require(hosts.firstIndex { $0 === loser })
                relays[place].set(.cut)
                try await eventually("the other owner") { names.allSatisfy { hosts[1 - place].owns($0) } }
                for name in names { #expect(overlaps(hosts, name) == []) }
            }
        }
    }

    @Test("Where etcd is dead and back, a name with at_most_one has the same owner again, and one with at_least_one was kept")
    func etcdRestarted() async throws {
        for policy in OwnershipPolicy.allCases {
            try await EtcdCluster.run { cluster in
                try await withHosts(2, on: cluster, policy: policy) { hosts, _ in
                    let first = try await owner(hosts)
                    try await eventually("the standby") { hosts.allSatisfy { $0.notices.contains(.connected) } }
                    await cluster.kill(0)
                    try await eventually("the end of the right") {
                        first.notices.contains { if case .disconnected = $0 { true } else { false } }
                    }
                    #expect(first.owns(Self.name) == (policy == .atLeastOne))
                    try cluster.start(0)
                    try await cluster.isReady()
                    try await eventually("the hosts are back") {
                        first.owns(Self.name)
                            && hosts.allSatisfy { $0.notices.last { $0 == .connected || isDisconnection($0) } == .connected }
                    }
                    #expect(hosts.allSatisfy { $0 === first || !$0.owns(Self.name) })
                    #expect(first.losses == (policy == .atMostOne ? [.lost(Self.name, .expired)] : []))
                }
            }
        }
    }

    private func isDisconnection(_ notice: OwnershipNotice) -> Bool { if case .disconnected = notice { true } else { false } }

    @Test("etcd's leader is killed, or frozen and thawed, and no name moves")
    func leader() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let hosts = try ["a", "b"].map {
                try TestHost($0, cluster.configuration, names: [Self.name], Candidacy(policy: .atMostOne), takeover: .seconds(6))
            }
            try await end(hosts) {
                let first = try await owner(hosts)
                let frozen = try await cluster.leader()
                try await cluster.freeze(frozen)
                try await goesOn(first)
                // A leader that goes on after another was elected takes leases back that were renewed meanwhile. There are none here.
                cluster.thaw(frozen)
                try await cluster.isReady()
                try await goesOn(first)
                await cluster.kill(try await cluster.leader())
                try await goesOn(first)
                #expect(hosts.allSatisfy { $0.losses.isEmpty })
                #expect(overlaps(hosts, Self.name) == [])
            }
        }
    }

    /// Waits until the right of a host was extended a few times.
    private func goesOn(_ host: TestHost) async throws {
        let before = host.extensions
        try await eventually("the right is extended") { host.extensions >= before + 2 }
    }

    @Test("A full etcd ends the right of an owner, with the reason in the log, and it has the name again when there is room")
    func full() async throws {
        try await EtcdCluster.run(.init(arguments: ["--quota-backend-bytes", "16777216"])) { cluster in
            let host = try TestHost("a", cluster.configuration, names: [Self.name], Candidacy(policy: .atMostOne))
            try await end([host]) {
                _ = try await owner([host])
                try await cluster.fill()
                try await eventually("the end of the right") { host.losses == [.lost(Self.name, .expired)] }
                #expect(host.log.contains("disarm the alarm"))
                try await cluster.makeRoom()
                _ = try await owner([host])
            }
        }
    }

    @Test("A user logs in again where etcd has forgotten the token, and no name moves")
    func authentication() async throws {
        try await EtcdCluster.run { cluster in
            try await cluster.turnOnAuthentication()
            var etcd = cluster.configuration
            etcd.user = .init(name: "lbaas", password: "secret")
            let host = try TestHost("a", etcd, names: [Self.name], Candidacy(policy: .atMostOne), takeover: .seconds(20))
            try await end([host]) {
                _ = try await owner([host])
                await cluster.kill(0)
                try cluster.start(0)
                try await cluster.isReady()
                // A restart empties the list of tokens.
                host.coordination.set("10.0.0.2", Candidacy(policy: .atMostOne))
                try await eventually("another name") { host.owns("10.0.0.2") }
                #expect(host.losses.isEmpty)
            }
        }
    }
}
