import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing
import WorkerHarness

/// A fleet of which parts die. Times are measured by the benchmark, not here.
@Suite(.serialized) struct FaultTests {
    /// What clients were told of the load balancers that they created.
    private final class Answers: Sendable {
        private let state = Mutex<(created: [String], unknown: [String], refusals: [String])>(([], [], []))

        var created: [String] { state.withLock { $0.created } }
        /// Refusals that are not to be.
        var refusals: [String] { state.withLock { $0.refusals } }
        var all: Set<String> { state.withLock { Set($0.created + $0.unknown) } }

        /// Takes an answer; nil where there was none. Then the load balancer may be there or not.
        func take(_ name: String, _ response: HTTPTestClient.Response?) {
            state.withLock { state in
                switch response?.status {
                case 201: state.created.append(name)
                // Whether a change was made is not known where the store did not answer in time.
                case nil, 503: state.unknown.append(name)
                default: state.refusals.append("\(name): \(response?.status ?? 0) \(response?.body ?? "")")
                }
            }
        }
    }

    /// Has four clients create load balancers, each at all servers in turn, until so many were created; meanwhile the body does what it likes.
    private func whileCreating(
        _ count: Int, _ bench: FleetBench, _ body: (Answers) async throws -> Void
    ) async throws -> Answers {
        let answers = Answers()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<4 {
                group.addTask {
                    var number = 0
                    let deadline = Deadline(seconds: 120)
                    while answers.created.count < count {
                        if deadline.isOver { throw Failure("only \(answers.created.count) of \(count) were created; \(answers.refusals)") }
                        let (name, port) = ("c\(client)-\(number)", bench.ports[(client + number) % bench.ports.count])
                        answers.take(name, try await bench.ask(port, "POST", "/v2/lbaas/loadbalancers", FleetBench.tree(name)))
                        number += 1
                    }
                }
            }
            try await body(answers)
            try await group.waitForAll()
        }
        return answers
    }

    /// What was answered is there, nothing else is, all of it is whole and at the workers, and all servers tell the same.
    private func check(_ answers: Answers, _ bench: FleetBench, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(answers.refusals == [], sourceLocation: sourceLocation)
        for port in bench.ports {
            try await eventually("all load balancers are ACTIVE") {
                let found = try await bench.loadBalancers(at: port)
                return found.values.allSatisfy { $0 == "ACTIVE" } && answers.created.allSatisfy { found[$0] != nil }
            }
        }
        let found = try await bench.loadBalancers(at: bench.ports[0])
        #expect(Set(found.keys).isSubset(of: answers.all), sourceLocation: sourceLocation)
        for worker in bench.workers {
            try await eventually("\(worker) has \(found.count)") { try await bench.count(of: worker) == found.count }
        }
    }

    @Test("Two of five members of etcd, the leader among them, are killed while load balancers are created")
    func twoOfFive() async throws {
        try await FleetBench.run(members: 5, servers: 2) { bench in
            let answers = try await whileCreating(120, bench) { answers in
                try await eventually("some are created") { answers.created.count >= 30 }
                let leader = try await bench.etcd.leader()
                await bench.etcd.kill(leader)
                await bench.etcd.kill((leader + 1) % 5)
            }
            try await check(answers, bench)
        }
    }

    @Test("Servers are killed and started again while load balancers are created")
    func killedServers() async throws {
        try await FleetBench.run(servers: 3) { bench in
            let answers = try await whileCreating(120, bench) { answers in
                for round in 1...4 {
                    try await eventually("some are created") { answers.created.count >= round * 20 }
                    try await bench.restart(round % 3, by: SIGKILL)
                }
            }
            try await check(answers, bench)
        }
    }

    @Test("Without a quorum a request is refused with 503 and a sentence, and leaves nothing half done")
    func noQuorum() async throws {
        try await FleetBench.run(members: 3, servers: 1, workers: ["lb1"]) { bench in
            let port = bench.ports[0]
            let first = try #require(try await bench.ask(port, "POST", "/v2/lbaas/loadbalancers", FleetBench.tree("first")))
            #expect(first.status == 201, "\(first)")
            for member in [0, 1] { await bench.etcd.kill(member) }
            let refused = try #require(try await bench.ask(port, "POST", "/v2/lbaas/loadbalancers", FleetBench.tree("second")))
            #expect(refused.status == 503 && refused.body.contains("faultstring"), "\(refused)")
            let ready = try #require(try await bench.ask(port, "GET", "/readyz"))
            #expect(ready.status == 503 && ready.body.contains("the store: "), "\(ready)")
            for member in [0, 1] { try bench.etcd.start(member) }
            try await bench.etcd.isReady()
            try await eventually("the server is ready") { try await bench.ask(port, "GET", "/readyz")?.status == 200 }
            let third = try #require(try await bench.ask(port, "POST", "/v2/lbaas/loadbalancers", FleetBench.tree("third")))
            #expect(third.status == 201, "\(third)")
            try await eventually("all are ACTIVE") {
                let found = try await bench.loadBalancers(at: port)
                // The second may have been carried out after all, and is whole then.
                return found.values.allSatisfy { $0 == "ACTIVE" } && Set(["first", "third"]).isSubset(of: found.keys)
            }
            let found = try await bench.loadBalancers(at: port).count
            try await eventually("the worker has them") { try await bench.count(of: "lb1") == found }
        }
    }

    /// Clients that send requests one after the other until they are told to stop.
    private final class Traffic: Sendable {
        private let failed = Record<String>()
        private let number = Atomic<Int>(0)
        private let isOver = Atomic<Bool>(false)

        var failures: [String] { failed.all }
        var count: Int { number.load(ordering: .relaxed) }

        func stop() { isOver.store(true, ordering: .relaxed) }

        /// One client; it creates load balancers, or lists them.
        func run(_ bench: FleetBench, _ port: UInt16, creates: Bool) async throws {
            while !isOver.load(ordering: .relaxed) {
                let name = "r\(number.add(1, ordering: .relaxed).newValue)"
                let response =
                    creates
                    ? try await bench.ask(port, "POST", "/v2/lbaas/loadbalancers", FleetBench.tree(name))
                    : try await bench.ask(port, "GET", "/v2/lbaas/loadbalancers?limit=5")
                if let status = response?.status, status < 300 { continue }
                failed.add("\(name): \(response.map { "\($0.status) \($0.body)" } ?? "no answer")")
            }
        }
    }

    @Test("Servers are restarted one after the other behind haproxy, and no request fails")
    func rollingRestart() async throws {
        try await FleetBench.run(servers: 2, workers: ["lb1"]) { bench in
            let proxy = try await bench.startProxy()
            let traffic = Traffic()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<4 { group.addTask { try await traffic.run(bench, proxy.port, creates: client == 0) } }
                for round in 0..<4 {
                    let before = traffic.count
                    try await bench.restart(round % 2, by: SIGTERM)
                    // haproxy has to see it before the other one goes.
                    try await eventually("haproxy uses it again") { try await bench.isUp(round % 2, proxy) }
                    try await eventually("requests go on") { traffic.count > before + 20 }
                }
                traffic.stop()
                try await group.waitForAll()
            }
            #expect(traffic.failures == [])
            #expect(traffic.count > 80)
        }
    }
}
