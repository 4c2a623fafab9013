import Glibc
import LBaaS
import Netlink
import TestSupport
import Testing

@testable import IPVSDriver

extension OnKernel {
    /// What the kernel refuses, and how that reads.
    @Suite("A refusal of the kernel") struct RefusalTests {
        private let key = ServiceKey.address(.v4(0x0A09_0001), port: 80, protocol: 6)
        private let v6 = ServiceKey.address(.v6(high: 0xFD09 << 48, low: 1), port: 80, protocol: 6)
        private let wrr = ServiceSettings(scheduler: .weightedRoundRobin, netmask: .max)
        private let unknownScheduler = ServiceSettings(scheduler: Scheduler("nosuch"), netmask: .max)
        private let place = DestinationKey(.v4(0x0A02_000B), 80)
        private let nat = Destination(forwarding: .nat, weight: 1)

        @Test("is a sentence that says what, where and what to do, for each of its codes")
        func sentences() throws {
            let unknown = ServiceKey.address(.v4(0x0A09_0002), port: 80, protocol: 6)
            let nobody = DestinationKey(.v4(0x0A02_000C), 80)
            let thresholds = Destination(forwarding: .nat, weight: 1, upperThreshold: 1, lowerThreshold: 2)
            let refused: [(change: Change, number: Int32, sentence: String)] = [
                (.addService(key, wrr), EEXIST, "there is one already"),
                (.addService(unknown, unknownScheduler), ENOENT, "modprobe ip_vs_nosuch"),
                (.setService(key, unknownScheduler), ENOENT, "no scheduler nosuch"),
                (.addService(v6, ServiceSettings(scheduler: .weightedRoundRobin, netmask: 129)), EINVAL, "does not take these settings"),
                (.setService(unknown, wrr), ESRCH, "no such virtual service"), (.deleteService(unknown), ESRCH, "no such virtual service"),
                (.readService(unknown), ESRCH, "no such virtual service"),
                (.addDestination(unknown, place, nat), ESRCH, "no such virtual service"),
                (.addDestination(key, place, nat), EEXIST, "it is there already"),
                (.setDestination(key, nobody, nat), ENOENT, "no such real server"),
                (.deleteDestination(key, nobody), ENOENT, "no such real server"),
                (.addDestination(key, nobody, Destination(forwarding: .nat, weight: .max)), ERANGE, "out of range"),
                (.setDestination(key, place, thresholds), ERANGE, "the lower threshold must not be above the upper"),
                (.addDestination(key, DestinationKey(.v4(0xE000_0001), 80), nat), EINVAL, "must be a unicast address"),
                (
                    .addDestination(key, DestinationKey(.v6(high: 0xFD02 << 48, low: 11), 80), nat), EINVAL,
                    "another family is for tunnels alone"
                ),
                (.setDestination(key, place, Destination(forwarding: .tunnel(type: 1), weight: 1)), EINVAL, "this way of forwarding"),
            ]
            let namespace = try Namespace.director()
            let found = try namespace.run {
                let kernel = try NetlinkKernel()
                #expect(try kernel.carryOut([.addService(key, wrr), .addDestination(key, place, nat)]) { _, _ in } == [])
                return try kernel.carryOut(refused.map(\.change)) { _, _ in }
            }
            #expect(found == refused.enumerated().map { RefusedChange(index: $0, number: $1.number) })
            for (change, number, sentence) in refused {
                let said = change.sentence(number)
                #expect(said.hasPrefix("the kernel refuses to \(change): ") && said.contains(sentence), "\(said)")
            }
            #expect(try namespace.savedTable() == ["-A -t 10.9.0.1:80 -s wrr", "-a -t 10.9.0.1:80 -r 10.2.0.11:80 -m -w 1"])
        }

