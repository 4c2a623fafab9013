import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("The journal")
struct JournalTests {
    @Test("tells each change with its number, source and origin, survives the worker, and is read from a number on")
    func entries() throws {
        let bench = try Bench()
        #expect(bench.runner.perform(create("a", 1), from: Origin(.jobs, name: "H:lap:1")).isChanged)
        _ = bench.runner.perform(create("a", 1), from: Origin(.jobs, name: "H:lap:2"))
        try bench.pipeline.replace(.file, [balancer("web", 80)])
        #expect(!bench.pipeline.commit(.delete(ids("nobody"))).isChanged)
        let revision = bench.pipeline.revision
        #expect(revision == 2)
        let before = try bench.pipeline.journal(after: 0, limit: 10)
        #expect(before.map { "\($0.revision) \($0.cause) \($0.origin) \($0.what)" } == ["1 jobs H:lap:1 CREATE a", "2 file  UPDATE web"])
        try bench.restart()
        #expect(bench.pipeline.revision == revision)
        #expect(try bench.pipeline.journal(after: 0, limit: 10) == before)
        #expect(bench.pipeline.commit(.delete(ids("a"))).isChanged)
        #expect(try bench.pipeline.journal(after: 2, limit: 10).map(\.what) == ["DELETE a"])
        #expect(try bench.pipeline.journal(after: 0, limit: 1).map(\.revision) == [1])
    }

    private func create(_ id: String, _ port: UInt16) -> Request { .change(.create([balancer(id, port)]), ChangeOptions()) }

    @Test("keeps the last 10,000 entries")
    func length() throws {
        let bench = try Bench()
        for round in 0..<21 {
            let jobs = (0..<512).map { Job.create(balancer("a", UInt16(1 + ($0 + round) % 2))) }
            #expect(bench.pipeline.run(jobs).allSatisfy { $0.isChanged })
        }
        let entries = try bench.pipeline.journal(after: 0, limit: 20_000)
        #expect((10_000..<10_300).contains(entries.count))
        #expect(entries.last?.revision == bench.pipeline.revision)
    }
}
