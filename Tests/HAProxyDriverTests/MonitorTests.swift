import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Monitors that haproxy could not carry out, and what it sends.
@Suite struct MonitorTests {
    private func refusal(_ kind: Monitor.Kind = .http, _ change: (inout Monitor) -> Void) -> String? {
        balancer { $0.monitor = monitor(kind, change) }.refusal?.field
    }

    @Test func textsThatHAProxyCannotSendAreRefused() {
        #expect(refusal { $0.host = "" } == "monitor.host")
        #expect(refusal { $0.host = String(repeating: "h", count: 256) } == "monitor.host")
        #expect(refusal { $0.path = "/" + String(repeating: "p", count: 17_000) } == "monitor.path")
        #expect(refusal { $0.path = "/" + String(repeating: "p", count: 8192) } == "monitor.path")
        #expect(refusal { $0.path = "/" + String(repeating: "p", count: 8191) } == nil)
    }

    @Test(arguments: [Monitor.Kind.https, .tls])
    func aFileOfAuthoritiesThatIsNoneIsRefusedWithoutWaitingAndInTheSameWords(kind: Monitor.Kind) throws {
        let folder = try TemporaryFolder()
        let fifo = folder.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        var reasons: Set<String> = []
        for path in [fifo, folder.path, folder.path + "/absent", "/dev/zero", "/etc/hostname"] {
            let refusal = try #require(balancer { $0.monitor = monitor(kind) { $0.tls.authorities = path } }.refusal)
            #expect(refusal.field == "monitor.ca_file")
            reasons.insert(refusal.reason.replacing("'\(path)'", with: "FILE"))
        }
        #expect(reasons.count == 1)
    }

    @Test func theLongestRequestIsSentWithTheAddressAsItsHost() async throws {
        try await withBench { bench in
            let listener = try LoopbackSocket.bound(port: 0, listens: true)
            defer { listener.shut() }
            let path = "/" + String(repeating: "p", count: 8191)
            bench.run(
                balancer("shop", port: try freePort()) {
                    $0.nodes = [node("one", "127.0.0.1", port: listener.port)]
                    $0.monitor = monitor(.http) { ($0.delay, $0.timeout, $0.attempts, $0.path) = (1, 1, 1, path) }
                })
            let connection = try #require(listener.accepted())
            #expect(try connection.line() == "GET \(path) HTTP/1.1\r")
            var headers: [String] = []
            while let line = try? connection.line(), line != "\r" { headers.append(line.lowercased()) }
            #expect(headers.contains("host: 127.0.0.1:\(listener.port)\r"))
        }
    }

    @Test func theHostOfAChecksRequestIsTheAddressAndThePortInTheFormOfItsFamily() async throws {
        try await withBench { bench in
            guard bench.base.hasIPv6 else { return }
            try bench.restart(lookUp: { $0 == "one.test" ? .v4(0x7F00_0003) : nil })
            let listener = try LoopbackSocket.bound(port: 0, listens: true)
            defer { listener.shut() }
            let nodes = try freePort()
            // The nodes of the first are the second, which listens on all addresses of both families.
            let shop = balancer("shop", port: try freePort()) {
                $0.nodes = ["127.0.0.1", "::1", "one.test"].map { node($0, $0, port: nodes) }
                $0.monitor = monitor(.http) { ($0.delay, $0.timeout) = (1, 20) }
            }
            let all = balancer("nodes", port: nodes) {
                $0.nodes = [node("one", "127.0.0.1", port: listener.port)]
                // It is up until a check has failed, and has no other before the test is over.
                $0.monitor = monitor(.connect) { ($0.delay, $0.timeout) = (3600, 20) }
            }
            bench.run(shop, all)
            var hosts: Set<String> = []
            let wanted = Set(["127.0.0.1", "[::1]", "127.0.0.3"].map { "\($0):\(nodes)" })
            while hosts != wanted, let connection = listener.accepted() {
                while let line = try? connection.line().lowercased(), line != "\r" {
                    if let host = line.wholeMatch(of: /host: (.*)\r/) { hosts.insert(String(host.1)) }
                }
                try? connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                if !hosts.isSubset(of: wanted) { break }
            }
            #expect(hosts == wanted)
            // A node of the other family needs no load.
            bench.forget()
            var fewer = shop
            fewer.nodes.removeAll { $0.id == "::1" }
            bench.run(fewer, all)
            bench.run(shop, all)
            #expect(bench.loads == 0)
        }
    }
}
