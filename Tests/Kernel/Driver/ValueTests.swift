import LBaaS
import TestSupport
import Testing

@testable import IPVSDriver

extension OnKernel {
    /// All that the driver can tell the kernel, beyond what load balancers ask for, and read from it.
    @Suite("A value of the kernel's table") struct ValueTests {
        @Test("comes back as it was written, and ipvsadm reads the same")
        func roundTrip() throws {
            let plain = ServiceSettings(scheduler: .weightedRoundRobin, netmask: .max)
            let names = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]
            var services = names.enumerated().map { index, name -> (ServiceKey, ServiceSettings, Rule) in
                (
                    .address(.v4(0x0A09_0001), port: UInt16(index + 1), protocol: 6),
                    ServiceSettings(scheduler: Scheduler(name), netmask: .max),
                    "-A -t 10.9.0.1:\(index + 1) -s \(name)"
                )
            }
            var sip = plain
            sip.flags = .persistent
            sip.timeout = 90
            sip.persistenceEngine = "sip"
            var v6 = plain
            v6.netmask = 128
            services += [
                (.firewallMark(7, .v4), plain, "-A -f 7 -s wrr"), (.firewallMark(0x7FFF_FFFF, .v6), v6, "-A -f 2147483647 -6 -s wrr"),
                (.address(.v4(0x0A09_0001), port: 5060, protocol: 17), sip, "-A -u 10.9.0.1:5060 -s wrr -p 90 --pe sip"),
            ]
            let ways: [(Destination.Forwarding, String)] = [
                (.nat, "-m"), (.direct, "-g"), (.tunnel(type: 0), "-i --tun-type ipip"),
                (.tunnel(type: 1, port: 6080, flags: 2), "-i --tun-type gue --tun-port 6080 --tun-remcsum"),
                (.tunnel(type: 2, flags: 1), "-i --tun-type gre --tun-csum"),
            ]
            let destinations = ways.enumerated().map { index, way -> (DestinationKey, Destination, Rule) in
                let host = UInt32(index + 1)
                let value = Destination(forwarding: way.0, weight: UInt32(Int32.max), upperThreshold: .max, lowerThreshold: host)
                return (DestinationKey(.v4(0x0A02_0000 + host), 80), value, "-a -f 7 -r 10.2.0.\(host):80 \(way.1) -w 2147483647")
            }

            let namespace = try Namespace.director()
            let (readServices, readDestinations) = try namespace.run {
                let kernel = try NetlinkKernel()
                let changes =
                    services.map { Change.addService($0.0, $0.1) } + destinations.map { .addDestination(.firewallMark(7, .v4), $0.0, $0.1) }
                #expect(try kernel.carryOut(changes) { _, _ in } == [])
                var (readServices, readDestinations): ([ServiceKey: ServiceSettings], [DestinationKey: Destination]) = ([:], [:])
                try kernel.forEachService { readServices[$0.key] = $0.settings }
                try kernel.forEachDestination(of: .firewallMark(7, .v4), withStatistics: true) { readDestinations[$0.key] = $0.destination }
                return (readServices, readDestinations)
            }
            #expect(readServices == Dictionary(uniqueKeysWithValues: services.map { ($0.0, $0.1) }))
            #expect(readDestinations == Dictionary(uniqueKeysWithValues: destinations.map { ($0.0, $0.1) }))
            #expect(try namespace.savedTable() == Set(services.map(\.2) + destinations.map(\.2)))
        }

