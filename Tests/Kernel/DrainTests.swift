import LBaaS
import TestSupport
import Testing

extension OnKernel {
    /// What the kernel does to connections when their real server gets no more of them.
    @Suite("A drain") struct DrainTests {
        @Test("by weight 0 keeps a running connection and sends new ones elsewhere", arguments: Family.allCases)
        func weightZero(family: Family) throws {
            try withService(.init(transport: .tcp, family: family)) { lab, service in
                let running = try lab.connect(service)
                let other = try lab.other(than: running.server)
                try lab.setWeight(0, of: lab.realServer(running.server), in: service)
                #expect(try lab.share(of: 4, to: service) == [other.name: 4])
                #expect(try running.ask() == running.server)
            }
        }

        @Test("of the last real server refuses new connections", arguments: Family.allCases)
        func everyWeightZero(family: Family) throws {
            try withService(.init(transport: .tcp, family: family)) { lab, service in
                let running = try lab.connect(service)
                for server in lab.realServers { try lab.setWeight(0, of: server, in: service) }
                #expect(throws: SocketError.refused) { try lab.connect(service) }
                #expect(try running.ask() == running.server)
            }
        }

        @Test("by removal leaves a running connection without an answer until the real server is back")
        func removal() throws {
            try withService(.init(transport: .udp, family: .v4)) { lab, service in
                let running = try lab.connect(service, from: 5000)
                let server = try lab.realServer(running.server)
                try lab.remove(server, from: service)
                #expect(throws: SocketError.silence) { try lab.connect(service, from: 5000, within: 0.2) }
                try lab.director.ipvsadm("-a \(service.name) -r \(server.endpoint(.v4)) -m")
                #expect(try running.ask() == server.name)
            }
        }

        @Test("by removal ends a running connection where the kernel is told so")
        func removalEnds() throws {
            try withService(.init(transport: .tcp, family: .v4)) { lab, service in
                try lab.director.set(["net.ipv4.vs.expire_nodest_conn": 1])
                let running = try lab.connect(service)
                try lab.remove(try lab.realServer(running.server), from: service)
                #expect(throws: SocketError.reset) { try running.ask() }
            }
        }
    }
}
