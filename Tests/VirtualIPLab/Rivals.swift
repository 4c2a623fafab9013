import EtcdTestSupport
import Foundation
import Glibc
import HostSystem
import LBaaS
import Synchronization
import TestSupport
import WorkerHarness

/// Others on hosts as those of the lab, with one address each: keepalived with VRRP at its defaults and with adverts each 100 ms, and the recipe
/// of LINK (Benchmarks/link-recipe.sh) with leases of 15 s.
struct Rivals: Sendable {
    /// Such a program.
    enum Kind: String, CaseIterable, Sendable {
        case keepalived
        case fastKeepalived = "keepalived-100-ms"
        case link

        var address: IPAddress { .v4(0x0A00_00C8 + UInt32(Kind.allCases.firstIndex(of: self) ?? 0)) }
    }

    /// What befalls the first host.
    enum Event: String, CaseIterable, Sendable {
        case killed, frozen, gone
    }

    let kind: Kind
    let network: EthernetLab
    let client: AnswerRecorder
    private let rig: Rig
    private let links: [Relay]
    /// Where the recipe of LINK is.
    private let script: String

    /// Measures one of them so many times, and prints the figures.
    static func run(_ kind: Kind, _ event: Event, _ count: Int, script: String) async throws {
        try await EtcdCluster.run { etcd in
            try await withRig { rig in
                let network = try EthernetLab(hosts: 2)
                let links = try network.hosts.map { try Relay(to: etcd.clientPorts[0], listeningIn: $0) }
                let client = try AnswerRecorder(network, [kind.address], interval: .milliseconds(1), limit: Measurement.limit)
                defer {
                    client.end()
                    for link in links { link.end() }
                }
                let rivals = Rivals(kind: kind, network: network, client: client, rig: rig, links: links, script: script)
                for round in 0..<count { try await rivals.once(event, round) }
            }
        }
    }

    private func once(_ event: Event, _ round: Int) async throws {
        let first = try start(host: 1, round)
        try await eventually("host 1 answers") {
            if let end = first.ended { throw Failure("\(kind.rawValue) ended with \(end)") }
            return [.everyone, .ping].allSatisfy { client.record(kind.address, $0).owner == 1 }
        }
        let second = try start(host: 2, round)
        // It has heard the first, or asked etcd.
        try await Task.sleep(for: .seconds(2))
        let start = Clock.bootTime()
        switch event {
        case .killed: kill(-first.pid, SIGKILL)
        case .frozen: kill(-first.pid, SIGSTOP)
        case .gone:
            try network.setCarrier(1, false)
            links[0].set(.held)
        }
        try await eventually("the second host takes over") {
            client.record(kind.address, .everyone).runs(since: start).contains { $0.owners.contains(2) }
        }
        try await Task.sleep(for: .milliseconds(500))
        try await client.isComplete()
        let records = [Question.ping, .everyone, .whoHas].map { client.record(kind.address, $0) }
        print("silence", records[0].longestSilence(since: start) / .milliseconds(1))
        print("doubles", records[1].doubles(since: start) + records[2].doubles(since: start))
        for process in [first, second] {
            kill(-process.pid, SIGKILL)
            await process.destroy()
        }
        try network.setCarrier(1, true)
        links[0].set(.open)
        for host in network.hosts { _ = try? host.ip("addr del \(kind.address)/32 dev eth0") }
    }

    /// Starts the program on a host, as the leader of a group of processes.
    private func start(host: Int, _ round: Int) throws -> ChildProcess {
        let name = "\(kind.rawValue)-\(host)-\(round)"
        let command: [String]
        switch kind {
        case .keepalived, .fastKeepalived:
            let file = try rig.write(configuration(host), to: name + ".conf")
            let pids = rig.path(name)
            command = [
                "/usr/sbin/keepalived", "--vrrp", "--dont-fork", "--log-console", "--use-file", file, "--pid", pids + ".pid", "--vrrp_pid",
                pids + ".vrrp",
            ]
        case .link:
            command = [
                "/bin/bash", script, "http://127.0.0.1:\(links[host - 1].port)", "round-\(round)", "h\(host)", "\(kind.address)", "eth0",
            ]
        }
        return try network.hosts[host - 1].run { try rig.run("/usr/bin/setsid", command, name: name) }
    }

    private func configuration(_ host: Int) -> String {
        let fast = kind == .fastKeepalived
        return """
            vrrp_instance vip {
                version \(fast ? 3 : 2)
                state \(host == 1 ? "MASTER" : "BACKUP")
                interface eth0
                virtual_router_id 51
                priority \(120 - host * 10)
                \(fast ? "advert_int 0.1" : "")
                virtual_ipaddress {
                    \(kind.address)/32 dev eth0
                }
            }

            """
    }
}
