import EtcdTestSupport
import Foundation
import HostSystem
import TestSupport

/// Something that goes wrong, and how long.
enum Fault: Hashable, CustomStringConvertible {
    /// The worker of a host is killed, and started again at the end.
    case killed(Int)
    /// It is stopped in good order, and started again at once.
    case restarted(Int)
    /// It is frozen, and goes on at the end.
    case frozen(Int)
    /// It shares 20 ms of processor time in each 200 ms with two busy loops.
    case starved(Int)
    /// The links of a host to etcd are cut.
    case cutFromEtcd(Int)
    /// They take everything and pass nothing on.
    case silentToEtcd(Int)
    /// The interface of a host loses its carrier.
    case noCarrier(Int)
    /// The interface of a host is down.
    case interfaceDown(Int)
    /// The interface of a host is taken away, and made anew.
    case unplugged(Int)
    /// Somebody removes all addresses.
    case addressesFlushed(Int)
    /// Somebody removes all rules of the packet filter.
    case filterFlushed(Int)
    /// A member of etcd is killed, and started again at the end.
    case memberKilled(Int)
    /// A member of etcd is frozen, and goes on at the end.
    case memberFrozen(Int)
    /// The leader of etcd is killed, and started again at the end.
    case leaderKilled
    /// The leader of etcd is frozen, and goes on at the end.
    case leaderFrozen
    /// Each request to etcd takes 200 ms more.
    case slowEtcd

    /// A part of the lab. Of two faults at a time each has a part of its own.
    enum Part: Hashable {
        case worker(Int)
        case link(Int)
        case port(Int)
        case etcd
    }

    var part: Part {
        switch self {
        case .killed(let host), .restarted(let host), .frozen(let host), .starved(let host): .worker(host)
        // While the worker cannot repair what it has lost there is no protection.
        case .filterFlushed(let host): .worker(host)
        case .cutFromEtcd(let host), .silentToEtcd(let host): .link(host)
        case .noCarrier(let host), .interfaceDown(let host), .unplugged(let host), .addressesFlushed(let host): .port(host)
        case .memberKilled, .memberFrozen, .leaderKilled, .leaderFrozen, .slowEtcd: .etcd
        }
    }

    /// The host that it befalls; nil for etcd.
    var host: Int? {
        switch part {
        case .worker(let host), .link(let host), .port(let host): host
        case .etcd: nil
        }
    }

    /// Whether it is over as soon as it has begun.
    var isShort: Bool {
        switch self {
        case .restarted, .addressesFlushed, .filterFlushed: true
        default: false
        }
    }

    var description: String {
        switch self {
        case .killed(let host): "the worker of host \(host) is killed"
        case .restarted(let host): "the worker of host \(host) is stopped and started again"
        case .frozen(let host): "the worker of host \(host) is frozen"
        case .starved(let host): "the worker of host \(host) shares a tenth of a processor with busy loops"
        case .cutFromEtcd(let host): "host \(host) is cut from etcd"
        case .silentToEtcd(let host): "nothing passes between host \(host) and etcd"
        case .noCarrier(let host): "the interface of host \(host) has no carrier"
        case .interfaceDown(let host): "the interface of host \(host) is down"
        case .unplugged(let host): "the interface of host \(host) is gone"
        case .addressesFlushed(let host): "all addresses of host \(host) are removed"
        case .filterFlushed(let host): "all rules of the packet filter of host \(host) are removed"
        case .memberKilled(let member): "member \(member) of etcd is killed"
        case .memberFrozen(let member): "member \(member) of etcd is frozen"
        case .leaderKilled: "the leader of etcd is killed"
        case .leaderFrozen: "the leader of etcd is frozen"
        case .slowEtcd: "each request to etcd takes 200 ms more"
        }
    }

    /// All that can befall a lab, but for its size.
    static func all(hosts: Int, members: Int) -> [Fault] {
        let ofHosts: [(Int) -> Fault] = [
            killed, restarted, frozen, starved, cutFromEtcd, silentToEtcd, noCarrier, interfaceDown, unplugged, addressesFlushed,
            filterFlushed,
        ]
        return ofHosts.flatMap { (1...hosts).map($0) } + (0..<members).flatMap { [memberKilled($0), memberFrozen($0)] }
            + [.leaderKilled, .leaderFrozen, .slowEtcd]
    }
}

/// A fault that has begun.
struct Trouble {
    let fault: Fault
    /// The member of etcd that it befalls.
    private var member = 0
    private var limit: ProcessorLimit?

    /// Begins.
    init(_ fault: Fault, in lab: Lab) async throws {
        self.fault = fault
        switch fault {
        case .killed(let host): try await lab.host(host).kill()
        case .restarted(let host):
            try await lab.host(host).stop()
            try lab.host(host).start()
        case .frozen(let host): try lab.host(host).freeze()
        case .starved(let host): limit = try ProcessorLimit(of: lab.host(host).worker.process.pid, to: .milliseconds(20))
        case .cutFromEtcd(let host): lab.host(host).setLinks(.cut)
        case .silentToEtcd(let host): lab.host(host).setLinks(.held)
        case .noCarrier(let host): try lab.host(host).setCarrier(false)
        case .interfaceDown(let host): try lab.host(host).setInterface(isUp: false)
        case .unplugged(let host): try lab.host(host).unplug()
        case .addressesFlushed(let host): try lab.host(host).flushAddresses()
        case .filterFlushed(let host): try lab.host(host).flushFilter()
        case .memberKilled(let place): member = place
        case .memberFrozen(let place): member = place
        case .leaderKilled, .leaderFrozen: member = try await lab.etcd.leader()
        case .slowEtcd: lab.hosts.forEach { $0.setLinks(.slow(.milliseconds(200))) }
        }
        switch fault {
        case .memberKilled, .leaderKilled: await lab.etcd.kill(member)
        case .memberFrozen, .leaderFrozen: try await lab.etcd.freeze(member)
        default: break
        }
    }

    /// Ends.
    func end(in lab: Lab) async throws {
        switch fault {
        case .killed(let host): try lab.host(host).start()
        case .frozen(let host): try lab.host(host).thaw()
        case .starved: limit?.end()
        case .cutFromEtcd(let host), .silentToEtcd(let host): lab.host(host).setLinks(.open)
        case .noCarrier(let host): try lab.host(host).setCarrier(true)
        case .interfaceDown(let host): try lab.host(host).setInterface(isUp: true)
        case .unplugged(let host): try lab.host(host).plug()
        case .memberKilled, .leaderKilled: try lab.etcd.start(member)
        case .memberFrozen, .leaderFrozen: lab.etcd.thaw(member)
        case .slowEtcd: lab.hosts.forEach { $0.setLinks(.open) }
        case .restarted, .addressesFlushed, .filterFlushed: break
        }
    }
}
