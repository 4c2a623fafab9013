import LBaaS
import TestSupport
import Testing

extension OnKernel {
    /// What a load balancer is in the kernel's table, as `ipvsadm` reads it there.
    @Suite("What the driver programs") struct MappingTests {
        @Test("is every protocol with every algorithm, at addresses of either family")
        func protocolsAndAlgorithms() throws {
            let options: [ServiceProtocol: String] = [
                .http: "-t", .https: "-t", .tcp: "-t", .galera: "-t", .udp: "-u", .sctp: "--sctp-service",
            ]
            let schedulers: [Algorithm: String] = [
                .roundRobin: "wrr", .leastConnections: "wlc", .sourceIP: "sh -b sh-fallback", .maglev: "mh -b mh-fallback",
                .shortestExpectedDelay: "sed", .neverQueue: "nq",
            ]
            var balancers: [LoadBalancer] = []
            var rules: Set<Rule> = []
            for carried in ServiceProtocol.allCases {
                for algorithm in Algorithm.allCases {
                    for (address, node, realServer) in [("10.9.0.1", "10.2.0.11", "10.2.0.11"), ("fd09::1", "fd02::11", "[fd02::11]")] {
                        let port = UInt16(1000 + balancers.count)
                        balancers.append(
                            balancer(port, at: address, [Node("n", node)]) {
                                $0.serviceProtocol = carried
                                $0.algorithm = algorithm
                            })
                        let service = "\(options[carried] ?? "") \(address == "fd09::1" ? "[fd09::1]" : address):\(port)"
                        rules.insert("-A \(service) -s \(schedulers[algorithm] ?? "")")
                        rules.insert("-a \(service) -r \(realServer):80 -m -w 1")
                    }
                }
            }
            #expect(try table(of: balancers) == rules)
        }

        @Test("is every way of forwarding")
        func forwarding() throws {
            let ways: [(Forwarding?, String)] = [
                (nil, "-m"), (.nat, "-m"), (.direct, "-g"), (tunnel(.ipip), "-i --tun-type ipip"),
                (tunnel(.ipip, checksum: true), "-i --tun-type ipip"),
                (tunnel(.gue), "-i --tun-type gue --tun-port 6080 --tun-nocsum"),
                (tunnel(.gue, checksum: true), "-i --tun-type gue --tun-port 6080 --tun-csum"),
                (tunnel(.gre), "-i --tun-type gre --tun-nocsum"), (tunnel(.gre, checksum: true), "-i --tun-type gre --tun-csum"),
            ]
            let balancers = ways.enumerated().map { index, way in
                balancer(UInt16(index + 1), [Node("n", "10.2.0.11", UInt16(index + 1))]) { $0.forwarding = way.0 }
            }
            let rules = ways.enumerated().flatMap { index, way -> [Rule] in
                ["-A -t 10.9.0.1:\(index + 1) -s wrr", "-a -t 10.9.0.1:\(index + 1) -r 10.2.0.11:\(index + 1) \(way.1) -w 1"]
            }
            #expect(try table(of: balancers) == Set(rules))
        }

        @Test("is the nodes that are in service, a backup without weight until it is needed")
        func nodes() throws {
            let balancers = [
                balancer(
                    1,
                    [
                        Node("a", "10.2.0.1", weight: 256), Node("b", "10.2.0.2", weight: 0), Node("c", "10.2.0.3", 81),
                        Node("d", "10.2.0.3"),
                    ]),
                balancer(
                    2, [Node("a", "10.2.0.1"), Node("b", "10.2.0.2", condition: .disabled), Node("c", "10.2.0.3", condition: .draining)]),
                balancer(3, [Node("a", "10.2.0.1"), Node("b", "10.2.0.2", weight: 7, isBackup: true)]),
                balancer(
                    4,
                    [
                        Node("a", "10.2.0.1", condition: .disabled), Node("b", "10.2.0.2", isBackup: true),
                        Node("c", "10.2.0.3", weight: 3, isBackup: true),
                    ]),
                balancer(
                    5, [Node("a", "10.2.0.1", weight: 0), Node("b", "10.2.0.2", isBackup: true), Node("c", "10.2.0.3", isBackup: true)]
                ) { $0.serviceProtocol = .galera },
                balancer(6, [Node("a", "10.2.0.1")]) { $0.isSuspended = true },
                balancer(7, []),
            ]
            let rules: Set<Rule> = [
                "-A -t 10.9.0.1:1 -s wrr", "-a -t 10.9.0.1:1 -r 10.2.0.1:80 -m -w 256", "-a -t 10.9.0.1:1 -r 10.2.0.2:80 -m -w 0",
                "-a -t 10.9.0.1:1 -r 10.2.0.3:81 -m -w 1", "-a -t 10.9.0.1:1 -r 10.2.0.3:80 -m -w 1",
                "-A -t 10.9.0.1:2 -s wrr", "-a -t 10.9.0.1:2 -r 10.2.0.1:80 -m -w 1",
                "-A -t 10.9.0.1:3 -s wrr", "-a -t 10.9.0.1:3 -r 10.2.0.1:80 -m -w 1", "-a -t 10.9.0.1:3 -r 10.2.0.2:80 -m -w 0",
                "-A -t 10.9.0.1:4 -s wrr", "-a -t 10.9.0.1:4 -r 10.2.0.2:80 -m -w 1", "-a -t 10.9.0.1:4 -r 10.2.0.3:80 -m -w 3",
                "-A -t 10.9.0.1:5 -s wrr", "-a -t 10.9.0.1:5 -r 10.2.0.1:80 -m -w 0", "-a -t 10.9.0.1:5 -r 10.2.0.2:80 -m -w 1",
                "-a -t 10.9.0.1:5 -r 10.2.0.3:80 -m -w 0",
                "-A -t 10.9.0.1:7 -s wrr",
            ]
            #expect(try table(of: balancers) == rules)
        }