        @Test("is confirmed where all real servers are as is likely, and not where anything of them differs")
        func confirmation() throws {
            var defaults = ServiceDefaults()
            (defaults.upperThreshold, defaults.lowerThreshold) = (90, 30)
            let direct = { (balancer: inout LoadBalancer) in balancer.forwarding = .direct }
            let balancers = [
                balancer("tcp"), balancer("udp", as: .udp), balancer("mark") { $0.firewallMark = 7 }, balancer("direct", port: 81, direct),
                balancer("one", port: 82) { $0.nodes.removeLast(2) },
            ]
            try Namespace.director().run {
                let kernel = try NetlinkKernel()
                for balancer in balancers {
                    let (key, wanted) = balancer.wantedServices(defaults)[0]
                    let service = try #require(wanted.service)
                    let likely = service.destinations
                    func carryOut(_ changes: [Change]) throws { #expect(try kernel.carryOut(changes) { _, _ in } == []) }
                    #expect(!kernel.confirm(likely, of: key))
                    try carryOut([.addService(key, service.settings)])
                    #expect(!kernel.confirm(likely, of: key))
                    try carryOut(likely.map { .addDestination(key, $0.0, $0.1) })
                    #expect(kernel.confirm(likely, of: key), "\(balancer.id)")

                    let (place, value) = try #require(likely.first { _ in true })
                    var (weight, upper, lower, method) = (value, value, value, value)
                    weight.weight += 1
                    upper.upperThreshold += 1
                    lower.lowerThreshold += 1
                    method.forwarding = value.forwarding == .direct ? .nat : .direct
                    for other in [weight, upper, lower, method] {
                        try carryOut([.setDestination(key, place, other)])
                        #expect(!kernel.confirm(likely, of: key), "\(other)")
                    }
                    try carryOut([.setDestination(key, place, value)])
                    let stranger = DestinationKey(.v4(0x0A02_00FF), 80)
                    try carryOut([.addDestination(key, stranger, value)])
                    #expect(!kernel.confirm(likely, of: key))
                    try carryOut([.deleteDestination(key, stranger)])
                    #expect(kernel.confirm(likely, of: key))
                    try carryOut([.deleteDestination(key, place)])
                    #expect(!kernel.confirm(likely, of: key))
                }
            }
        }

        @Test("is never confirmed where the older interface does not have it: tunnels, and IPv6")
        func noConfirmation() throws {
            let tunnel = balancer("tunnel") { $0.forwarding = .tunnel(Tunnel(kind: .ipip)) }
            let v6 = balancer("v6") { balancer in
                balancer.address = IPAddress("fd00::9")
                balancer.nodes = [Node(id: "1", address: .address(.v6(high: 0xFD00 << 48, low: 1)), port: 80)]
            }
            try Namespace.director().run {
                let kernel = try NetlinkKernel()
                for balancer in [tunnel, v6] {
                    let (key, wanted) = balancer.wantedServices(ServiceDefaults())[0]
                    let service = try #require(wanted.service)
                    let changes = service.destinations.map { Change.addDestination(key, $0.0, $0.1) }
                    #expect(try kernel.carryOut([.addService(key, service.settings)] + changes) { _, _ in } == [])
                    #expect(!kernel.confirm(service.destinations, of: key))
                }
            }
        }

        @Test("is a counter of connections, packets and bytes, and is 0 when it is told so")
        func counters() throws {
            try withLab { lab in
                let web = try lab.balancer()
                try lab.serve(web)
                try DriverBench(in: lab.director).run(web)
                let running = try lab.connect(web)
                try running.ask()
                let key = try #require(ServiceKey(web.listener))
                let kernel = try lab.director.run { try NetlinkKernel() }
                var (service, sum) = (Statistics(), Statistics())
                var active: [UInt32] = []
                try waitUntil("the kernel counts") {
                    (sum, active) = (Statistics(), [])
                    try kernel.forEachService { service = $0.statistics }
                    try kernel.forEachDestination(of: key, withStatistics: true) {
                        sum.bytesOut += $0.statistics.bytesOut
                        active.append($0.activeConnections)
                    }
                    return service.connections == 1 && sum.bytesOut == service.bytesOut
                }
                #expect(active.sorted() == [0, 1])
                let shown = try lab.director.listed("--stats").first { $0[0] == "TCP" }?.dropFirst(2).map { UInt64($0) }
                #expect(shown == [service.connections, service.packetsIn, service.packetsOut, service.bytesIn, service.bytesOut])
                try kernel.zero(key)
                try kernel.forEachService { service = $0.statistics }
                #expect(service == Statistics())
                try kernel.flush()
                #expect(try lab.director.savedTable() == [])
            }
        }
    }
}

/// A load balancer with three nodes.
private func balancer(
    _ id: LoadBalancerID, as carried: ServiceProtocol = .tcp, port: UInt16 = 80, _ change: (inout LoadBalancer) -> Void = { _ in }
) -> LoadBalancer {
    var balancer = LoadBalancer(id: id, serviceProtocol: carried, address: .v4(0x0A09_0001), port: port)
    balancer.nodes = (1...3).map { number in
        Node(id: NodeID("\(number)"), address: .address(.v4(0x0A02_0000 + UInt32(number))), port: 80, weight: UInt16(number))
    }
    change(&balancer)
    return balancer
}
