import DummyDriver
import LBaaS
import Testing

@Suite("The dummy appliance")
struct ApplianceTests {
    @Test("begins empty")
    func empty() throws {
        #expect(try Bench().held().isEmpty)
    }

    @Test("holds what it is given, by id")
    func holds() throws {
        let bench = try Bench()
        #expect(bench.apply([.create(balancer("b", port: 1)), .create(balancer("a", port: 2))]) == [nil, nil])
        #expect(try bench.held() == [balancer("a", port: 2), balancer("b", port: 1)])
        #expect(
            bench.apply([.update(from: balancer("a", port: 2), to: balancer("a", port: 3)), .delete(balancer("b", port: 1))]) == [nil, nil])
        #expect(try bench.held() == [balancer("a", port: 3)])
    }

    @Test("refuses a step that does not fit what it holds")
    func misfits() throws {
        let bench = try Bench(holding: [balancer("a")])
        let other = balancer("a") { $0.nodes = [] }
        let steps: [(Patch<LoadBalancer>, String)] = [
            (.create(balancer("a", port: 81)), "cannot create 'a': it exists"),
            (.update(from: other, to: balancer("a", port: 81)), "cannot update 'a': it is not what the step says that it was"),
            (.delete(other), "cannot delete 'a': it is not what the step says that it was"),
            (.update(from: balancer("b"), to: balancer("b", port: 81)), "cannot update 'b': it does not exist"),
            (.delete(balancer("b")), "cannot delete 'b': it does not exist"),
            (.create(balancer("b")), "'b' cannot listen on *:80/tcp: 'a' does"),
        ]
        #expect(bench.apply(steps.map(\.0)) == steps.map(\.1))
        #expect(try bench.held() == [balancer("a")])
        #expect(bench.logged.isEmpty)
    }

    @Test("refuses an update onto a listener that is taken, and knows which are free again")
    func listeners() throws {
        let bench = try Bench(holding: [balancer("a", port: 1), balancer("b", port: 2)])
        let move = Patch.update(from: balancer("b", port: 2), to: balancer("b", port: 1))
        #expect(bench.apply([move]) == ["'b' cannot listen on *:1/tcp: 'a' does"])
        #expect(bench.apply([.update(from: balancer("a", port: 1), to: balancer("a", port: 3)), move]) == [nil, nil])
        #expect(
            bench.apply([.create(balancer("c", port: 2)), .delete(balancer("a", port: 3)), .create(balancer("d", port: 3))]) == [
                nil, nil, nil,
            ])
        #expect(bench.apply([.create(balancer("e", port: 1))]) == ["'e' cannot listen on *:1/tcp: 'b' does"])
    }

    @Test("passes a listener on within a group, in a ring too")
    func handover() throws {
        let (one, two) = (balancer("a", port: 1), balancer("b", port: 2))
        let bench = try Bench(holding: [one, two])
        let exchange = [Patch.update(from: one, to: balancer("a", port: 2)), .update(from: two, to: balancer("b", port: 1))]
        #expect(bench.apply(groups: [exchange]) == [nil])
        #expect(bench.apply(groups: [[.delete(balancer("b", port: 1)), .create(balancer("c", port: 1))]]) == [nil])
        #expect(try bench.held() == [balancer("a", port: 2), balancer("c", port: 1)])
        #expect(bench.apply([.create(balancer("d", port: 2))]) == ["'d' cannot listen on *:2/tcp: 'a' does"])
    }

    @Test("refuses a group whose load balancers would share a listener")
    func sharedListener() throws {
        let bench = try Bench(holding: [balancer("a", port: 1)])
        #expect(
            bench.apply(groups: [
                [.create(balancer("b", port: 5)), .create(balancer("c", port: 5))],
                [.update(from: balancer("a", port: 1), to: suspended(balancer("a", port: 1))), .create(balancer("b", port: 1))],
            ]) == ["'b' cannot listen on *:5/tcp: 'c' does", "'b' cannot listen on *:1/tcp: 'a' does"])
    }

    @Test("refuses two steps for one load balancer in a group")
    func twice() throws {
        let bench = try Bench()
        #expect(
            bench.apply(groups: [[.create(balancer("a")), .create(balancer("a", port: 81))]])
                == ["a group has two steps for one load balancer: 'a', 'a'"])
    }

    @Test("changes nothing for a group that fails, and carries out the others")
    func allOrNothing() throws {
        let bench = try Bench(holding: [balancer("a")])
        let outcome = bench.apply(groups: [
            [.create(balancer("b", port: 2)), .delete(balancer("missing"))],
            [.create(balancer("c", port: 3))],
        ])
        #expect(outcome == ["cannot delete 'missing': it does not exist", nil])
        #expect(try bench.held() == [balancer("a"), balancer("c", port: 3)])
        #expect(bench.apply([.create(balancer("d", port: 2))]) == [nil])
    }
}