        @Test("is session persistence, and what the configuration says of services")
        func persistenceAndSection() throws {
            let balancers = [
                balancer(1) { $0.sessionPersistence = .sourceIP(timeout: 300) },
                balancer(2, at: "fd09::1") { $0.sessionPersistence = .sourceIP(timeout: 2_678_400) },
                balancer(3) {
                    $0.serviceProtocol = .udp
                    $0.forwarding = .direct
                    $0.sessionPersistence = LBaaS.SessionPersistence.none
                },
                balancer(7) { $0.serviceProtocol = .udp },
                balancer(4) {
                    $0.serviceProtocol = .udp
                    $0.sessionPersistence = .sourceIP(timeout: 1)
                },
                balancer(5) { $0.algorithm = .sourceIP }, balancer(6) { $0.algorithm = .maglev },
            ]
            let plain: Set<Rule> = [
                "-A -t 10.9.0.1:1 -s wrr -p 300", "-A -t [fd09::1]:2 -s wrr -p 2678400", "-A -u 10.9.0.1:3 -s wrr",
                "-A -u 10.9.0.1:7 -s wrr",
                "-A -u 10.9.0.1:4 -s wrr -p 1", "-A -t 10.9.0.1:5 -s sh -b sh-fallback", "-A -t 10.9.0.1:6 -s mh -b mh-fallback",
            ]
            #expect(try table(of: balancers) == plain)
            let section = [
                "one_packet": "yes", "hash_fallback": "no", "hash_port": "yes", "persistence_prefix_v4": "20",
                "persistence_prefix_v6": "64",
            ]
            let changed: Set<Rule> = [
                "-A -t 10.9.0.1:1 -s wrr -p 300 -M 255.255.240.0", "-A -t [fd09::1]:2 -s wrr -p 2678400 -M 64",
                "-A -u 10.9.0.1:3 -s wrr -o", "-A -u 10.9.0.1:7 -s wrr",
                "-A -u 10.9.0.1:4 -s wrr -p 1 -M 255.255.240.0", "-A -t 10.9.0.1:5 -s sh -b sh-port", "-A -t 10.9.0.1:6 -s mh -b mh-port",
            ]
            #expect(try table(of: balancers, section) == changed)
        }

        @Test("is all that was asked for, however much it is")
        func many() throws {
            let nodes = (1...40).map { Node(.init("\($0)"), "10.2.0.\($0)", weight: UInt16($0)) }
            let balancers = (1...250).map { balancer(UInt16($0), nodes) { $0.algorithm = .leastConnections } }
            let rules = (1...250).flatMap { port -> [Rule] in
                ["-A -t 10.9.0.1:\(port) -s wlc"] + (1...40).map { Rule("-a -t 10.9.0.1:\(port) -r 10.2.0.\($0):80 -m -w \($0)") }
            }
            #expect(try table(of: balancers) == Set(rules))
        }

        @Test("has thresholds, which ipvsadm lists apart")
        func thresholds() throws {
            let namespace = try Namespace.director()
            let section = ["upper_threshold": "1000", "lower_threshold": "900"]
            try DriverBench(in: namespace, section).run(balancer(1, [Node("a", "10.2.0.1", weight: 3)]))
            #expect(try namespace.listed("--thresholds").last == ["->", "10.2.0.1:80", "1000", "900", "0", "0"])
        }

