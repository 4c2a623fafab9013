import TestSupport
import Testing

extension OnKernel {
    @Suite("Persistence") struct PersistenceTests {
        @Test("sends a client to the real server that it had before", arguments: Family.allCases)
        func sticks(family: Family) throws {
            try withService(persistent(family)) { lab, service in
                let first = try lab.connect(service).server
                #expect(try lab.share(of: 5, to: service) == [first: 5])
            }
        }

        @Test("holds a client at a real server of weight 0, unless the kernel is told otherwise", arguments: [0, 1])
        func drained(expires: Int) throws {
            try withService(persistent(.v4)) { lab, service in
                try lab.director.set(["net.ipv4.vs.expire_quiescent_template": expires])
                let running = try lab.connect(service)
                let (before, other) = (try lab.realServer(running.server), try lab.other(than: running.server))
                try lab.setWeight(0, of: before, in: service)
                #expect(try lab.share(of: 3, to: service) == [expires == 1 ? other.name : before.name: 3])
                #expect(try running.ask() == before.name)
            }
        }

        private func persistent(_ family: Family) -> Service { Service(transport: .tcp, family: family, options: "-s rr -p 60") }
    }
}
