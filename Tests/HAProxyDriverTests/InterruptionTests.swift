import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// A worker that is killed at every step of every kind of change, one by one.
@Suite struct InterruptionTests {
    /// A change: the load balancers as they are and as they are to be.
    struct Change: CustomTestStringConvertible {
        let testDescription: String
        /// The names of the nodes of each load balancer, and whether it is suspended.
        let before: [String: Wanted]
        let after: [String: Wanted]
    }

    struct Wanted: Equatable {
        var nodes: [String] = ["one", "two"]
        var weight: UInt16 = 1
        var isSuspended = false
    }

    @Test(arguments: [
        Change(testDescription: "the first start", before: [:], after: ["shop": Wanted()]),
        Change(testDescription: "weight", before: ["shop": Wanted()], after: ["shop": Wanted(weight: 7)]),
        Change(testDescription: "a node added", before: ["shop": Wanted(nodes: ["one"])], after: ["shop": Wanted()]),
        Change(testDescription: "a node removed", before: ["shop": Wanted()], after: ["shop": Wanted(nodes: ["two"])]),
        Change(testDescription: "another created", before: ["shop": Wanted()], after: ["shop": Wanted(), "other": Wanted()]),
        Change(testDescription: "another deleted", before: ["shop": Wanted(), "other": Wanted()], after: ["shop": Wanted()]),
        Change(testDescription: "suspended", before: ["shop": Wanted()], after: ["shop": Wanted(isSuspended: true)]),
        Change(testDescription: "all deleted", before: ["shop": Wanted()], after: [:]),
    ])
    func theCommittedStateRunsInTheEndAndConnectionsSurvive(_ change: Change) async throws {
        try await withBench { bench in
            let rig = try Rig(bench)
            var step = 1
            while true {
                try rig.bring(to: change.before, from: change.after)
                let connection = change.before["shop"] == nil ? nil : try bench.connection(to: rig.port("shop"), at: "one")
                let wasKilled = try !rig.run(killedAt: step, rig.jobs(change.after, change.before)).ok
                #expect(try connection?.ask("alone") ?? "one alone" == "one alone", "killed at \(step)")
                let isCommitted = try rig.isCommitted(change.after, change.before)
                if !wasKilled { #expect(isCommitted) }
                try rig.check(isCommitted ? change.after : change.before, "killed at \(step)")
                #expect(try connection?.ask("still") ?? "one still" == "one still", "killed at \(step)")
                // The job comes again, as its server gives it to the next worker.
                try rig.bring(to: change.after, from: change.before)
                try rig.check(change.after, "again after \(step)")
                #expect(try connection?.ask("again") ?? "one again" == "one again", "killed at \(step)")
                connection?.shut()
                if !wasKilled { break }
                step += 1
            }
            #expect(step > 2, "some steps are taken")
        }
    }

    /// Workers that come and go over one haproxy, and what they are asked for.
    private struct Rig {
        private let bench: Bench
        private let servers: [String: RealServer]
        private let ports: [String: UInt16]

        init(_ bench: Bench) throws {
            self.bench = bench
            servers = ["one": try bench.server("one"), "two": try bench.server("two")]
            ports = ["shop": try freePort(), "other": try freePort()]
        }

        func port(_ id: String) throws -> UInt16 { try #require(ports[id]) }

        /// Runs a worker for these jobs; whether it came to its end, and its replies.
        func run(killedAt step: Int = 0, _ jobs: [String]) throws -> (ok: Bool, output: String) {
            let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                .appendingPathComponent("interrupted-worker").path
            let end = try DetachedProcess.run(program, [bench.folder, String(step)] + jobs, within: .seconds(60))
            #expect(!end.output.contains("FAIL"), "\(end.output)")
            return end
        }

        func bring(to wanted: [String: Wanted], from old: [String: Wanted]) throws {
            #expect(try run(jobs(wanted, old)).ok)
        }

        /// The jobs that lead from one state to another.
        func jobs(_ new: [String: Wanted], _ old: [String: Wanted], isDryRun: Bool = false) -> [String] {
            let extra = isDryRun ? #", "hpcs_dry_run": true"# : ""
            if new.isEmpty { return [#"{"hpcs_action": "DELETE"\#(extra)}"#] }
            let list = new.keys.sorted().map { id in json(id, new[id] ?? Wanted()) }.joined(separator: ", ")
            let suspended = new.filter { $0.value.isSuspended && !(old[$0.key]?.isSuspended ?? false) }.keys.sorted()
            if !suspended.isEmpty {
                return suspended.map { #"{"hpcs_action": "SUSPEND", "loadBalancers": [{"id": "\#($0)"}]\#(extra)}"# }
            }
            return [#"{"hpcs_action": "UPDATE", "loadBalancers": [\#(list)]\#(extra)}"#]
        }

        private func json(_ id: String, _ wanted: Wanted) -> String {
            let nodes = wanted.nodes.map {
                #"{"id": "\#($0)", "address": "127.0.0.1", "port": \#(servers[$0]?.port ?? 0), "weight": \#(wanted.weight)}"#
            }
            return #"{"id": "\#(id)", "protocol": "TCP", "address": "127.0.0.1", "port": \#(ports[id] ?? 0), "#
                + #""sessionPersistence": null, "nodes": [\#(nodes.joined(separator: ", "))]}"#
        }

        /// Starts a worker, which puts right what it finds; whether the change is in its state.
        func isCommitted(_ new: [String: Wanted], _ old: [String: Wanted]) throws -> Bool {
            try run(jobs(new, old, isDryRun: true)).output.contains(#""plan": []"#)
        }

        /// Checks that haproxy runs these load balancers as they should be, and that nothing is left of a change.
        func check(_ wanted: [String: Wanted], _ comment: Comment) throws {
            try bench.restart()
            let expected = wanted.map { id, wanted in
                var balancer = LoadBalancer(
                    id: LoadBalancerID(id), serviceProtocol: .tcp, address: .v4(0x7F00_0001), port: ports[id] ?? 0)
                balancer.sessionPersistence = SessionPersistence.none
                balancer.isSuspended = wanted.isSuspended
                balancer.nodes = wanted.nodes.map { name in
                    node(name, "127.0.0.1", port: servers[name]?.port ?? 0) { $0.weight = wanted.weight }
                }
                return balancer
            }
            let observation = try bench.driver.observe(expecting: expected)
            #expect(Set(observation.running) == Set(expected), comment)
            #expect(observation.altered == [], comment)
            for balancer in expected where !balancer.isSuspended { #expect(try Page(balancer.port).status == 200, comment) }
            #expect((bench.serving == nil) == expected.isEmpty, comment)
        }
    }
}