        private func table(of balancers: [LoadBalancer], _ section: [String: String] = [:]) throws -> Set<Rule> {
            let namespace = try Namespace.director()
            let bench = try DriverBench(in: namespace, section)
            try bench.run(balancers)
            // What was programmed is what is expected to be there.
            #expect(try bench.resync() == [])
            return try namespace.savedTable()
        }
    }

    /// What the driver does to its host beside the table.
    @Suite("The driver's host") struct HostTests {
        @Test("gets the timeouts of connections that the configuration names, and keeps the others")
        func timeouts() throws {
            let namespace = try Namespace.director()
            try namespace.ipvsadm("--set 901 121 301")
            _ = try DriverBench(in: namespace)
            #expect(try namespace.listed("--timeout").last?.suffix(3) == ["901", "121", "301"])
            _ = try DriverBench(in: namespace, ["tcp_timeout": "77", "udp_timeout": "88"])
            #expect(try namespace.listed("--timeout").last?.suffix(3) == ["77", "121", "88"])
            _ = try DriverBench(in: namespace, ["tcp_fin_timeout": "99"])
            #expect(try namespace.listed("--timeout").last?.suffix(3) == ["77", "99", "88"])
        }

        @Test("gets its switches set, or left alone")
        func switches() throws {
            let names = ["net.ipv4.vs.expire_quiescent_template", "net.ipv4.vs.expire_nodest_conn"]
            for (word, expected) in [("no", [0, 0]), ("yes", [1, 1]), ("no", [0, 0])] {
                let namespace = try Namespace.director()
                _ = try DriverBench(in: namespace, ["expire_quiescent_template": word, "expire_nodest_conn": word])
                #expect(try names.map(namespace.parameter) == expected)
            }
            let namespace = try Namespace.director()
            _ = try DriverBench(in: namespace)
            #expect(try names.map(namespace.parameter) == [1, 1])
            // What somebody else changes is set again.
            let bench = try DriverBench(in: namespace)
            try namespace.set(["net.ipv4.vs.expire_nodest_conn": 0])
            try bench.resync()
            #expect(try names.map(namespace.parameter) == [1, 1])
        }

        @Test("runs the synchronization daemons that the configuration names")
        func daemons() throws {
            let namespace = try Namespace.director()
            try namespace.ip("link add sync0 type dummy\nlink set sync0 up\naddr add 10.3.0.1/24 dev sync0")
            let section = [
                "sync_interface": "sync0", "sync_id": "7", "sync_port": "9000", "sync_ttl": "3", "sync_group": "224.0.0.99",
                "sync_maxlen": "1200",
            ]
            let daemon = "sync0, syncid=7, maxlen=1200, group=224.0.0.99, port=9000, ttl=3"
            for (word, roles) in [("master", ["master"]), ("both", ["master", "backup"]), ("backup", ["backup"]), ("none", [])] {
                let bench = try DriverBench(in: namespace, section.merging(["sync": word]) { _, new in new })
                #expect(try daemons(namespace) == roles.map { "\($0) sync daemon (mcast=\(daemon))" }, "\(word)")
                // And the next look leaves them.
                try bench.resync()
                #expect(try daemons(namespace).count == roles.count)
            }
            try namespace.ipvsadm("--start-daemon master --mcast-interface sync0")
            _ = try DriverBench(in: namespace)
            #expect(try daemons(namespace).count == 1)
            _ = try DriverBench(in: namespace, ["sync": "none"])
            #expect(try daemons(namespace) == [])
        }

        private func daemons(_ namespace: Namespace) throws -> [String] {
            try namespace.listed("--daemon").map { $0.joined(separator: " ") }
        }
    }
}

/// A tunnel of this kind; GUE on port 6080.
private func tunnel(_ kind: Tunnel.Kind, checksum: Bool = false) -> Forwarding {
    .tunnel(Tunnel(kind: kind, port: kind == .gue ? 6080 : nil, checksum: checksum))
}

/// A load balancer for TCP, named by its port.
private func balancer(
    _ port: UInt16, at address: String = "10.9.0.1", _ nodes: [Node] = [], _ change: (inout LoadBalancer) -> Void = { _ in }
) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID("\(port)"), serviceProtocol: .tcp, address: IPAddress(address), port: port)
    balancer.nodes = nodes
    change(&balancer)
    return balancer
}

extension Node {
    fileprivate init(
        _ id: NodeID, _ address: String, _ port: UInt16 = 80, weight: UInt16 = 1, isBackup: Bool = false, condition: Condition = .enabled
    ) {
        guard let host = HostAddress(address) else { preconditionFailure("'\(address)' is not an address") }
        self.init(id: id, address: host, port: port, weight: weight, isBackup: isBackup, condition: condition)
    }
}
