import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("What a cluster wants")
struct ClusterSourceTests {
    private let cluster = Origin(.kubernetes, name: "shop/web")

    private func put(_ bench: Bench, _ id: String, _ port: UInt16, weight: UInt16 = 1) -> Outcome {
        bench.runner.perform(.change(.create([balancer(id, port, weight: weight)]), ChangeOptions()), from: cluster)
    }

    @Test("is in force and not stored, and its revisions are never given to another change after a start")
    func isNotStored() throws {
        let bench = try Bench()
        #expect(put(bench, "k8s:a", 1).isChanged)
        #expect(bench.pipeline.commit(.create([balancer("job", 2)])).isChanged)
        for weight in 2...5 { #expect(put(bench, "k8s:a", 1, weight: UInt16(weight)).isChanged) }
        #expect(try bench.driver.running.keys.sorted() == ["job", "k8s:a"])
        let revision = bench.pipeline.revision
        #expect(revision == 6)
        #expect(try bench.pipeline.journal(after: 0, limit: 10).map(\.what) == ["CREATE job"])
        try bench.restart()
        #expect(bench.pipeline.committed.entries.keys == ["job"])
        #expect(bench.pipeline.revision >= revision)
    }

    @Test("is not among what was deleted, of which jobs are told")
    func isNotRemembered() throws {
        let bench = try Bench()
        #expect(put(bench, "k8s:a", 1).isChanged)
        #expect(bench.runner.perform(.change(.delete(ids("k8s:a")), ChangeOptions()), from: cluster).isChanged)
        #expect(try bench.driver.running.isEmpty)
        #expect(bench.pipeline.commit(.delete(ids("k8s:a"))).failure?.contains("there is no load balancer") ?? false)
    }

    @Test("is left alone by jobs, which are told whose it is")
    func isItsOwn() throws {
        let bench = try Bench()
        #expect(put(bench, "k8s:a", 1).isChanged)
        let refusal = bench.pipeline.commit(.delete(ids("k8s:a"))).failure
        #expect(refusal == "loadBalancers[0]: 'k8s:a' is a service of the Kubernetes cluster; change it there")
        #expect(bench.pipeline.commit(.update([balancer("job", 2)])).isChanged)
        #expect(try bench.driver.running.keys.sorted() == ["job", "k8s:a"])
    }

    @Test("is noted in the journal where it is replaced as a whole, and where something is remarked of it")
    func remarks() throws {
        let bench = try Bench()
        try bench.pipeline.replace(.kubernetes, [balancer("k8s:a", 1)])
        bench.runner.remark("shop/web: port 80 is taken", outcome: "FAIL", from: cluster)
        let entries = try bench.pipeline.journal(after: 0, limit: 10)
        #expect(entries.map { "\($0.cause) \($0.what) \($0.outcome)" }.first == "kubernetes UPDATE k8s:a PASS")
        #expect(bench.pipeline.commit(.create([balancer("job", 2)])).isChanged)
        #expect(
            try bench.pipeline.journal(after: 0, limit: 10).map { "\($0.cause) \($0.origin) \($0.what) \($0.outcome)" }
                .contains("kubernetes shop/web shop/web: port 80 is taken FAIL"))
    }

    @Test("is in force from the start on where it was restored")
    func isRestored() throws {
        let bench = try Bench()
        #expect(bench.pipeline.commit(.create([balancer("job", 2)])).isChanged)
        try bench.restart(restored: [balancer("k8s:a", 1), balancer("job", 3)])
        #expect(try bench.driver.running.keys.sorted() == ["job", "k8s:a"])
        #expect(bench.pipeline.committed["job"]?.source == .jobs)
        #expect(bench.pipeline.committed["k8s:a"]?.source == .kubernetes)
    }
}
