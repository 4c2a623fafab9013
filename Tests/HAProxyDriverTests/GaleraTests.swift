import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// GALERA has one writer at a time.
@Suite struct GaleraTests {
    @Test func whoeverIsNoLongerTheWriterKeepsNoConnection() async throws {
        try await withBench { bench in
            let (writer, reserve) = (try bench.server("writer"), try bench.server("reserve"))
            let port = try freePort()
            // What is checked stands apart from what is written to, so that the node goes down with its connections open.
            let probe = try bench.server("probe")
            let cluster = balancer(port: port, to: writer, reserve) {
                $0.serviceProtocol = .galera
                $0.nodes[1].isBackup = true
            }
            bench.run(cluster)
            let first = try bench.connection(to: port, at: "writer")
            _ = try bench.ask("set server shop/writer check-port \(probe.port)")
            probe.stop()
            #expect(try first.rest() == "")
            let second = try bench.connection(to: port, at: "reserve")
            _ = try bench.ask("set server shop/writer check-port \(writer.port)")
            #expect(try second.rest() == "")
            #expect(try bench.connection(to: port, at: "writer").ask("again") == "writer again")
        }
    }

    @Test func aNodeThatIsAddedWhileItRunsIsNoOther() async throws {
        try await withBench { bench in
            let (writer, reserve) = (try bench.server("writer"), try bench.server("reserve"))
            let port = try freePort()
            let cluster = balancer(port: port, to: writer, reserve) {
                $0.serviceProtocol = .galera
                $0.nodes[1].isBackup = true
            }
            bench.run(cluster.changed { $0.nodes.removeLast() })
            bench.forget()
            bench.run(cluster)
            #expect(bench.loads == 0)
            writer.stop()
            try waitUntil("it is down") { try bench.status("shop")["writer"] == false }
            let connection = try bench.connection(to: port, at: "reserve")
            _ = try bench.ask("set server shop/reserve health down")
            #expect(try connection.rest() == "")
        }
    }
}
