import IPVSDriver
import LBaaS
import TestSupport
import Testing

extension OnKernel {
    /// A table that others change, and a driver that begins with one that is there.
    @Suite("A table of the driver") struct RepairTests {
        /// Connections of which the real server is gone are there still when it is back.
        private let keeping = ["expire_nodest_conn": "no"]

        @Test("is not written to by a driver that begins where another left, nor by a look at it")
        func restart() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let tap = try NetlinkTap(in: lab.director)
                let section = ["tcp_timeout": "800", "sync": "master", "sync_interface": "eth0"]
                let balancers = try Family.allCases.flatMap { family in
                    try [
                        lab.balancer(.init("web \(family)"), family) { $0.sessionPersistence = .sourceIP(timeout: 60) },
                        lab.balancer(.init("dns \(family)"), as: .udp, family) { $0.algorithm = .maglev },
                        lab.balancer(.init("direct \(family)"), as: .sctp, family) {
                            $0.forwarding = .direct
                            $0["r1"].weight = 7
                        },
                        lab.balancer(.init("tunnel \(family)"), family, port: 81) {
                            $0.forwarding = .tunnel(Tunnel(kind: .gue, port: 6080, checksum: true))
                        },
                    ]
                }
                try DriverBench(in: lab.director, section).run(balancers)
                // 8 services, 16 real servers, the timeouts and the daemon.
                #expect(try tap.takeWrites() == 26)
                let running = try lab.connect(balancers[0])
                let table = try lab.director.savedTable()
                #expect(table.count == 24)
                _ = try tap.takeWrites()

                let bench = try DriverBench(in: lab.director, section, running: balancers)
                for _ in 0..<2 { #expect(try bench.resync() == []) }
                #expect(try bench.up("web v4") == ["r1", "r2"])
                #expect(try tap.takeWrites() == 0)
                #expect(try lab.director.savedTable() == table)
                #expect(try running.ask() == running.server)
                // The tap does hear.
                try bench.run(balancers.map { $0.id == "web v4" ? $0.with { $0["r1"].weight = 2 } : $0 })
                #expect(try tap.takeWrites() == 1)
            }
        }

        @Test("holds what a start is not told of, an IPv6 tunnel in a service of IPv4, until the next look")
        func unseen() throws {
            try withLab { lab in
                let web = try lab.balancer()
                try DriverBench(in: lab.director).run(web)
                let table = try lab.director.savedTable()
                let key = try #require(ServiceKey(web.listener))
                let place = DestinationKey(.v6(high: 0xFD00 << 48, low: 9), web.port)
                let stranger = Change.addDestination(key, place, Destination(forwarding: .tunnel(type: 0), weight: 1))
                #expect(try lab.director.run { try NetlinkKernel().carryOut([stranger]) { _, _ in } } == [])

                let bench = try DriverBench(in: lab.director, running: [web])
                #expect(try lab.director.savedTable().count == table.count + 1)
                #expect(try bench.resync().count == 1)
                #expect(try lab.director.savedTable() == table)
            }
        }

        @Test("is repaired by what differs alone, and what runs goes on", arguments: Family.allCases)
        func repair(family: Family) throws {
            try withLab(realServers: 3) { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer("web", family) {
                    $0.nodes.removeLast()
                    $0.sessionPersistence = .sourceIP(timeout: 60)
                }
                let bench = try DriverBench(in: lab.director, keeping)
                try bench.run(web)
                let table = try lab.director.savedTable()
                let running = try lab.connect(web)
                let (service, r1, r3) = try (
                    Service(transport: .tcp, family: family).name, lab.realServers[0].endpoint(family), lab.realServers[2].endpoint(family)
                )
                let tap = try NetlinkTap(in: lab.director)
                let harms: [(String, Int)] = [
                    ("-e \(service) -r \(r1) -m -w 7", 1), ("-e \(service) -r \(r1) -m -w 0", 1), ("-e \(service) -r \(r1) -g", 1),
                    ("-e \(service) -r \(r1) -i --tun-type gre", 1), ("-e \(service) -r \(r1) -m -x 9 -y 1", 1),
                    ("-d \(service) -r \(r1)", 1),
                    ("-a \(service) -r \(r3) -m", 1), ("-E \(service) -s rr -p 60", 1), ("-E \(service) -s wrr -p 61", 1),
                    ("-E \(service) -s wrr", 1), ("-E \(service) -s mh -p 60 -b mh-port", 1), ("-D \(service)", 3), ("-C", 3),
                ]
                for (harm, writes) in harms {
                    try lab.director.ipvsadm(harm)
                    _ = try tap.takeWrites()
                    #expect(try bench.resync().count { !$0.hasPrefix("beware") } == writes, "\(harm)")
                    #expect(try tap.takeWrites() == writes, "\(harm)")
                    #expect(try lab.director.savedTable() == table, "\(harm)")
                    #expect(try running.ask() == running.server, "\(harm)")
                    _ = try lab.connect(web)
                }
            }
        }

