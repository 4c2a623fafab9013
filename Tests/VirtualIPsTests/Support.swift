import Foundation
import Glibc
import HostSystem
import LBaaS
import Netlink
import TestSupport

@testable import VirtualIPs

/// The virtual IPs of one host of a test.
final class Room: Sendable {
    let virtualIPs: VirtualIPs
    let host: Namespace
    let log = LogRecord()
    let notices = Record<VirtualIPNotice>()

    init(on host: Namespace, _ list: [VirtualIP], lifetime: Int = 6) throws {
        self.host = host
        virtualIPs = try host.run { [log, notices] in
            try VirtualIPs.start(list, settings: .init(lifetime: lifetime), log: log.log) { notices.add($0) }
        }
    }

    deinit { _ = virtualIPs.stop(within: .seconds(10)) }

    /// What a virtual IP is now.
    func status(_ address: IPAddress = EthernetLab.v4) -> VirtualIPStatus? { virtualIPs.statuses.first { $0.virtualIP.address == address } }

    /// Waits until a virtual IP is in a state, and bound or not.
    func reaches(_ state: VirtualIPState, bound: Bool, _ address: IPAddress = EthernetLab.v4) async throws {
        try await eventually("\(address) is \(state) and \(bound ? "" : "not ")bound") {
            status(address).map { $0.state == state && $0.isBound == bound } ?? false
        }
    }

    /// What the host has of an address, or of all addresses with our mark.
    func entries(_ address: IPAddress? = nil) throws -> [InterfaceAddress] {
        try host.run {
            try RouteNetlink().addresses().filter { entry in address.map { IPAddress(entry.key.address) == $0 } ?? (entry.origin == 251) }
        }
    }

    /// What nft shows of the host.
    func rules() throws -> String { try host.run { try runProgram("/usr/sbin/nft", ["list", "ruleset"]) } }
}

extension VirtualIP {
    /// A virtual IP on `eth0`.
    static func on(_ address: IPAddress, _ policy: Policy = .atLeastOne, interface: String = "eth0") throws -> VirtualIP {
        try VirtualIP(address: address, interface: interface, policy: policy)
    }
}

/// So long from now, as rights are told.
func after(_ duration: Duration) -> Duration { Clock.bootTime() + duration }
