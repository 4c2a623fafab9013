import EtcdTestSupport
import Foundation
import Glibc
import Synchronization
import TestSupport
import WorkerHarness

/// A host of the lab: its worker, and what can befall it.
final class LabHost: Sendable {
    let number: Int
    /// Its links to the members of etcd, in their order.
    let links: [Relay]
    private let network: EthernetLab
    private let rig: Rig
    private let options: Lab.Options
    private let process = Mutex<WorkerProcess?>(nil)

    init(_ number: Int, _ network: EthernetLab, _ rig: Rig, _ links: [Relay], _ options: Lab.Options) {
        (self.number, self.network, self.rig, self.links, self.options) = (number, network, rig, links, options)
    }

    var namespace: Namespace { network.hosts[number - 1] }

    /// The socket of its worker's API.
    var socket: String { rig.path("h\(number).sock") }

    /// The worker that was started last.
    var worker: WorkerProcess {
        get throws {
            guard let worker = process.withLock(\.self) else { throw Failure("host \(number) has no worker") }
            return worker
        }
    }

    /// Starts its worker, by another program where one is named. What is given in place of the host's id is that of another.
    @discardableResult
    func start(launcher: [String] = [], id: String? = nil) throws -> WorkerProcess {
        let endpoints = links.map { "http://127.0.0.1:\($0.port)" }.joined(separator: ", ")
        let cluster = "[cluster]\netcd = \(endpoints)\nhost = \(id ?? "h\(number)")\ntakeover = \(options.takeover)\n\(options.cluster)\n"
        let sections = options.addresses.map { $0.section(priority: 100 + (options.hosts - number) * 10) }.joined()
        let text = "[gearman]\nservers =\n[api]\nsocket = \(socket)\n" + cluster + sections
        let file = try rig.write(text, to: "h\(number).conf")
        let worker = try namespace.run {
            try rig.spawn(
                ["--config-file", file, "--driver", "dummy", "--state-dir", rig.path("state-\(number)"), "--log-format", "json"],
                launcher: launcher)
        }
        process.withLock { $0 = worker }
        return worker
    }

    /// Ends its worker at once.
    func kill() async throws { _ = try await worker.end(by: SIGKILL) }

    /// Ends its worker in good order.
    func stop() async throws {
        let worker = try worker
        let end = try await worker.end()
        guard end == .exit(0) else { throw Failure("the worker of host \(number) ended with \(end): \(worker.log.text.suffix(2000))") }
    }

    /// Stops its worker, which goes on with `thaw`.
    func freeze() throws { try worker.process.send(SIGSTOP) }

    func thaw() throws { try worker.process.send(SIGCONT) }

    /// Sets all its links to etcd.
    func setLinks(_ mode: Relay.Mode) { for link in links { link.set(mode) } }

    func setCarrier(_ isThere: Bool) throws { try network.setCarrier(number, isThere) }

    func setInterface(isUp: Bool) throws {
        try namespace.ip("link set eth0 \(isUp ? "up" : "down")")
        // The kernel removes the addresses of IPv6 with an interface that goes down.
        if isUp { try namespace.ip("addr replace 2001:db8::\(number)/64 dev eth0 nodad") }
    }

    func unplug() throws { try network.unplug(number) }

    func plug() throws { try network.plug(number) }

    /// Removes all addresses of its interface, as somebody who sets it up anew does.
    func flushAddresses() throws { try namespace.ip("addr flush dev eth0\n\(EthernetLab.ownAddresses(number))") }

    /// Removes all rules of the packet filter.
    func flushFilter() throws { _ = try namespace.run { try runProgram("/usr/sbin/nft", ["flush", "ruleset"]) } }

    /// Follows the events of its worker from now on; answers how to read the lines that came so far.
    func followEvents() throws -> () throws -> [Substring] { try rig.followEvents(over: socket, name: "events-\(number)") }

    /// Waits until its worker has a right in the cluster.
    func isConnected(within seconds: Double = 300) async throws {
        let worker = try worker
        try await eventually("host \(number) has reached the cluster", within: seconds) {
            if let end = worker.process.ended {
                throw Failure("the worker of host \(number) ended: \(end)\n\(worker.log.text.suffix(2000))")
            }
            let words = ["the cluster is reached", "this host has no right in the cluster"]
            return try worker.log.lines.last { line in words.contains(line["message"] ?? "") }?["message"] == words[0]
        }
    }

    /// Has its worker give an address up to another host, or to the best.
    func failOver(_ address: LabAddress, to heir: LabHost? = nil) throws {
        let path = "http://localhost/ips/vip-\(address.address)/failover" + (heir.map { "?host=h\($0.number)" } ?? "")
        _ = try runProgram("/usr/bin/curl", ["-gsS", "--fail-with-body", "--max-time", "5", "--unix-socket", socket, "-X", "POST", path])
    }
}
