import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Changes that cannot be made, and what is left after them.
@Suite struct FailureTests {
    @Test func whatHAProxyRefusesLeavesEverythingAsItWas() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            let shop = balancer("shop", .tcp, port: port, to: one)
            bench.run(shop)
            let connection = try bench.connection(to: port, at: "one")
            let (pid, file) = (bench.serving, bench.file)
            // The operator's own lines are what is wrong.
            try bench.restart(["global": "frobnicate 1"])
            #expect(try bench.driver.observe(expecting: [shop]).altered == ["shop"])
            let failures = bench.tryToRun([shop, balancer("other", port: try freePort(), to: one)])
            #expect(failures.count == 1)
            #expect(failures.allSatisfy { $0.contains("unknown keyword 'frobnicate'") })
            #expect(bench.serving == pid)
            #expect(bench.file == file)
            #expect(try connection.ask("still") == "one still")
            #expect(access(bench.base.configurationFile + ".new", F_OK) != 0)
            try bench.restart()
            #expect(try bench.settle() == [])
            bench.run(shop, balancer("other", port: try freePort(), to: one))
        }
    }

    @Test func aPortThatIsTakenIsRefusedAndNobodyElseFeelsIt() async throws {
        try await withBench { bench in
            let (one, squatter) = (try bench.server("one"), try bench.server("squatter"))
            let port = try freePort()
            let shop = balancer("shop", port: port, to: one)
            bench.run(shop)
            let (pid, file) = (bench.serving, bench.file)
            let free = try freePort()
            let failures = bench.tryToRun([shop, balancer("bad", port: squatter.port, to: one), balancer("good", port: free, to: one)])
            #expect(failures.count == 1)
            #expect(failures.allSatisfy { $0.contains("'bad'") && $0.contains("cannot bind socket (Address already in use)") })
            #expect(try Page(free).body == "one")
            #expect(bench.serving != pid && bench.file != file)
            #expect(
                bench.tryToRun([shop, balancer("bad", port: squatter.port, to: one), balancer("good", port: free, to: one)]).count == 1)
            #expect(try Page(port).body == "one")
            #expect(try bench.settle() == [])
        }
    }

    @Test func aPortThatIsTakenAtTheStartIsRefused() async throws {
        try await withBench { bench in
            let (one, squatter) = (try bench.server("one"), try bench.server("squatter"))
            #expect(bench.tryToRun([balancer("bad", port: squatter.port, to: one)]).count == 1)
            #expect(bench.serving == nil)
            #expect(bench.file == "")
            bench.run(balancer("good", port: try freePort(), to: one))
        }
    }

    /// The check above all but rules it out, so here haproxy is asked for a port that the operator's lines take from nobody's sight.
    @Test func aLoadThatFailsInHAProxyItselfIsTakenBack() async throws {
        try await withBench { bench in
            let (one, squatter) = (try bench.server("one"), try bench.server("squatter"))
            let port = try freePort()
            let shop = balancer("shop", .tcp, port: port, to: one)
            bench.run(shop)
            let connection = try bench.connection(to: port, at: "one")
            let (pid, file) = (bench.serving, bench.file)
            try bench.restart(["global": "stats socket ipv4@127.0.0.1:\(squatter.port)"])
            _ = try bench.driver.observe(expecting: [shop])
            let failures = bench.tryToRun([shop, balancer("other", port: try freePort(), to: one)])
            #expect(failures.count == 1)
            #expect(failures.allSatisfy { $0.contains("cannot bind socket (Address already in use) for [127.0.0.1:\(squatter.port)]") })
            #expect(bench.file == file)
            #expect(bench.serving == pid)
            #expect(try connection.ask("still") == "one still")
            #expect(try Page(port).body == "one")
            try bench.restart()
            #expect(try bench.settle() == [])
            bench.run(shop, balancer("other", port: try freePort(), to: one))
            #expect(try connection.ask("still") == "one still")
        }
    }

    @Test func aHAProxyThatTakesTooLongIsGivenUp() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let program = bench.folder + "/slow"
            try bench.makeProgram(
                "#!/bin/sh\ncase \" $* \" in *' -c '*) exit 0 ;; esac\necho $$ >\(bench.folder)/started\nexec sleep 60\n",
                at: program)
            try bench.restart(["program": program, "reload_timeout": "5"])
            let shop = balancer("shop", port: try freePort(), to: one)
            let failures = bench.tryToRun([shop])
            #expect(failures.count == 1 && failures.allSatisfy { $0.contains("raise reload_timeout") }, "\(failures)")
            #expect(bench.file == "")
            let pid = try #require(pid_t(try String(contentsOfFile: bench.folder + "/started", encoding: .utf8).filter(\.isNumber)))
            try waitUntil("it is ended") { kill(pid, 0) != 0 }
            try bench.restart()
            bench.run(shop)
        }
    }

    @Test func aForeignFileIsNotTouched() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            try bench.write("global\n", to: bench.base.configurationFile)
            let failures = bench.tryToRun([balancer("shop", port: try freePort(), to: one)])
            #expect(failures.allSatisfy { $0.contains("was not written by this worker") } && failures.count == 1)
            #expect(throws: DriverError.self) { try bench.driver.observe(expecting: []) }
            #expect(bench.file == "global\n")
            #expect(bench.serving == nil)
        }
    }

    @Test func aForeignHAProxyIsNotTouched() async throws {
        try await withBench { bench in
            let path = bench.folder + "/foreign.cfg"
            try bench.write("global\n  stats socket \(bench.base.commandSocket)\n", to: path)
            let foreign = try DetachedProcess("haproxy", ["-W", "-S", bench.base.masterSocket, "-f", path])
            try waitUntil("it runs") { (try? bench.ask("show info").isEmpty) == false }
            #expect(throws: DriverError.self) { try bench.driver.observe(expecting: []) }
            let failures = bench.tryToRun([balancer("shop", port: try freePort(), to: try bench.server("one"))])
            #expect(failures.allSatisfy { $0.contains("not this worker's") } && failures.count == 1)
            #expect(bench.tryToRun([]) == [])
            #expect(foreign.end == nil)
            kill(foreign.pid, SIGTERM)
            try waitUntil("it ended") { foreign.end != nil }
        }
    }

    @Test func theFilesAreForTheOwnerAlone() async throws {
        try await withBench { bench in
            bench.run(balancer("shop", port: try freePort(), to: try bench.server("one")))
            for path in [bench.base.configurationFile, bench.base.stateFile, bench.base.commandSocket, bench.base.masterSocket] {
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(mode == 0o600, "\(path)")
            }
        }
    }
}
