import CSQLite
import Foundation
import Glibc
import Testing
import WorkerHarness
import TestSupport

extension RealServers {
    /// What survives the worker.
    @Suite struct State {
        @Test func everythingSurvivesAKill() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.configuration = "[worker:dummy]\nbytes_per_report = 10\n"
                var worker = try await rig.startWorker(options)
                let all = [loadBalancer("a", port: 1, weights: 1, 0), loadBalancer("b", port: 2), loadBalancer("c", port: 3)]
                try await gearmand.succeed(job("UPDATE", all))
                try await gearmand.succeed(job("SUSPEND", named("b")))
                try await gearmand.succeed(job("DELETE", named("c")))
                let metrics = try await gearmand.succeed(job("METRICS"))
                let status = try await gearmand.succeed(job("STATS"))
                for _ in 0..<3 {
                    #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                    worker = try await rig.startWorker(options)
                    #expect(try await gearmand.succeed(job("STATS")) == status)
                    #expect(try await gearmand.ask(job("STATS", named("c")))["status"] == "DELETED")
                    let plan = try await gearmand.succeed(job("UPDATE", Array(all.prefix(2)), dryRun: true))["plan"]
                    #expect(plan == ["enable load balancer 'b'"])
                }
                let next = try await gearmand.succeed(job("METRICS"))
                #expect(next["utc_start"] == metrics["utc_end"])
                #expect(try await worker.log.lines("started", count: 1).first?["load_balancers"] == "2")
            }
        }

        @Test func thatAllWasDeletedIsRemembered() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let worker = try await rig.startWorker(rig.options(gearmand))
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                try await gearmand.succeed(job("DELETE"))
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                _ = try await rig.startWorker(rig.options(gearmand))
                #expect(try await gearmand.ask(job("STATS"))["status"] == "DELETED")
                try await gearmand.succeed(job("DELETE", named("web")))
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                #expect(try await gearmand.nodes() == ["web-0": "UP"])
            }
        }

        /// An earlier version took an IPv4 address that is mapped into IPv6 for another one, so that its state can have two on one listener.
        @Test func ofTwoStoredOnOneListenerTheEarlierIsServed() async throws {
            try await withRig { rig in
                func on(_ id: String, _ address: String) -> JSON {
                    var loadBalancer = loadBalancer(id)
                    loadBalancer["address"] = .string(address)
                    return loadBalancer
                }
                let gearmand = try await rig.startGearmand()
                let options = rig.options(gearmand)
                var worker = try await rig.startWorker(options)
                try await gearmand.succeed(job("CREATE", on("early", "10.9.0.5")))
                try await gearmand.succeed(job("CREATE", on("a-late", "10.9.0.6")))
                #expect(try await worker.end() == .exit(0))
                try Self.execute(
                    "UPDATE load_balancer SET text = CAST(replace(CAST(text AS TEXT), '10.9.0.6', '::ffff:10.9.0.5') AS BLOB)",
                    on: options.stateFolder + "/state.sqlite")
                for _ in 0..<2 {
                    worker = try await rig.startWorker(options)
                    let line = try await worker.log.lines("a stored load balancer is not in service", count: 1)
                    #expect(line.map { $0["load_balancer"] } == ["a-late"] && line.map { $0["owner"] } == ["early"])
                    #expect(try await gearmand.nodes() == ["early-0": "UP", "a-late-0": "DOWN"])
                    #expect(try await worker.end() == .exit(0))
                }
                worker = try await rig.startWorker(options)
                let refused = try await gearmand.ask(job("CREATE", on("third", "10.9.0.5")))
                #expect(refused["hpcs_error"].text?.contains("'early'") == true)
                try await gearmand.succeed(job("DELETE", named("early")))
                #expect(try await gearmand.nodes() == ["a-late-0": "UP"])
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                worker = try await rig.startWorker(options)
                #expect(try await gearmand.nodes() == ["a-late-0": "UP"])
                #expect(try worker.log.lines("a stored load balancer is not in service").isEmpty)
            }
        }

        /// Each damages a state file, and is told by a word.
        static let damages: [(name: String, word: String, damage: @Sendable (String) throws -> Void)] = [
            ("garbage", "not a database", { try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: $0)) }),
            ("nothing", "not a state file", { try Data().write(to: URL(fileURLWithPath: $0)) }),
            ("a half", "cannot be trusted", { guard truncate($0, 4096) == 0 else { throw systemError("truncate") } }),
            ("a newer version", "version 99", { try Self.execute("PRAGMA user_version = 99", on: $0) }),
            ("another program's", "not a state file", { try Self.execute("PRAGMA application_id = 1", on: $0) }),
            ("a wrong text", "'web'", { try Self.execute("UPDATE load_balancer SET text = '[{]'", on: $0) }),
        ]

        @Test func damageIsAnErrorAndTheFileIsLeftAsItIs() async throws {
            for (name, word, damage) in Self.damages {
                try await withRig { rig in
                    let gearmand = try await rig.startGearmand()
                    let options = rig.options(gearmand)
                    let worker = try await rig.startWorker(options)
                    try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                    #expect(try await worker.end() == .exit(0))
                    let file = options.stateFolder + "/state.sqlite"
                    try damage(file)
                    let before = try Data(contentsOf: URL(fileURLWithPath: file))
                    for _ in 0..<2 {
                        let (end, errors) = try await rig.runWorker(options)
                        #expect(end == .exit(65), "\(name)")
                        #expect(errors.contains(word), "\(name): \(errors)")
                    }
                    let isAsItWas = try Data(contentsOf: URL(fileURLWithPath: file)) == before
                    #expect(isAsItWas, "\(name)")
                }
            }
        }

        private static func execute(_ statement: String, on file: String) throws {
            var database: OpaquePointer?
            defer { sqlite3_close(database) }
            guard sqlite3_open(file, &database) == SQLITE_OK, sqlite3_exec(database, statement, nil, nil, nil) == SQLITE_OK else {
                throw Failure("\(statement): \(String(cString: sqlite3_errmsg(database)))")
            }
        }
    }
}
