import IPVSDriver
import LBaaS
import Testing

@Suite("What the driver tells")
struct ReportTests {
    @Test("of nodes: they are up where the kernel has them with a weight")
    func status() throws {
        let nodes = [node(1), node(2, weight: 0), node(3, .disabled), node(4, isBackup: true), node(5), node(6, .draining)]
        let a = balancer("a", nodes)
        let bench = try Bench(running: [a])
        func up(_ id: LoadBalancerID = "a") throws -> [String]? {
            try bench.driver.status(of: [id])[id]?.compactMap { $0.isUp ? $0.id.text : nil }
        }
        #expect(try bench.driver.status(of: ["a"])["a"]?.map(\.id) == nodes.map(\.id))
        #expect(try up() == ["n1", "n5"])
        bench.kernel.alter(.deleteDestination(a.key, place(1)), .setDestination(a.key, place(5), nat(0)))
        #expect(try up() == [])
        bench.kernel.alter(.deleteService(a.key))
        #expect(try up() == [])
        #expect(try bench.start([a]) == ["a"])
        #expect(try up() == ["n1", "n5"])
        #expect(bench.apply(.update(from: a, to: suspended(a))) == nil)
        #expect(try up() == [])
        #expect(bench.apply(.delete(suspended(a))) == nil)
        #expect(try up() == nil)
        #expect(try up("unknown") == nil)
    }

    @Test("of nodes: those of a failed change are those that were")
    func failed() throws {
        let a = balancer("a", [node(1)])
        let bench = try Bench(running: [a])
        bench.kernel.refuse { if case .addDestination = $0 { 12 } else { nil } }
        #expect(bench.apply(.update(from: a, to: balancer("a", [node(1), node(2)])), .create(balancer("b", port: 81))) != nil)
        #expect(try bench.driver.status(of: ["a", "b"]) == ["a": [NodeStatus(id: "n1", isUp: true)]])
    }

    private let a = balancer("a", [node(1), node(2), node(3)])

    @Test("of what drains: it has finished when it has had no connection for so long that its last bytes are counted")
    func finished() throws {
        let bench = try Bench(running: [a])
        func finished(_ hosts: UInt32...) throws -> Set<Leaving> { Set(try bench.driver.finished(hosts.map { a.leaving($0) })) }
        bench.kernel.connect(1, to: place(2), of: a.key)
        #expect(try finished(1, 2) == [])
        bench.advance(.milliseconds(2499))
        #expect(try finished(1, 2) == [])
        bench.advance(.milliseconds(1))
        #expect(try finished(1, 2) == [a.leaving(1)])
        // A connection comes and goes: the time begins anew.
        bench.kernel.connect(0, to: place(2), of: a.key)
        #expect(try finished(2) == [])
        bench.advance(.seconds(2))
        bench.kernel.connect(3, to: place(2), of: a.key)
        #expect(try finished(2) == [])
        bench.kernel.connect(0, to: place(2), of: a.key)
        #expect(try finished(2) == [])
        bench.advance(.seconds(2))
        #expect(try finished(2) == [])
        bench.advance(.milliseconds(500))
        #expect(try finished(2) == [a.leaving(2)])
    }

    @Test("of what drains: what is gone has finished, and what is not asked after is forgotten")
    func gone() throws {
        let bench = try Bench(running: [a])
        let (elsewhere, moved) = (balancer("x", port: 99).leaving(1), a.leaving(9))
        #expect(Set(try bench.driver.finished([elsewhere, moved, a.leaving(1)])) == [elsewhere, moved])
        bench.advance(.seconds(2))
        #expect(try bench.driver.finished([]) == [])
        #expect(try bench.driver.finished([a.leaving(1)]) == [])
        bench.advance(.seconds(2))
        #expect(try bench.driver.finished([a.leaving(1)]) == [])
        bench.advance(.seconds(1))
        #expect(try bench.driver.finished([a.leaving(1)]) == [a.leaving(1)])
        bench.kernel.alter { $0.lists = 0 }
        _ = try bench.driver.finished([a.leaving(1), a.leaving(2), a.leaving(3)])
        bench.kernel.alter { #expect($0.lists == 1) }
    }

    @Test("of how often it is looked at, and how long what leaves may take: as configured")
    func upkeep() throws {
        #expect(
            try Bench().driver.upkeep == Upkeep(resyncInterval: .seconds(30), resyncPart: 32, drainTimeout: .seconds(30), checking: .worker)
        )
        let bench = try Bench(["resync_interval": "5", "drain_timeout": "0"])
        #expect(bench.driver.upkeep == Upkeep(resyncInterval: .seconds(5), resyncPart: 32, drainTimeout: .zero, checking: .worker))
    }
}