        @Test("fails its group alone, and each outcome is told")
        func groups() async throws {
            try await withLab { lab in
                try lab.serve(.tcp)
                let bench = try DriverBench(in: lab.director)
                // So that the kernel has the scheduler of the others.
                #expect(try bench.create([lab.balancer("first", port: 79)]) == [nil])
                try await withoutModules({ $0 == "ip_vs_sed" }) {
                    let broadcast = HostAddress.address(.v4(0x0A02_00FF))
                    let balancers = try (0..<6).map { try lab.balancer(.init("\($0)"), port: UInt16(80 + $0)) }
                    let asked = [
                        balancers[0], balancers[1].with { $0.algorithm = .shortestExpectedDelay }, balancers[2],
                        balancers[3].with { $0["r2"].address = broadcast }, balancers[4],
                        balancers[5].with { $0.nodes[0].address = broadcast },
                    ]
                    let outcomes = try bench.create(asked)
                    #expect(outcomes.map { $0 == nil } == [true, false, true, false, true, false])
                    #expect(outcomes[1]?.contains("it has no scheduler sed; load its module with 'modprobe ip_vs_sed'") == true)
                    #expect(
                        outcomes[3]?.hasPrefix("the kernel refuses to add real server 10.2.0.255:83 to 10.9.0.1:83/tcp: NAT, weight 1: ")
                            == true)
                    #expect(outcomes[5]?.contains("10.2.0.255:85 to 10.9.0.1:85/tcp") == true)
                    for index in [0, 2, 4] {
                        let rules = try lab.director.savedTable().filter { $0.line.contains("10.9.0.1:\(80 + index)") }
                        #expect(rules.count == 3)
                    }
                    #expect(try lab.share(of: 4, to: balancers[0]) == ["r1": 2, "r2": 2])
                    #expect(try lab.director.savedTable().contains { $0.line.contains("10.9.0.1:81") } == false)
                }
                // The kernel finds the module again.
                #expect(try bench.create([lab.balancer("sed", port: 99) { $0.algorithm = .shortestExpectedDelay }]) == [nil])
            }
        }

        /// What the driver never asks for, but another kernel may refuse.
        @Test("of an address family that it does not have, and of a message that is too long, is a sentence as well")
        func others() throws {
            let long = ServiceSettings(scheduler: Scheduler(String(repeating: "x", count: 70_000)), netmask: .max)
            let changes: [Change] = [.addService(key, wrr), .addService(v6, long), .addDestination(key, place, nat)]
            let namespace = try Namespace.director()
            let refused = try namespace.run { try NetlinkKernel().carryOut(changes) { _, _ in } }
            #expect(refused == [RefusedChange(index: 1, number: EMSGSIZE)])
            #expect(changes[1].sentence(EMSGSIZE).hasSuffix(": the message is too long"))
            let error = #expect(throws: NetlinkError.self) { try namespace.run { try askForFamily(7) } }
            #expect(error?.number == EAFNOSUPPORT)
            #expect(changes[1].sentence(EAFNOSUPPORT).contains("IPv6 is switched off"))
            #expect(try namespace.savedTable().count == 2)
        }

        private func askForFamily(_ number: UInt16) throws {
            let netlink = try GenericNetlink()
            let family = try netlink.family("IPVS")
            try netlink.ask(
                family, command: Command.newService,
                write: { request in
                    request.nest(Subject.service) { service in
                        service.put(1, number)
                        service.put(2, UInt16(6))
                        service.put(3, bigEndian: 0, 1)
                        service.put(4, bigEndian: UInt16(80))
                    }
                })
        }

        @Test("is heard of each of many changes")
        func many() throws {
            let namespace = try Namespace.director()
            // Every third is as the one before.
            let changes = (1...3000).map { number -> Change in
                .addService(.address(.v4(0x0A09_0001), port: UInt16(number % 3 == 0 ? number - 1 : number), protocol: 6), wrr)
            }
            let refused = try namespace.run { try NetlinkKernel().carryOut(changes) { _, _ in } }
            #expect(refused == changes.indices.filter { $0 % 3 == 2 }.map { RefusedChange(index: $0, number: EEXIST) })
            #expect(try namespace.savedTable().count == 2000)
        }