        @Test("is repaired by the next change too, which then finds something else than was left")
        func surprise() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer()
                let bench = try DriverBench(in: lab.director, keeping)
                try bench.run(web)
                let running = try lab.connect(web, reaching: "r1")
                let name = try Service(transport: .tcp, family: .v4).name
                let table = try lab.director.savedTable()
                for (weight, harm) in ["-C", "-d \(name) -r \(try lab.realServers[0].endpoint(.v4))"].enumerated() {
                    try lab.director.ipvsadm(harm)
                    try bench.run(web.with { $0["r1"].weight = UInt16(weight + 2) })
                    #expect(try running.ask() == "r1", "\(harm)")
                    try bench.run(web)
                    #expect(try lab.director.savedTable() == table, "\(harm)")
                }
            }
        }

        @Test("holds foreign services, which are left alone")
        func foreign() throws {
            try withLab { lab in
                let foreign: Set<Rule> = [
                    "-A -u 10.9.0.1:53 -s rr", "-a -u 10.9.0.1:53 -r 10.2.0.11:53 -m -w 1", "-A -f 7 -s lblc", "-A -t 10.9.0.2:80 -s rr",
                ]
                try lab.director.ipvsadm(foreign.map(\.line).sorted().joined(separator: "\n"))
                let web = try lab.balancer()
                let bench = try DriverBench(in: lab.director)
                try bench.run(web)
                #expect(try lab.director.savedTable().count == foreign.count + 3)
                #expect(try bench.resync() == [])
                try bench.run()
                #expect(try lab.director.savedTable().isSuperset(of: foreign))
                try bench.advance(.seconds(10))
                #expect(try lab.director.savedTable() == foreign)
            }
        }

        @Test("holds no foreign service where the configuration says that all is the driver's")
        func exclusive() throws {
            try withLab { lab in
                try lab.director.ipvsadm(
                    "-A -u 10.9.0.1:53 -s rr\n-a -u 10.9.0.1:53 -r 10.2.0.11:53 -m\n-A -f 7 -s lblc\n-A -f 7 -6 -s rr\n-A -t [fd09::1]:80 -s rr"
                )
                let bench = try DriverBench(in: lab.director, ["exclusive": "yes"])
                #expect(try lab.director.savedTable() == [])
                try bench.run(try lab.balancer())
                try lab.director.ipvsadm("-A -t 10.9.0.1:81 -s rr")
                #expect(try bench.resync().count == 1)
                #expect(try lab.director.savedTable().count == 3)
            }
        }

        @Test("is shared by two drivers, each with its own, in one namespace and in two")
        func sideBySide() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                try lab.serve(.tcp, port: 81)
                let (web, shop) = try (lab.balancer("web"), lab.balancer("shop", port: 81))
                let (one, another) = try (DriverBench(in: lab.director), DriverBench(in: lab.director))
                let elsewhere = try Namespace.director()
                let third = try DriverBench(in: elsewhere)
                try one.run(web)
                try another.run(shop)
                // The same place in another namespace is another place.
                try third.run(web.with { $0.algorithm = .maglev })
                let table = try lab.director.savedTable()
                #expect(table.count == 6)
                let running = try [web, shop].map { try lab.connect($0) }
                for bench in [one, another, third] { #expect(try bench.resync() == []) }
                try third.run()
                try third.advance(.seconds(10))
                #expect(try elsewhere.savedTable() == [])
                try one.run(web.with { $0["r1"].weight = 5 })
                try another.run(shop.with { $0["r2"].weight = 5 })
                try one.run(web)
                try another.run(shop)
                #expect(try lab.director.savedTable() == table)
                #expect(try running.map { try $0.ask() } == running.map(\.server))
                try one.run()
                #expect(try another.resync() == [])
                #expect(try running[1].ask() == running[1].server)
                #expect(try lab.share(of: 2, to: shop) == ["r1": 1, "r2": 1])
                #expect(throws: SocketError.self) { try lab.connect(web, within: 0.2) }
            }
        }
    }
}
