import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// A file of authorities that breaks after it was accepted.
@Suite struct AuthorityTests {
    /// A certificate of its own authority, a real server that has it, and a load balancer that checks the one by the other.
    private final class Site {
        let authorities: String
        let port: UInt16
        private let bench: Bench
        private let server: ChildProcess

        init(_ bench: Bench) throws {

            self.bench = bench
            authorities = bench.folder + "/authorities.pem"
            port = try freePort()
            try Site.make(authorities, key: authorities + ".key")
            server = try ChildProcess(
                "/usr/bin/openssl",
                ["s_server", "-www", "-accept", "127.0.0.1:\(port)", "-cert", authorities, "-key", authorities + ".key"],
                folder: bench.folder, output: bench.folder + "/server.out", errors: bench.folder + "/server.err")
            // What is accepted is kept; what the server has is in its memory.
            try waitUntil("it listens") { (try? LoopbackSocket.connected(to: port)) != nil }
        }

        deinit {
            server.send(SIGKILL)
            try? waitUntil("the server has ended") { server.ended != nil }
        }

        static func make(_ certificate: String, key: String) throws {
            let algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            _ = try runProgram(
                "/usr/bin/openssl", ["req", "-x509", "-subj", "/CN=node", "-keyout", key, "-out", certificate] + algorithm)
        }

        func balancer(_ id: String = "shop", port: UInt16, nodes: Int = 1) -> LoadBalancer {
            HAProxyDriverTests.balancer(id, .tcp, port: port) { [authorities, target = self.port] in
                $0.address = .v4(0x7F00_0001)
                $0.nodes = (1...nodes).map { node("n\($0)", "127.0.0.1", port: target) }
                $0.monitor = monitor(.tls) { ($0.delay, $0.timeout, $0.attempts, $0.tls.authorities) = (1, 20, 1, authorities) }
            }
        }

        /// The copy that haproxy has.
        var copy: String { bench.base.authorities(authorities) + "/authorities.pem" }
    }

    /// How a file breaks.
    enum Damage: CaseIterable {
        case deleted, garbage, empty, fifo, folder

        func hit(_ path: String) throws {
            unlink(path)
            switch self {
            case .deleted: break
            case .garbage: try Data((0..<400).map { _ in UInt8.random(in: 0...255) }).write(to: URL(fileURLWithPath: path))
            case .empty: try Data().write(to: URL(fileURLWithPath: path))
            case .fifo: #expect(mkfifo(path, 0o600) == 0)
            case .folder: #expect(mkdir(path, 0o700) == 0)
            }
        }
    }

    private func withSite(_ body: @escaping @Sendable (Bench, Site) throws -> Void) async throws {
        try await withBench { bench in try body(bench, Site(bench)) }
    }

    @Test(arguments: Damage.allCases) func whatWasAcceptedHoldsAndNoChangeIsStopped(damage: Damage) async throws {
        try await withSite { bench, site in
            let (shop, one) = (site.balancer(port: try freePort()), try bench.server("one"))
            bench.run(shop)
            try waitUntil("it is up") { try bench.status("shop") == ["n1": true] }
            try damage.hit(site.authorities)
            let other = balancer("other", port: try freePort(), to: one)
            bench.run(shop, other)
            #expect(bench.loads == 2)
            #expect(bench.logged.count { $0.contains("what was read of it last holds") && $0.contains(site.authorities) } == 1)
            bench.run(shop)
            #expect(bench.logged.count { $0.contains("what was read of it last holds") } == 1)
            // A new process has checked it by the copy.
            try waitUntil("it is up") { try bench.status("shop") == ["n1": true] }
            // As a node that is added without a load, and after a haproxy that ended and a worker that was started again.
            bench.run(site.balancer(port: shop.port, nodes: 2))
            #expect(bench.loads == 3)
            try waitUntil("the file follows") { !bench.driver.isFileBehind }
            try bench.restart()
            #expect(try bench.settle() == [])
            try bench.killHAProxy()
            #expect(try bench.settle() == ["shop"])
            try waitUntil("both are up") { try bench.status("shop") == ["n1": true, "n2": true] }
        }
    }

    @Test func theCopyIsForTheWorkerAloneFollowsTheFileAndGoesWithTheLoadBalancer() async throws {
        try await withSite { bench, site in
            let (shop, one) = (site.balancer(port: try freePort()), try bench.server("one"))
            let other = balancer("other", port: try freePort(), to: one)
            bench.run(shop, other)
            let folder = bench.base.authoritiesFolder
            for (path, mode) in [(folder, 0o700), (bench.base.authorities(site.authorities), 0o700), (site.copy, 0o600)] {
                #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == mode)
            }
            let before = try Data(contentsOf: URL(fileURLWithPath: site.copy))
            #expect(try before == Data(contentsOf: URL(fileURLWithPath: site.authorities)))
            try Site.make(site.authorities, key: site.authorities + ".next")
            var suspended = shop
            suspended.isSuspended = true
            bench.run(suspended, other)
            let after = try Data(contentsOf: URL(fileURLWithPath: site.copy))
            #expect(try after != before && after == Data(contentsOf: URL(fileURLWithPath: site.authorities)))
            // The node has a certificate of the former authority.
            bench.run(shop, other)
            try waitUntil("it is down") { try bench.status("shop") == ["n1": false] }
            bench.run(other)
            #expect(!FileManager.default.fileExists(atPath: folder))
        }
    }

    @Test func aCopyThatIsLostTooCostsOnlyItsOwnLoadBalancer() async throws {
        try await withSite { bench, site in
            let (shop, one) = (site.balancer(port: try freePort()), try bench.server("one"))
            let port = try freePort()
            bench.run(shop)
            try waitUntil("it is up") { try bench.status("shop") == ["n1": true] }
            try Damage.deleted.hit(site.authorities)
            try FileManager.default.removeItem(atPath: bench.base.authoritiesFolder)
            bench.run(shop, balancer("other", port: port, to: one))
            #expect(try Page(port).body == "one")
            try waitUntil("it is down") { try bench.status("shop")["n1"] == false }
            #expect(bench.logged.contains { $0.contains("the checks that need it fail until it can") })
            let failures = bench.tryToRun([site.balancer("new", port: try freePort()), shop, balancer("other", port: port, to: one)])
            #expect(
                failures.count == 1 && failures[0].contains("load balancer 'new': monitor.ca_file: '\(site.authorities)' is not a file"))
        }
    }
}