        @Test("is none where the service is there already at an address of the driver's: that is taken over")
        func takenOver() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let bench = try DriverBench(in: lab.director)
                let web = try lab.balancer()
                try lab.add(Service(transport: .tcp, family: .v4, options: "-s mh -p 9"), "-m -w 5")
                let running = try lab.connect(web)
                #expect(try bench.create([web]) == [nil])
                #expect(
                    try lab.director.savedTable().map(\.line).sorted() == [
                        "-A -t 10.9.0.1:80 -s wrr", "-a -t 10.9.0.1:80 -r 10.2.0.11:80 -m -w 1",
                        "-a -t 10.9.0.1:80 -r 10.2.0.12:80 -m -w 1",
                    ])
                #expect(try running.ask() == running.server)
            }
        }

        @Test("says what the host lacks")
        func host() throws {
            let namespace = try Namespace()
            let bench = try DriverBench(in: namespace)
            func outcome(_ address: String, _ node: String, _ change: (inout LoadBalancer) -> Void = { _ in }) throws -> String? {
                var balancer = LoadBalancer(id: "web", serviceProtocol: .tcp, address: IPAddress(address), port: 80)
                balancer.nodes = [Node(id: "n", address: try #require(HostAddress(node)), port: 80)]
                change(&balancer)
                return try bench.create([balancer])[0]
            }
            #expect(
                try outcome("10.9.0.1", "10.2.0.11")?.contains("net.ipv4.ip_forward is 0: set it with 'sysctl -w net.ipv4.ip_forward=1'")
                    == true)
            #expect(try outcome("fd09::1", "fd02::11")?.contains("net.ipv6.conf.all.forwarding is 0") == true)
            #expect(try outcome("10.9.0.1", "10.2.0.11") { $0.forwarding = .direct }?.contains("the interface lo must be up") == true)
            #expect(try namespace.savedTable().isEmpty || namespace.savedTable() == ["-A -t 10.9.0.1:80 -s wrr"])
            try namespace.ip("link set lo up")
            #expect(try outcome("10.9.0.1", "10.2.0.11") { $0.forwarding = .direct } == nil)
            #expect(try outcome("fd09::1", "fd02::11") { $0.forwarding = .direct } == nil)
        }

        @Test("says that this process may not, and nothing is changed")
        func capability() throws {
            let namespace = try Namespace.director()
            let driver = try IPVSDriver()
            let web = LoadBalancer(id: "web", serviceProtocol: .tcp, address: IPAddress("10.9.0.1"), port: 80)
            let patch = PatchGroup([LoadBalancerPatch(.create(web))])
            let (observed, applied) = try namespace.run {
                try withoutCapability {
                    let observed = #expect(throws: DriverError.self) { try driver.observe(expecting: [web]) }
                    return (observed?.message, driver.apply([patch])[0].failure?.message)
                }
            }
            #expect(observed?.contains("it needs the capability CAP_NET_ADMIN; run it as root") == true)
            #expect(
                applied == "the kernel refuses to add virtual service 10.9.0.1:80/tcp: wrr: "
                    + "this process lacks the capability CAP_NET_ADMIN, which the drop-in lbaas-worker-ipvs.conf gives it"
            )
            #expect(try namespace.savedTable().isEmpty)
        }

        @Test("to start a synchronization daemon names the interface; it keeps a driver from its start, and no table from its repair")
        func daemon() throws {
            let namespace = try Namespace.director()
            let section = ["sync": "master", "sync_interface": "sync0"]
            let web = LoadBalancer(id: "web", serviceProtocol: .tcp, address: IPAddress("10.9.0.1"), port: 80)
            let error = #expect(throws: DriverError.self) { try DriverBench(in: namespace, section, running: [web]) }
            #expect(error?.message.contains("(master) does not start on the interface sync0") == true, "\(error?.message ?? "")")
            try namespace.ip("link add sync0 type dummy\nlink set sync0 up\naddr add 10.3.0.1/24 dev sync0")
            let lines = Lines()
            let bench = try DriverBench(in: namespace, section, running: [web], log: lines.log)
            try namespace.ipvsadm("--stop-daemon master\n-C")
            try namespace.ip("link del sync0")
            #expect(try bench.resync().count == 1)
            #expect(lines.all.contains { $0.hasPrefix("error ") && $0.contains("sync0") }, "\(lines.all)")
            #expect(try namespace.savedTable() == ["-A -t 10.9.0.1:80 -s wrr"])
        }
    }
}
