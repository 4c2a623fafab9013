import Testing

extension OnKernel {
    @Suite("Forwarding") struct ForwardingTests {
        @Test("by NAT balances each transport over two real servers, on another port", arguments: Family.allCases)
        func nat(family: Family) throws {
            try withLab { lab in
                for transport in Transport.allCases {
                    let service = Service(transport: transport, family: family)
                    try lab.serve(transport, port: 8080)
                    try lab.add(service, "-m", realPort: 8080)
                    try expect(lab, balances: service)
                }
            }
        }

        @Test("as it came balances each transport, and replies go straight to the client", arguments: Family.allCases)
        func direct(family: Family) throws {
            try withLab { lab in
                try lab.stopRouting()
                for transport in Transport.allCases {
                    let service = Service(transport: transport, family: family)
                    try lab.serve(transport)
                    try lab.add(service, "-g")
                    try expect(lab, balances: service)
                }
            }
        }

        @Test(
            "by tunnel balances each transport, packets of either family wrapped in such of either",
            arguments: [
                (.ipip, ""), (.gre, ""), (.gre, "--tun-csum"),
                (.gue, "--tun-port \(Wrapping.port)"), (.gue, "--tun-port \(Wrapping.port) --tun-csum"),
                (.gue, "--tun-port \(Wrapping.port) --tun-remcsum"),
            ] as [(Wrapping, String)])
        func tunnel(wrapping: Wrapping, options: String) throws {
            try withLab { lab in
                try lab.stopRouting()
                for server in lab.realServers { try server.unwrap(wrapping, checksum: options == "--tun-csum") }
                for (port, outer) in [(80, Family.v4), (81, .v6)] as [(UInt16, Family)] {
                    for transport in Transport.allCases {
                        try lab.serve(transport, port: port)
                        for inner in Family.allCases {
                            let service = Service(transport: transport, family: inner, port: port)
                            try lab.add(service, "-i --tun-type \(wrapping) \(options)", through: outer)
                            try expect(lab, balances: service)
                        }
                    }
                }
            }
        }

        private func expect(_ lab: Lab, balances service: Service, sourceLocation: SourceLocation = #_sourceLocation) throws {
            #expect(try lab.share(of: 6, to: service) == ["r1": 3, "r2": 3], sourceLocation: sourceLocation)
            let connections = try (1...2).map { _ in try lab.connect(service) }
            for _ in 1...2 {
                for connection in connections { #expect(try connection.ask() == connection.server, sourceLocation: sourceLocation) }
            }
        }
    }
}

extension Lab {
    /// Lets the director forward nothing but what IPVS does.
    fileprivate func stopRouting() throws { try director.set(["net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0]) }
}
