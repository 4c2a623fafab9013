import EtcdTestSupport
import Foundation
import HostSystem
import LBaaS
import TestSupport
import WorkerHarness

/// Hosts with workers, each in a network namespace, on one switch with a client that asks about the virtual IPs all the time. The hosts
/// share etcd, each by a link of its own to each member.
final class Lab: Sendable {
    /// What is set up.
    struct Options: Sendable {
        var hosts = 3
        var members = 3
        /// Further arguments of etcd.
        var etcd: [String] = []
        /// The seconds of silence until a takeover.
        var takeover = 3
        var addresses = LabAddress.all
        /// How often the client asks about each address.
        var interval = Duration.milliseconds(1)
        /// An answer that takes longer counts as none.
        var limit = Duration.milliseconds(500)
        /// More of each host's configuration.
        var cluster = ""
    }

    let options: Options
    let network: EthernetLab
    let etcd: EtcdCluster
    let hosts: [LabHost]
    let client: AnswerRecorder

    private init(_ options: Options, _ network: EthernetLab, _ etcd: EtcdCluster, _ rig: Rig) throws {
        (self.options, self.network, self.etcd) = (options, network, etcd)
        hosts = try (1...options.hosts).map { number in
            let links = try etcd.clientPorts.map { try Relay(to: $0, listeningIn: network.hosts[number - 1]) }
            return LabHost(number, network, rig, links, options)
        }
        client = try AnswerRecorder(network, options.addresses.map(\.address), interval: options.interval, limit: options.limit)
    }

    /// Runs a body in a lab whose workers run, each address with an owner, and ends everything.
    static func run(_ options: Options = Options(), _ body: (Lab) async throws -> Void) async throws {
        try await EtcdCluster.run(.init(members: options.members, arguments: options.etcd)) { etcd in
            try await withRig { rig in
                let lab = try Lab(options, EthernetLab(hosts: options.hosts), etcd, rig)
                defer {
                    lab.client.end()
                    for link in lab.hosts.flatMap(\.links) { link.end() }
                }
                for host in lab.hosts { try host.start() }
                try await lab.isWhole()
                try await body(lab)
            }
        }
    }

    /// The host of a number.
    func host(_ number: Int) -> LabHost { hosts[number - 1] }

    /// Waits until all workers have reached the cluster, and one host answers for each address: of those that are taken back, the one with the
    /// highest priority.
    ///
    /// - Parameter absent: a host whose worker does not run.
    func isWhole(besides absent: LabHost? = nil, within seconds: Double = 300) async throws {
        for host in hosts where host !== absent { try await host.isConnected(within: seconds) }
        let start = Clock.bootTime()
        let first = hosts.first { $0 !== absent }?.number
        try await eventually("one owner of each address", within: seconds) {
            options.addresses.allSatisfy { address in
                let records = [Question.ping, .everyone].map { client.record(address.address, $0) }
                guard let owner = records[0].owner, !address.isTakenBack || owner == first else { return false }
                return records.allSatisfy { $0.end > start && $0.owner == owner }
            }
        }
    }

    /// The host that answers for an address now.
    func owner(of address: LabAddress) async throws -> LabHost {
        host(try await owners(of: [address])[address] ?? 1)
    }

    /// The number of the host that answers for each address now.
    func owners() async throws -> [LabAddress: Int] { try await owners(of: options.addresses) }

    private func owners(of addresses: [LabAddress]) async throws -> [LabAddress: Int] {
        var owners: [LabAddress: Int] = [:]
        let start = Clock.bootTime()
        try await eventually("an owner of each address") {
            owners = [:]
            for address in addresses {
                let record = client.record(address.address, .everyone)
                guard record.end > start, let owner = record.owner else { return false }
                owners[address] = owner
            }
            return true
        }
        return owners
    }
}

/// A virtual IP of the lab.
struct LabAddress: Hashable, Sendable {
    let address: IPAddress
    let policy: String
    /// Whether the host with the highest priority takes it back.
    var isTakenBack = false

    var isAtMostOne: Bool { policy == "at_most_one" }

    /// Of both families and policies. One is taken back by the host with the highest priority.
    static let all = [
        LabAddress(address: .v4(0x0A00_0064), policy: "at_most_one"),
        LabAddress(address: .v4(0x0A00_0065), policy: "at_least_one"),
        LabAddress(address: .v6(high: 0x2001_0DB8_0000_0000, low: 0x100), policy: "at_most_one", isTakenBack: true),
        LabAddress(address: .v6(high: 0x2001_0DB8_0000_0000, low: 0x101), policy: "at_least_one", isTakenBack: true),
    ]

    /// So many of IPv4, from 10.0.0.20 on: 200 at most.
    static func many(_ count: Int, policy: String) -> [LabAddress] {
        (0..<count).map { LabAddress(address: .v4(0x0A00_0014 + UInt32($0)), policy: policy) }
    }

    func section(priority: Int) -> String {
        """
        [virtual_ip:\(address)]
        address = \(address)
        interface = eth0
        policy = \(policy)
        priority = \(priority)
        preempt = \(isTakenBack ? "2" : "no")

        """
    }
}
