import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// What clients see: a real haproxy with real connections through it.
@Suite struct ServingTests {
    @Test func itIsStartedAndEnded() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            #expect(try Page(port).body == "one")
            bench.run(balancer(port: port, to: one) { $0.timeouts.client = 20_000 })
            let table = try bench.driver.loader.processTable()
            bench.run()
            #expect(bench.serving == nil)
            #expect(throws: Failure.self) { try Page(port) }
            #expect(bench.file == "")
            // Nothing is left of it, those that only counted on included.
            try waitUntil("all its processes have ended") {
                ([table.master] + table.current + table.old).allSatisfy { kill($0, 0) != 0 }
            }
        }
    }

    @Test func weightsShareTheRequests() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            bench.run(balancer(port: port, to: one, two) { $0.nodes[0].weight = 3 })
            #expect(try bench.share(port, of: "one") == 30)
            bench.forget()
            bench.run(balancer(port: port, to: one, two) { $0.nodes[1].weight = 3 })
            #expect(bench.loads == 0)
            // haproxy evens out what the other had too little of before.
            _ = try bench.share(port, of: "one")
            #expect((9...11).contains(try bench.share(port, of: "one")))
            bench.run(balancer(port: port, to: one, two) { $0.nodes[1].weight = 0 })
            #expect(try bench.share(port, of: "one") == 40)
        }
    }

    @Test func aBackupTakesOverAndASorryServerAfterIt() async throws {
        try await withBench { bench in
            let (one, two, sorry) = (try bench.server("one"), try bench.server("two"), try bench.server("sorry"))
            let port = try freePort()
            bench.run(
                balancer(port: port, to: one, two) {
                    $0.nodes[1].isBackup = true
                    $0.sorryServer = Endpoint(host: .address(.v4(0x7F00_0001)), port: sorry.port)
                })
            #expect(try bench.share(port, of: "one") == 40)
            one.stop()
            // A request whose connection is refused goes to another server at once, before a check has failed.
            try waitUntil("the backup takes over") { try Page(port).body == "two" }
            try waitUntil("one is down") { try bench.status("shop") == ["one": false, "two": true] }
            two.stop()
            try waitUntil("the sorry server answers") { try Page(port).body == "sorry" }
            try waitUntil("both are down") { try bench.status("shop") == ["one": false, "two": false] }
        }
    }

    @Test func whereAllDrainTheSorryServerAnswersAndSoundIsWhatPassesItsChecks() async throws {
        try await withBench { bench in
            let (one, two, sorry) = (try bench.server("one"), try bench.server("two"), try bench.server("sorry"))
            let port = try freePort()
            let shop = balancer(port: port, to: one, two) {
                $0.sorryServer = Endpoint(host: .address(.v4(0x7F00_0001)), port: sorry.port)
                $0.monitor = monitor(.connect) { ($0.delay, $0.timeout, $0.attempts) = (1, 1, 1) }
            }
            var health = ServiceHealth()
            bench.run(shop)
            // As the worker has it below a quorum.
            var unsure = shop
            unsure.quorum = 3
            health.follow(unsure, checkedBy: .driver, version: 1, now: Timestamp(microseconds: 0))
            bench.forget()
            bench.run(health.effectiveWhereNodesAreChecked(unsure))
            #expect(bench.loads == 0)
            #expect(try bench.share(port, of: "sorry") == 40)
            two.stop()
            func sound() throws -> [Bool]? { try bench.driver.status(of: [shop.id])[shop.id]?.map(\.isSound) }
            try waitUntil("the dead one is not sound") { try sound() == [true, false] }
            bench.run(shop)
            #expect(try bench.share(port, of: "one") == 40)
        }
    }

    @Test func aCookieKeepsAClientWithItsNode() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            bench.forget()
            bench.run(balancer(port: port, to: one, two))
            #expect(bench.loads == 0)
            var cookies: [String: String] = [:]
            for _ in 0..<4 {
                let page = try Page(port)
                cookies[page.body] = page.cookie
            }
            #expect(cookies.count == 2)
            for (name, cookie) in cookies {
                for _ in 0..<6 { #expect(try Page(port, cookie: cookie).body == name) }
            }
            // The next process knows the same cookies.
            bench.run(balancer(port: port, to: one, two) { $0.timeouts.client = 20_000 })
            for (name, cookie) in cookies { #expect(try Page(port, cookie: cookie).body == name) }
        }
    }

    @Test(arguments: [ServiceProtocol.tcp, .http])
    func anAddressKeepsAClientWithItsNodeAcrossALoad(_ serviceProtocol: ServiceProtocol) async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            func shop(_ timeout: UInt32) -> LoadBalancer {
                balancer("shop", serviceProtocol, port: port, to: one, two) { $0.sessionPersistence = .sourceIP(timeout: timeout) }
            }
            bench.run(shop(200))
            // The first process, if it is only a few seconds old, has nothing to teach; from then on each does.
            bench.run(shop(100))
            var nodes: [UInt8: String] = [:]
            for source in 1...6 { nodes[UInt8(source)] = try Page(port, source: UInt8(source)).body }
            #expect(Set(nodes.values) == ["one", "two"])
            for (source, node) in nodes { #expect(try Page(port, source: source).body == node) }
            bench.forget()
            for turn in 1...3 {
                bench.run(shop(100), balancer("other", port: try freePort(), to: one) { $0.timeouts.client += UInt32(turn) })
                try waitUntil("the table has been handed on") { try bench.ask("show table shop").contains("used:6") }
                for (source, node) in nodes { #expect(try Page(port, source: source).body == node) }
            }
            #expect(bench.loads == 3)
        }
    }

    @Test func withoutStickinessEveryRequestIsBalanced() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            bench.run(balancer("db", .galera, port: port, to: one, two) { $0.nodes[1].isBackup = true })
            #expect(try bench.share(port, of: "one") == 40)
            bench.run(balancer("db", .tcp, port: port, to: one, two) { $0.sessionPersistence = SessionPersistence.none })
            #expect(try bench.share(port, of: "one") == 20)
        }
    }

    @Test func theSourceChoosesTheNodeAndServersComeAndGo() async throws {
        try await withBench { bench in
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            let port = try freePort()
            func shop(_ servers: RealServer...) -> LoadBalancer {
                var shop = balancer("shop", .tcp, port: port) {
                    $0.algorithm = .sourceIP
                    $0.sessionPersistence = SessionPersistence.none
                }
                shop.nodes = servers.map { node($0.name, "127.0.0.1", port: $0.port) }
                return shop
            }
            bench.run(shop(one, two))
            bench.forget()
            bench.run(shop(one, two, three))
            let answers = try (1...40).map { try Page(port, source: UInt8($0)).body }
            #expect(Set(answers) == ["one", "two", "three"])
            #expect(try (1...40).map { try Page(port, source: UInt8($0)).body } == answers)
            bench.run(shop(three))
            #expect(try Page(port, source: 7).body == "three")
            #expect(bench.loads == 0)
        }
    }

    @Test func aDrainLetsRunWhatRunsAndTakesNothingNew() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let (port, other) = (try freePort(), try freePort())
            func shop(_ condition: Node.Condition) -> LoadBalancer {
                balancer("shop", .tcp, port: port, to: one, two) {
                    $0.sessionPersistence = SessionPersistence.none
                    $0.nodes[0].condition = condition
                }
            }
            bench.run(shop(.enabled))
            let connection = try bench.connection(to: port, at: "one")
            bench.forget()
            bench.run(shop(.draining))
            #expect(bench.loads == 0)
            #expect(try bench.share(port, of: "one") == 0)
            #expect(try connection.ask("still") == "one still")
            #expect(try bench.status("shop") == ["one": false, "two": true])
            // Neither a load nor a haproxy that is started anew forgets it.
            bench.run(shop(.draining), balancer("other", port: other, to: one))
            #expect(try bench.share(port, of: "one") == 0)
            #expect(try connection.ask("still") == "one still")
            try bench.killHAProxy()
            try bench.settle()
            #expect(try bench.share(port, of: "one") == 0)
            bench.run(shop(.enabled), balancer("other", port: other, to: one))
            #expect(try bench.share(port, of: "one") == 20)
        }
    }

    @Test func aNewNodeCanDrainOrBeDisabledFromTheBeginning() async throws {
        try await withBench { bench in
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            let (first, second) = (try freePort(), try freePort())
            let change: (inout LoadBalancer) -> Void = {
                $0.nodes[1].condition = .draining
                $0.nodes[2].condition = .disabled
            }
            bench.run(balancer("a", port: first, to: one, two, three, change: change))
            #expect(try bench.share(first, of: "one") == 40)
            bench.run(balancer("a", port: first, to: one, two, three, change: change), balancer("b", port: second, to: one))
            bench.run(
                balancer("a", port: first, to: one, two, three, change: change),
                balancer("b", port: second, to: one, two, three, change: change))
            #expect(try bench.share(second, of: "one") == 40)
            #expect(try bench.status("b") == ["one": true, "two": false, "three": false])
            #expect(try bench.settle() == [])
        }
    }

    @Test(arguments: [Monitor.Kind.connect, .http])
    func aMonitorTakesANodeOutAndBringsItBack(_ kind: Monitor.Kind) async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            bench.run(
                balancer(port: port, to: one, two) {
                    $0.monitor = monitor(kind) {
                        ($0.delay, $0.timeout, $0.attempts, $0.rise, $0.path, $0.host) = (1, 20, 2, 1, "/check", "shop.example")
                        if kind == .http { $0.expectedCodes = [200...200] }
                    }
                })
            one.stop()
            try waitUntil("it is down") { try bench.status("shop") == ["one": false, "two": true] }
            #expect(try bench.share(port, of: "two") == 40)
            let again = try RealServer("again", port: one.port)
            defer { again.stop() }
            try waitUntil("it is up") { try bench.status("shop") == ["one": true, "two": true] }
            #expect(try bench.share(port, of: "again") == 20)
        }
    }

    @Test func aStatusThatIsNotExpectedIsAFailure() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            bench.run(
                balancer(port: try freePort(), to: one) {
                    $0.monitor = monitor(.http) { ($0.delay, $0.timeout, $0.attempts, $0.expectedCodes) = (1, 20, 1, [201...299]) }
                })
            try waitUntil("it is down") { try bench.status("shop") == ["one": false] }
        }
    }

    /// The states that a load takes over name the former port and address too.
    @Test func aMonitorMovesToAnotherPlace() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let (port, closed) = (try freePort(), try freePort())
            func check(at address: IPAddress, _ checked: UInt16) {
                bench.run(
                    balancer(port: port, to: one) {
                        $0.monitor = monitor(.connect) {
                            ($0.delay, $0.timeout, $0.attempts, $0.address, $0.port) = (1, 1, 1, address, checked)
                        }
                    })
            }
            check(at: .v4(0x7F00_0001), one.port)
            #expect(try bench.status("shop") == ["one": true])
            check(at: .v4(0x7F00_0001), closed)
            try waitUntil("it is down") { try bench.status("shop") == ["one": false] }
            check(at: .v4(0x7F00_0001), one.port)
            try waitUntil("it is up") { try bench.status("shop") == ["one": true] }
            // Nobody listens there: the server is at one address only.
            check(at: .v4(0x7F00_0002), one.port)
            try waitUntil("it is down") { try bench.status("shop") == ["one": false] }
        }
    }

    @Test func suspendingOneLeavesTheOthersAlone() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let (first, second) = (try freePort(), try freePort())
            let other = balancer("other", .tcp, port: second, to: one)
            bench.run(balancer("shop", port: first, to: one), other)
            let connection = try bench.connection(to: second, at: "one")
            bench.run(balancer("shop", port: first, to: one) { $0.isSuspended = true }, other)
            #expect(throws: Failure.self) { try Page(first) }
            #expect(try Page(second).body == "one")
            #expect(try bench.status("shop") == ["one": false])
            #expect(try bench.settle() == [])
            bench.run(balancer("shop", port: first, to: one), other)
            #expect(try Page(first).body == "one")
            #expect(try connection.ask("still") == "one still")
            bench.run(other)
            #expect(throws: Failure.self) { try Page(first) }
            #expect(try connection.ask("still") == "one still")
        }
    }

    @Test func allCanBeSuspended() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            let pid = bench.serving
            bench.run(balancer(port: port, to: one) { $0.isSuspended = true })
            #expect(bench.serving != nil && bench.serving != pid)
            try bench.restart()
            #expect(try bench.settle() == [])
            bench.run(balancer(port: port, to: one))
            #expect(try Page(port).body == "one")
        }
    }

    @Test func anyIDServes() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let ids = ["GLOBAL", "a b\n    server x 1.2.3.4", "é#\"'$HOME", "lbaas", "_", "-", String(repeating: "x", count: 600)]
            let ports = try ids.map { _ in try freePort() }
            let balancers = zip(ids, ports).map { id, port in
                balancer(id, port: port, to: one) {
                    $0.nodes = ids.map { node($0, "127.0.0.1", port: one.port) }
                    $0.monitor = monitor(.http) { ($0.path, $0.host) = ("/check?a=\"b\"'#\\$HOME%20%ci", "h%o\"'#") }
                }
            }
            #expect(bench.tryToRun(balancers) == [])
            for port in ports { #expect(try Page(port).body == "one") }
            #expect(try bench.settle() == [])
            try bench.restart()
            #expect(try bench.settle() == [])
            for id in ids { #expect(try Set(bench.status(LoadBalancerID(id)).keys) == Set(ids)) }
        }
    }

    @Test func itListensOnEveryAddressOrOne() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let (first, second) = (try freePort(), try freePort())
            bench.run(
                balancer("every", port: first, to: one) { $0.address = nil },
                balancer("four", port: second, to: one) { $0.address = .v4(0) },
                balancer("six", port: second, to: one) { $0.address = .v6(high: 0, low: 0) })
            for port in [first, second] {
                #expect(try Page(port).body == "one")
                if bench.base.hasIPv6 { #expect(try Page(port, isV6: true).body == "one") }
            }
        }
    }

    @Test func aHostNameIsResolvedAndOneThatCannotBeKeepsNobodyDown() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(
                balancer(port: port, to: one) {
                    $0.nodes[0].address = .name("localhost")
                    $0.nodes.append(node("lost", "no-such-host.invalid"))
                })
            #expect(try Page(port).body == "one")
            #expect(try bench.status("shop") == ["one": true, "lost": false])
            #expect(try bench.settle() == [])
        }
    }
}
