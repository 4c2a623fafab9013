import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// What somebody else does to haproxy, and that it is put right.
@Suite struct DriftTests {
    /// Something that somebody else does, and whether it takes a load to undo it.
    struct Kind: CustomTestStringConvertible {
        let testDescription: String
        let loads: Int
        let act: @Sendable (Bench) throws -> Void

        init(_ command: String, loads: Int = 0, then: String...) {
            (testDescription, self.loads) = (command, loads)
            act = { bench in
                for command in [command] + then { _ = try bench.ask(command) }
            }
        }

        init(_ name: String, loads: Int = 0, _ act: @escaping @Sendable (Bench) throws -> Void) {
            (testDescription, self.loads, self.act) = (name, loads, act)
        }
    }

    @Test(arguments: [
        Kind("set server shop/one weight 7"),
        Kind("set server shop/one state drain"),
        Kind("set server shop/one state maint"),
        Kind("set server shop/three state ready"),
        Kind("set server shop/one addr 127.0.0.9 port 9"),
        Kind("set server shop/one state maint", then: "del server shop/one"),
        Kind("add server shop/four 127.0.0.1:1", then: "set server shop/four state ready"),
        Kind("disable health shop/one", loads: 1),
        Kind("disable frontend shop", loads: 1),
        Kind("set server shop/_sorry state maint", loads: 1),
        Kind("the file is edited") { bench in try bench.write(bench.file + "\n# mine\n", to: bench.base.configurationFile) },
        Kind("the file is removed") { bench in unlink(bench.base.configurationFile) },
        Kind("the file is shown to all") { bench in chmod(bench.base.configurationFile, 0o644) },
        Kind("haproxy is killed", loads: 1) { bench in try bench.killHAProxy() },
        Kind("haproxy's master is killed", loads: 1) { bench in
            kill(try bench.driver.loader.processTable().master, SIGKILL)
            try waitUntil("haproxy is gone") { bench.serving == nil }
        },
        Kind("haproxy loads an edited file", loads: 1) { bench in
            let description = try #require(bench.file.firstRange(of: "description lbaas "))
            var text = bench.file
            text.insert("0", at: description.upperBound)
            try bench.write(text.replacing("timeout client 30000", with: "timeout client 5"), to: bench.base.configurationFile)
            let pid = bench.serving
            try bench.loadFile()
            try waitUntil("it is loaded") { bench.serving != nil && bench.serving != pid }
        },
    ])
    func itIsPutRight(_ kind: Kind) async throws {
        try await withBench { bench in
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            let port = try freePort()
            bench.run(
                balancer(port: port, to: one, two, three) {
                    $0.nodes[2].condition = .disabled
                    $0.sorryServer = Endpoint(host: .address(.v4(0x7F00_0001)), port: three.port)
                },
                balancer("other", .tcp, port: try freePort(), to: one))
            let file = bench.file
            try kind.act(bench)
            bench.forget()
            #expect(try bench.settle().contains("shop"))
            #expect(bench.loads == kind.loads, "\(kind)")
            try waitUntil("the file is as it was") {
                // Another load gives other numbers to what nobody ran any more.
                let ours = bench.file.split(separator: "\n").filter { !$0.hasPrefix("    id ") }
                return ours == file.split(separator: "\n").filter { !$0.hasPrefix("    id ") }
            }
            #expect(try bench.settle() == [], "\(kind)")
            // A check may have met the server as somebody else had it, and found it down until the next check.
            try waitUntil("the checks find them as they are") {
                try bench.status("shop") == ["one": true, "two": true, "three": false]
            }
            // haproxy evens out what one of them had too little of before.
            _ = try bench.share(port, of: "one")
            #expect((18...22).contains(try bench.share(port, of: "one")), "\(kind)")
            #expect((18...22).contains(try bench.share(port, of: "two")), "\(kind)")
        }
    }

    @Test func aWorkerThatStartsFindsWhatRunsAndTouchesNothing() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let suspended = balancer("off", port: try freePort(), to: one) { $0.isSuspended = true }
            bench.run(balancer(port: try freePort(), to: one, two) { $0.nodes[1].condition = .draining }, suspended)
            let (pid, file) = (bench.serving, bench.file)
            try bench.restart()
            bench.forget()
            #expect(try bench.settle() == [])
            #expect(bench.taken == [])
            #expect(bench.serving == pid)
            #expect(bench.file == file)
            // What it has no use for any more goes.
            try bench.restart()
            let observation = try bench.driver.observe(expecting: [suspended])
            #expect(Set(observation.running.map(\.id)) == ["shop", "off"])
        }
    }

    @Test func theFileFollowsSoonAndOnceForManyChanges() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            bench.forget()
            let start = ContinuousClock.now
            for weight in 1...50 {
                bench.run(balancer(port: port, to: one, two) { $0.nodes[1].weight = UInt16(weight) })
            }
            try waitUntil("the file has it") { bench.file.contains("server two 127.0.0.1:\(two.port) weight 50 ") }
            #expect(bench.taken.count { $0 == .fileFollowed } <= 1 + Int((ContinuousClock.now - start) / .milliseconds(300)))
            #expect(bench.loads == 0)
            // A haproxy that somebody starts from the file is the same.
            let pid = bench.serving
            try bench.loadFile()
            try waitUntil("it is loaded") { bench.serving != nil && bench.serving != pid }
            #expect(try bench.settle() == [])
        }
    }
}
