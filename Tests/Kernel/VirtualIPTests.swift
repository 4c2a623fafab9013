import Glibc
import LBaaS
import Netlink
import TestSupport
import Testing
import VirtualIPs

extension OnKernel {
    /// Virtual IPs on what the kernels of other test machines lack: bonds, VLANs and dummy interfaces; and where the kernel cannot fence.
    @Suite("Virtual IPs") struct VirtualIPTests {
        private let address = IPAddress.v4(0x0A07_0064)

        /// Starts virtual IPs of a namespace with one address.
        private func start(
            _ namespace: Namespace, _ interface: String, _ policy: VirtualIP.Policy = .atLeastOne, log: LogRecord = LogRecord()
        ) throws -> VirtualIPs {
            let virtualIP = try VirtualIP(address: address, interface: interface, policy: policy)
            return try namespace.run { try VirtualIPs.start([virtualIP], log: log.log, notify: { _ in }) }
        }

        private func waitUntilBound(_ virtualIPs: VirtualIPs) throws {
            try waitUntil("the address is bound") { virtualIPs.statuses.allSatisfy { $0.state == .activated && $0.isBound } }
        }

        @Test("are bound and announced on a VLAN of a bond, with whichever interface of the bond has a carrier")
        func vlanOfBond() throws {
            let (bridge, host, client) = (try Namespace(), try Namespace(), try Namespace())
            try bridge.ip(
                """
                link add br0 type bridge
                link set br0 up
                link add port1 type veth peer name eth1 netns \(host.path)
                link add port2 type veth peer name eth2 netns \(host.path)
                link add port9 type veth peer name eth0 netns \(client.path)
                link set port1 master br0 up
                link set port2 master br0 up
                link set port9 master br0 up
                """)
            try host.ip(
                """
                link add bond0 type bond mode active-backup miimon 10
                link set eth1 master bond0
                link set eth2 master bond0
                link set bond0 up
                link add link bond0 name bond0.7 type vlan id 7
                link set bond0.7 up
                addr add 10.7.0.1/24 dev bond0.7
                """)
            try client.ip(
                "link set eth0 up\nlink add link eth0 name eth0.7 type vlan id 7\nlink set eth0.7 up\naddr add 10.7.0.9/24 dev eth0.7")
            let virtualIPs = try start(host, "bond0.7")
            virtualIPs.grant([address], until: nil)
            try waitUntilBound(virtualIPs)
            try waitUntil("it answers") { try client.run { try isReached(address, within: 1) } }

            // The client believes another host; then the address is announced.
            func believed() throws -> String { try client.run { try runProgram("/sbin/ip", ["neigh", "show", "\(address)"]) } }
            let hardware = try #require(try host.run { try RouteNetlink().links().first { $0.name == "bond0.7" } }).hardwareAddress
            for port in ["port1", "port2"] {
                try bridge.ip("link set \(port) down")
                try client.ip("neigh replace \(address) lladdr 02:00:00:00:00:66 dev eth0.7 nud reachable")
                try waitUntil("the client believes the announcement") {
                    // What was sent while the bond had no interface is lost.
                    virtualIPs.announce([address])
                    return try believed().contains(hardware.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":"))
                }
                try waitUntil("it answers") { try client.run { try isReached(address, within: 1) } }
                try bridge.ip("link set \(port) up")
                try waitUntil("the bond has both") {
                    try host.run { try RouteNetlink().links().filter { $0.name.hasPrefix("eth") && $0.hasCarrier }.count == 2 }
                }
            }
            #expect(virtualIPs.stop(within: .seconds(60)))
        }

        @Test("are bound to dummy interfaces")
        func dummy() throws {
            let host = try Namespace()
            try host.ip("link add dummy0 type dummy\nlink set dummy0 up")
            let virtualIPs = try start(host, "dummy0")
            virtualIPs.grant([address], until: nil)
            try waitUntilBound(virtualIPs)
            #expect(virtualIPs.statuses.map(\.reason) == [nil])
            #expect(virtualIPs.stop(within: .seconds(60)))
        }

        @Test("of the policy at_most_one are refused where the kernel cannot fence, unless fence = none accepts that")
        func withoutFence() throws {
            let host = try Namespace()
            try host.ip("link add dummy0 type dummy\nlink set dummy0 up")
            let virtualIPs = try start(host, "dummy0", .atMostOne(fence: .none))
            let fenced = try VirtualIP(address: address, interface: "dummy0", policy: .atMostOne(fence: .kernel))
            let error = try host.run { virtualIPs.refusal(of: fenced) }
            #expect(error?.code == .unsupported)
            #expect(error?.message.hasPrefix("this kernel cannot fence virtual IPs of the policy at_most_one: it needs nf_tables") == true)
            virtualIPs.grant([address], until: .seconds(1_000_000))
            try waitUntilBound(virtualIPs)
            #expect(virtualIPs.stop(within: .seconds(60)))
        }
    }
}
