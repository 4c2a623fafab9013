import IPVSDriver
import LBaaS
import Testing

@Suite("A load balancer in the kernel")
struct MappingTests {
    /// The one service of a load balancer.
    private func wanted(_ balancer: LoadBalancer, _ defaults: ServiceDefaults = ServiceDefaults()) throws -> WantedService {
        let services = balancer.wantedServices(defaults)
        try #require(services.count == 1)
        #expect(services[0].key == balancer.key)
        return services[0].wanted
    }

    private func service(_ balancer: LoadBalancer, _ defaults: ServiceDefaults = ServiceDefaults()) throws -> VirtualService {
        try #require(try wanted(balancer, defaults).service)
    }

    /// The weights of the real servers by the last number of their address.
    private func weights(_ balancer: LoadBalancer) throws -> [UInt32: UInt32] {
        var weights: [UInt32: UInt32] = [:]
        for (key, destination) in try service(balancer).destinations {
            if case .v4(let bits) = key.address { weights[bits & 255] = destination.weight }
        }
        return weights
    }

    @Test(
        "is at its address and port, by its transport",
        arguments: [(.http, 6), (.https, 6), (.tcp, 6), (.galera, 6), (.udp, 17), (.sctp, 132)] as [(ServiceProtocol, UInt16)])
    func transports(carried: ServiceProtocol, number: UInt16) throws {
        #expect(balancer("a", as: carried).key == .address(.v4(0x0A00_0009), port: 80, protocol: number))
        let v6 = balancer("a", [node(1, isV6: true)], at: "fd00::9", port: 443, as: carried)
        #expect(v6.key == .address(.v6(high: 0xFD00 << 48, low: 9), port: 443, protocol: number))
        let place = DestinationKey(.v6(high: 0xFD01 << 48, low: 1), 80)
        #expect(
            try service(v6)
                == VirtualService(
                    settings: ServiceSettings(scheduler: Scheduler("wrr"), netmask: 128), destinations: [place: nat(1)]))
    }

    @Test(
        "is scheduled by its algorithm",
        arguments: [
            (.roundRobin, "wrr", 0), (.leastConnections, "wlc", 0), (.sourceIP, "sh", 8), (.maglev, "mh", 8),
            (.shortestExpectedDelay, "sed", 0), (.neverQueue, "nq", 0),
        ] as [(Algorithm, String, UInt32)])
    func algorithms(algorithm: Algorithm, name: String, flags: UInt32) throws {
        let settings = try service(balancer("a") { $0.algorithm = algorithm }).settings
        #expect(settings == ServiceSettings(scheduler: Scheduler(name), flags: ServiceFlags(rawValue: flags), netmask: 0xFFFF_FFFF))
        var defaults = ServiceDefaults()
        defaults.hashFlags = [.hashPort]
        let others = try service(balancer("a") { $0.algorithm = algorithm }, defaults).settings
        #expect(others.flags.rawValue == (flags == 8 ? 0x10 : 0))
    }

    @Test("keeps its clients by their address, of which as many bits count as configured")
    func persistence() throws {
        let v4 = balancer("a") { $0.sessionPersistence = .sourceIP(timeout: 300) }
        let v6 = balancer("a", [node(1, isV6: true)], at: "fd00::9") { $0.sessionPersistence = .sourceIP(timeout: 1) }
        let scheduler = Scheduler("wrr")
        #expect(try service(v4).settings == ServiceSettings(scheduler: scheduler, flags: .persistent, timeout: 300, netmask: 0xFFFF_FFFF))
        #expect(try service(v6).settings == ServiceSettings(scheduler: scheduler, flags: .persistent, timeout: 1, netmask: 128))
        for (prefix, mask) in [(1, 0x8000_0000), (8, 0xFF00_0000), (24, 0xFFFF_FF00), (31, 0xFFFF_FFFE), (32, 0xFFFF_FFFF)]
            as [(UInt32, UInt32)]
        {
            var defaults = ServiceDefaults()
            (defaults.persistencePrefixV4, defaults.persistencePrefixV6) = (prefix, prefix + 32)
            #expect(try service(v4, defaults).settings.netmask == mask)
            #expect(try service(v6, defaults).settings.netmask == prefix + 32)
            // Where there is none the kernel's own values stand, so that a comparison finds them.
            #expect(try service(balancer("a"), defaults).settings.netmask == 0xFFFF_FFFF)
        }
        #expect(try service(balancer("a") { $0.sessionPersistence = LBaaS.SessionPersistence.none }).settings.flags == [])
    }

    @Test("schedules each packet for itself where it is configured, for UDP with neither persistence nor NAT")
    func onePacket() throws {
        var defaults = ServiceDefaults()
        defaults.onePacket = true
        func flags(_ carried: ServiceProtocol, _ change: (inout LoadBalancer) -> Void = { _ in }) throws -> ServiceFlags {
            let balancer = balancer("a", as: carried) {
                $0.forwarding = .direct
                change(&$0)
            }
            return try service(balancer, defaults).settings.flags
        }
        #expect(try flags(.udp) == .onePacket)
        #expect(try flags(.udp) { $0.forwarding = .tunnel(Tunnel(kind: .gre)) } == .onePacket)
        #expect(try flags(.udp) { $0.forwarding = .nat } == [])
        #expect(try flags(.udp) { $0.forwarding = nil } == [])
        #expect(try flags(.tcp) == [])
        #expect(try flags(.udp) { $0.sessionPersistence = .sourceIP(timeout: 9) } == .persistent)
        #expect(try flags(.udp) { $0.algorithm = .sourceIP } == [.onePacket, .fallback])
        #expect(try service(balancer("a", as: .udp) { $0.forwarding = .direct }).settings.flags == [])
    }

    @Test(
        "forwards as it says",
        arguments: [
            (nil, (0, 0, 0, 0)), (.nat, (0, 0, 0, 0)), (.direct, (3, 0, 0, 0)),
            (.tunnel(Tunnel(kind: .ipip)), (2, 0, 0, 0)), (.tunnel(Tunnel(kind: .ipip, port: 9, checksum: true)), (2, 0, 0, 0)),
            (.tunnel(Tunnel(kind: .gue, port: 6080)), (2, 1, 6080, 0)),
            (.tunnel(Tunnel(kind: .gue, port: 6080, checksum: true)), (2, 1, 6080, 1)),
            (.tunnel(Tunnel(kind: .gre)), (2, 2, 0, 0)), (.tunnel(Tunnel(kind: .gre, port: 9, checksum: true)), (2, 2, 0, 1)),
        ] as [(Forwarding?, (UInt32, UInt8, UInt16, UInt16))])
    func forwarding(forwarding: Forwarding?, expected: (method: UInt32, type: UInt8, port: UInt16, flags: UInt16)) throws {
        let destinations = try service(balancer("a") { $0.forwarding = forwarding }).destinations
        #expect(destinations.count == 2)
        for (_, destination) in destinations {
            let found = destination.forwarding
            #expect((found.method, found.tunnelType, found.tunnelPort, found.tunnelFlags) == expected)
        }
    }

    @Test("has the nodes that are enabled, with their weights; what drains is kept without weight, what is disabled is not there")
    func conditions() throws {
        let nodes = [node(1, weight: 0), node(2, weight: 256), node(3, .disabled), node(4, .draining)]
        #expect(try weights(balancer("a", nodes)) == [1: 0, 2: 256])
        #expect(try wanted(balancer("a", nodes)).leaving == [place(4)])
        #expect(try weights(balancer("a", [])) == [:])
    }

    @Test("has thresholds where they are configured")
    func thresholds() throws {
        var defaults = ServiceDefaults()
        (defaults.upperThreshold, defaults.lowerThreshold) = (100, 50)
        let found = try service(balancer("a"), defaults).destinations[place(1)]
        #expect(found == Destination(forwarding: .nat, weight: 1, upperThreshold: 100, lowerThreshold: 50))
    }

    @Test("has backups without weight as long as another node can serve, and then all of them")
    func backups() throws {
        let backups = [node(3, weight: 5, isBackup: true), node(4, isBackup: true)]
        #expect(try weights(balancer("a", [node(1), node(2)] + backups)) == [1: 1, 2: 1, 3: 0, 4: 0])
        #expect(try weights(balancer("a", [node(1), node(2, .disabled)] + backups)) == [1: 1, 3: 0, 4: 0])
        for out in [node(1, .disabled), node(1, .draining)] { #expect(try weights(balancer("a", [out] + backups)) == [3: 5, 4: 1]) }
        #expect(try weights(balancer("a", [node(1, weight: 0)] + backups)) == [1: 0, 3: 5, 4: 1])
        #expect(try weights(balancer("a", [node(3, isBackup: true, .disabled), node(4, isBackup: true)])) == [4: 1])
    }

    @Test("of GALERA has one writer: the node, or else the first backup that can serve")
    func galera() throws {
        func weights(_ nodes: Node...) throws -> [UInt32: UInt32] { try self.weights(balancer("a", nodes, as: .galera)) }
        #expect(try weights(node(1, isBackup: true), node(2), node(3, isBackup: true)) == [1: 0, 2: 1, 3: 0])
        #expect(try weights(node(1, isBackup: true), node(2, .disabled), node(3, isBackup: true)) == [1: 1, 3: 0])
        #expect(try weights(node(1, weight: 0, isBackup: true), node(2, .draining), node(3, weight: 7, isBackup: true)) == [1: 0, 3: 7])
        #expect(try weights(node(1, isBackup: true, .disabled), node(2, weight: 0), node(3, isBackup: true)) == [2: 0, 3: 1])
        #expect(try weights(node(1, weight: 0)) == [1: 0])
    }

    @Test("is not there where it is suspended, but for what leaves")
    func suspension() throws {
        #expect(try wanted(suspended(balancer("a"))) == WantedService(nil))
        var rest = suspended(balancer("a", []))
        rest.leaving = [rest.leaving(1), rest.leaving(2)]
        #expect(try wanted(rest) == WantedService(nil, leaving: [place(1), place(2)]))
    }

    @Test("has what leaves other listeners in services of their own")
    func leaving() throws {
        var moved = balancer("a", port: 81)
        moved.leaving = [balancer("a").leaving(1), moved.leaving(3), balancer("a").leaving(2)]
        let services = moved.wantedServices(ServiceDefaults())
        #expect(services.map(\.key) == [moved.key, balancer("a").key])
        #expect(services[0].wanted.leaving == [place(3)])
        #expect(services[0].wanted.service?.destinations.count == 2)
        #expect(services[1].wanted == WantedService(nil, leaving: [place(1), place(2)]))
    }

    @Test("that listens on every address, or has nodes by name, has nothing there")
    func unmapped() {
        var every = balancer("a")
        every.address = nil
        #expect(every.wantedServices(ServiceDefaults()).isEmpty)
        let named = Node(id: "x", address: .name("web.example"), port: 80)
        #expect(balancer("a", [named]).wantedServices(ServiceDefaults())[0].wanted.service?.destinations == [:])
    }
}
