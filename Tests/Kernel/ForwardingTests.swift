import LBaaS
import TestSupport
import Testing

extension OnKernel {
    /// Each way to the real servers, with real connections.
    @Suite("Forwarding") struct ForwardingTests {
        /// One protocol for each transport.
        private static let protocols: [ServiceProtocol] = [.tcp, .udp, .sctp]

        @Test("by NAT balances each transport over two real servers, on another port", arguments: Family.allCases)
        func nat(family: Family) throws {
            try withLab { lab in
                let balancers = try Self.protocols.map { try lab.balancer(.init($0.rawValue), as: $0, family, realPort: 8080) }
                try run(balancers, in: lab)
                for balancer in balancers {
                    try lab.serve(balancer, port: 8080)
                    try expect(lab, balances: balancer)
                }
            }
        }

        @Test("as it came balances each transport, and replies go straight to the client", arguments: Family.allCases)
        func direct(family: Family) throws {
            try withLab { lab in
                try lab.stopRouting()
                let balancers = try Self.protocols.map { try lab.balancer(.init($0.rawValue), as: $0, family) { $0.forwarding = .direct } }
                try run(balancers, in: lab)
                for balancer in balancers {
                    try lab.serve(balancer)
                    try expect(lab, balances: balancer)
                }
            }
        }

        @Test(
            "by tunnel balances each transport, packets of either family wrapped in such of either",
            arguments: [
                Tunnel(kind: .ipip), Tunnel(kind: .gre), Tunnel(kind: .gre, checksum: true), Tunnel(kind: .gue, port: Wrapping.port),
                Tunnel(kind: .gue, port: Wrapping.port, checksum: true),
            ])
        func tunnel(tunnel: Tunnel) throws {
            try withLab { lab in
                try lab.stopRouting()
                for server in lab.realServers { try server.unwrap(tunnel) }
                var balancers: [LoadBalancer] = []
                for (port, outer) in [(80, .v4), (81, .v6)] as [(UInt16, Family)] {
                    for carried in Self.protocols {
                        for inner in Family.allCases {
                            let id = LoadBalancerID("\(carried) \(inner) in \(outer)")
                            balancers.append(
                                try lab.balancer(id, as: carried, inner, port: port, through: outer) { $0.forwarding = .tunnel(tunnel) })
                        }
                        try lab.serve(balancers[balancers.count - 1])
                    }
                }
                try run(balancers, in: lab)
                for balancer in balancers { try expect(lab, balances: balancer) }
            }
        }

        private func run(_ balancers: [LoadBalancer], in lab: Lab) throws { _ = try DriverBench(in: lab.director).run(balancers) }

        private func expect(_ lab: Lab, balances balancer: LoadBalancer, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let connections = try (1...4).map { _ in try lab.connect(balancer) }
            #expect(connections.map(\.server).sorted() == ["r1", "r1", "r2", "r2"], "\(balancer.id)", sourceLocation: sourceLocation)
            for connection in connections {
                #expect(try connection.ask() == connection.server, "\(balancer.id)", sourceLocation: sourceLocation)
            }
        }
    }
}

extension Lab {
    /// Lets the director forward nothing but what IPVS does.
    fileprivate func stopRouting() throws { try director.set(["net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0]) }
}
