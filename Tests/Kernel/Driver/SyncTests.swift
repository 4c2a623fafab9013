import LBaaS
import TestSupport
import Testing

@testable import IPVSDriver

extension OnKernel {
    /// Two directors, of which one knows the other's connections.
    @Suite("Synchronization") struct SyncTests {
        /// A second director, and a wire to it.
        private func addBackup(to lab: Lab) throws -> Namespace {
            let backup = try Namespace.director()
            try lab.director.ip(
                """
                link add sync0 type veth peer name sync0 netns \(backup.path)
                link set sync0 up
                addr add 10.3.0.1/24 dev sync0
                """)
            try backup.ip("link set sync0 up\naddr add 10.3.0.2/24 dev sync0")
            return backup
        }

        private func section(_ role: String, _ more: [String: String] = [:]) -> [String: String] {
            ["sync": role, "sync_interface": "sync0", "sync_id": "7"].merging(more) { $1 }
        }

        /// The master tells of a connection with its third packet, and then now and again.
        private func expect(_ connections: [Connection], to endpoints: Set<String>, areKnownTo backup: Namespace) throws {
            try waitUntil("the backup knows the connections") {
                for connection in connections { try connection.ask() }
                let known = try backup.listed("--connection").filter { $0.contains("ESTABLISHED") }
                return endpoints.isSubset(of: known.compactMap { $0.last })
            }
        }

        @Test("tells the backup of the master's connections, with their real servers", arguments: Family.allCases)
        func connections(family: Family) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let backup = try addBackup(to: lab)
                let web = try lab.balancer("web", family)
                try DriverBench(in: lab.director, section("master")).run(web)
                try DriverBench(in: backup, section("backup")).run(web)
                let running = try ["r1", "r2"].map { try lab.connect(web, reaching: $0) }
                let endpoints = try lab.realServers.map { try $0.endpoint(family) }
                try expect(running, to: Set(endpoints), areKnownTo: backup)
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
            }
        }

        @Test("has its daemons started anew where the longest message alone is another one, and then no more")
        func longestMessage() throws {
            try withLab(realServers: 1) { lab in
                let backup = try addBackup(to: lab)
                // With it the wire would go.
                defer { withExtendedLifetime(backup) {} }
                func lengths(_ length: String?) throws -> [UInt16] {
                    let lines = Lines()
                    let bench = try DriverBench(
                        in: lab.director, section("both", length.map { ["sync_maxlen": $0] } ?? [:]), log: lines.log)
                    let started = lines.all.count { $0.contains("started a synchronization daemon") }
                    try bench.resync()
                    #expect(lines.all.count { $0.contains("started a synchronization daemon") } == started)
                    return try lab.director.run { try NetlinkKernel().daemons() }.sorted { $0.role.rawValue < $1.role.rawValue }
                        .map(\.maximumLength)
                }
                #expect(try lengths(nil) == [1472, 1472])
                #expect(try lengths("1400") == [1400, 1400])
                #expect(try lengths("500") == [500, 1024])
                #expect(try lengths("65507") == [65507, 65507])
            }
        }
    }
}
