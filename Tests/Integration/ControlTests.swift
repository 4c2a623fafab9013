import Foundation
import TestSupport
import Testing
import WorkerHarness

/// Runs a test with a worker without job servers, two load balancers `shop` (with the nodes `shop-0` and `shop-1`) and `mail`, and
/// `lbaasctl` over its socket.
private func withControl(_ body: (Rig, APIClient, Control, WorkerProcess) async throws -> Void) async throws {
    try await withAPI { rig, _, api, worker in
        let created = try await api.submit(try job("CREATE", loadBalancer("shop", weights: 1, 5), loadBalancer("mail", port: 25)).bytes)
        #expect(try JSON(bytes: Array(created.body.utf8)).isPass)
        try await body(rig, api, Control(rig, api), worker)
    }
}

extension RealServers {
    /// `lbaasctl` with a running worker.
    @Suite struct ControlCommands {
        @Test func whatIsIsPrintedInAllForms() async throws {
            try await withControl { _, _, control, _ in
                let list = try await control.run("list")
                #expect(list.status == 0 && list.errors.isEmpty)
                #expect(
                    list.lines.map { $0.split(separator: " ").joined(separator: " ") } == [
                        "ID STATUS PROTOCOL LISTEN ALGORITHM UP", "mail UP TCP *:25 ROUND_ROBIN 1/1", "shop UP TCP *:8080 ROUND_ROBIN 2/2",
                    ])
                #expect(try await control.run("list", "--no-headers").lines.count == 2)
                #expect(try await control.run("-o", "name", "list").output == "mail\nshop\n")
                #expect(try await control.run("list", "nodes", "-o", "name").output == "mail/mail-0\nshop/shop-0\nshop/shop-1\n")
                #expect(try await control.run("list", "-o", "wide").lines[0].hasSuffix("SOURCE  CREATED"))
                let json = try JSON(bytes: Array(try await control.run("list", "-o", "json").output.utf8))
                #expect(json["loadBalancers"].elements.count == 2)
                let lines = try await control.run("list", "-o", "jsonl").lines
                #expect(try lines.map { try JSON(bytes: Array($0.utf8))["id"] } == ["mail", "shop"])
                let show = try await control.run("show", "shop")
                #expect(show.output.contains("status     UP\n") && show.output.contains("shop-1  10.0.0.2:80       5  UP"))
                let status = try await control.run("status")
                #expect(status.output.contains("driver          dummy\n") && status.output.contains("job servers     none configured\n"))
                #expect(status.output.contains(" api:bob CREATE shop, mail: PASS") || status.output.contains("last change"))
            }
        }

        @Test func nodesAndLoadBalancersAreChangedAndWaitedFor() async throws {
            try await withControl { _, api, control, _ in
                func shop() async throws -> JSON { try JSON(bytes: Array(try await api.curl("/v1/load-balancers/shop").body.utf8)) }
                #expect(try await control.run("drain", "shop/shop-0", "--dry-run").output.isEmpty == false)
                #expect(try await shop()["nodes"][0]["condition"] == "ENABLED")
                let drained = try await control.run("drain", "shop/shop-0", "--wait")
                #expect(drained.status == 0 && drained.output.isEmpty && drained.errors.isEmpty, "\(drained)")
                #expect(try await shop()["nodes"][0]["condition"] == "DRAINING")
                #expect(try await control.run("undrain", "shop/shop-0", "--wait").status == 0)
                let weighed = try await control.run("weight", "shop/shop-0", "7", "-o", "json", "--wait")
                #expect(try JSON(bytes: Array(weighed.output.utf8))["nodes"][0]["weight"] == 7)
                #expect(try await control.run("suspend", "shop", "--wait").status == 0)
                #expect(try await shop()["status"] == "SUSPENDED")
                #expect(try await control.run("enable", "shop", "--wait").status == 0)
                #expect(try await shop()["status"] == "UP")
                #expect(try await control.run("delete", "shop", "--force", "--wait").status == 0)
                #expect(try await control.run("list", "-o", "name").output == "mail\n")
            }
        }

        @Test func aJobIsPlannedAndApplied() async throws {
            try await withControl { rig, _, control, _ in
                let job = try rig.write(
                    #"{"hpcs_action": "CREATE", "loadBalancers": [{"id": "web", "protocol": "HTTP", "nodes": [{"id": "a", "address": "10.0.0.1", "port": 8080}]}]}"#,
                    to: "job.json")
                let plan = try await control.run("plan", job)
                #expect(plan.status == 0 && plan.lines.count == 2 && plan.output.contains("web"))
                #expect(try await control.run("plan", "--exit-code", job).status == 2)
                #expect(try await control.run("show", "web").status == 1)
                let applied = try await control.run("apply", "--wait", "-", input: job)
                #expect(applied.status == 0 && applied.output == "done: web\n", "\(applied)")
                #expect(try await control.run("plan", "--exit-code", job).status == 0)
                let wrong = try rig.write(
                    #"{"hpcs_action": "CREATE", "loadBalancers": [{"id": "x", "protocol": "TCP", "nodes": []}]}"#, to: "wrong")
                let refused = try await control.run("apply", wrong)
                #expect(refused.status == 1 && refused.output.isEmpty && refused.errors.contains("loadBalancers[0]"))
                #expect(try await control.run("apply", wrong, "-o", "json").output.contains("\"hpcs_response\": \"FAIL\""))
                #expect(try await control.run("plan", rig.path("missing")).status == 74)
                #expect(try await control.run("plan", "-").status == 1)
                #expect(try await control.run("plan", "-", input: "/dev/zero").errors.contains("has more than 8 MiB"))
            }
        }

        @Test func whatIsWrongIsSaidWithWhatToDoAndAnExitStatus() async throws {
            try await withControl { rig, api, control, _ in
                #expect(try await control.run("frob").status == 64)
                #expect(try await control.run("show", "none").status == 1)
                #expect(try await control.run("drain", "shop").status == 64)
                #expect(try await control.run("weight", "shop/shop-0", "257").status == 64)
                #expect(try await control.run("drain", "shop/none").errors.contains("there is no node"))
                var away = control
                away.options = ["--socket", rig.path("none.sock")]
                let gone = try await away.run("list")
                #expect(gone.status == 69 && gone.errors.contains("is not there: is lbaas-worker running?"))
                let dead = try rig.write("", to: "dead.sock")
                away.options = ["--socket", dead]
                #expect(try await away.run("list").status == 69)
                var remote = control
                remote.options = ["--server", "http://127.0.0.1:\(api.port)"]
                let unknown = try await remote.run("list")
                #expect(unknown.status == 77 && unknown.errors.contains("/.config/lbaas/token"))
                remote.options = []
                remote.environment["LBAAS_SERVER"] = "http://127.0.0.1:\(try freePort())"
                #expect(try await remote.run("list").status == 69)
                let full = try await onThread { [control] in
                    try ChildProcess(
                        "/usr/bin/env", try control.words(["list"]), folder: rig.folder, output: "/dev/full", errors: rig.path("full.err"))
                }
                #expect(try await full.end() == .exit(74))
                #expect(try String(contentsOfFile: rig.path("full.err"), encoding: .utf8).contains("No space left on device"))
            }
        }

        @Test func theTokenOfAFileIsUsedOverTCP() async throws {
            try await withControl { rig, api, control, _ in
                var remote = control
                remote.options = ["--server", "http://127.0.0.1:\(api.port)"]
                let folder = rig.path(".config/lbaas")
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let token = try rig.write("look\n", to: ".config/lbaas/token")
                #expect(chmod(token, 0o644) == 0)
                #expect(try await remote.run("list").status == 64)
                #expect(chmod(token, 0o600) == 0)
                #expect(try await remote.run("list").status == 0)
                let denied = try await remote.run("suspend", "shop")
                #expect(denied.status == 77 && denied.errors.contains("ann has the role viewer"))
                _ = try rig.write("guess", to: ".config/lbaas/token")
                #expect(chmod(token, 0o600) == 0)
                let unknown = try await remote.run("list")
                #expect(unknown.status == 77 && unknown.errors.contains("is not one of the worker's") && !unknown.errors.contains("guess"))
            }
        }

        @Test func aNewTokenIsOneOfTheLineThatComesWithIt() async throws {
            try await withControl { rig, _, control, _ in
                let made = try await control.run("token", "new", "--name", "eve", "--role", "operator")
                let line = try #require(made.errors.split(separator: "\n").first { $0.hasPrefix("eve operator ") })
                let digest = try await onThread {
                    try runProgram("/usr/bin/sha256sum", [], input: made.output.trimmingCharacters(in: .newlines))
                }
                #expect(line == "eve operator \(digest.prefix(64))")
                #expect(try await control.run("token", "new", "--name", "a b").status == 64)
            }
        }

        @Test func whatPeoplePutIntoJobsReachesNoTerminal() async throws {
            try await withControl { _, api, control, _ in
                let id = "x\u{1B}]0;owned\u{07}\u{202E}"
                _ = try await api.submit(try job("CREATE", loadBalancer(id, port: 99)).bytes)
                for words in [
                    ["list"], ["list", "nodes"], ["-o", "name", "list"], ["-o", "json", "list"], ["-o", "jsonl", "list"], ["status"],
                ] {
                    var found = control
                    found.options += words
                    let run = try await found.run()
                    #expect(run.status == 0 && run.output.contains("owned"))
                    #expect(
                        (run.output + run.errors).unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0 != "\u{202E}") },
                        "\(words)")
                }
                let word = try #require(try await control.run("-o", "name", "list").lines.first { $0.hasPrefix("x") })
                #expect(try await control.run("show", word, "-o", "name").output == word + "\n")
                let missing = try await control.run("show", "\(word)\u{1B}[31m")
                #expect(missing.status == 1 && !missing.errors.contains("\u{1B}"))
                #expect(try await control.run("delete", word).status == 0)
            }
        }

        @Test func anIdentityWithSlashesIsAskedAfterAsItIsPrinted() async throws {
            try await withControl { _, api, control, _ in
                let id = "k8s:shop/web/80-tcp/10.96.0.10"
                _ = try await api.submit(try job("CREATE", loadBalancer(id, port: 99)).bytes)
                let node = try #require(try await control.run("list", "nodes", "-o", "name").lines.first { $0.hasPrefix("k8s") })
                let whole = try await control.run("why", id)
                #expect(whole.status == 0 && whole.output.contains("'\(id)': the service is up"))
                // A node's own slashes are written %2F behind that of the node.
                let name = try #require(node.split(separator: "/").last)
                let found = try await control.run("why", "\(id)/\(name)")
                #expect(found.status == 0 && found.output.contains("gets traffic"), "\(found.errors)")
                let missing = try await control.run("why", "\(id)/nobody")
                #expect(missing.status == 1 && missing.errors.contains("there is no node 'nobody' in the load balancer '\(id)'"))
                #expect(try await control.run("why", "a/b/c").errors.contains("there is no load balancer 'a'"))
                #expect(try await control.run("why", "shop/shop-0").status == 0)
            }
        }
    }

    /// What `lbaasctl` shows as it happens.
    @Suite struct ControlEvents {
        @Test func eventsArePrintedAsTheyHappenAndOverALostConnection() async throws {
            try await withAPI { rig, options, api, worker in
                let control = Control(rig, api)
                let (follower, name) = try control.start("events", "-o", "jsonl")
                var place = 0
                // The first events may be before the connection.
                try await eventually("an event is printed") {
                    place += 1
                    _ = try await api.submit(try job("CREATE", loadBalancer("shop", weights: place)).bytes)
                    return control.text(name).contains("\"event\": \"change\"")
                }
                #expect(try await worker.end() == .exit(0))
                try await eventually("the loss is told") { control.text(name, "err").contains("connecting again") }
                let again = try rig.spawnWorker(options)
                try await again.says("started")
                // What happens before it is connected again is lost with the worker's memory, and it says so.
                try await eventually("an event of the new worker is printed") {
                    place += 1
                    _ = try await api.submit(try job("CREATE", loadBalancer("mail", port: 25, weights: place)).bytes)
                    return control.text(name).contains("CREATE mail")
                }
                for line in control.text(name).split(separator: "\n") { _ = try JSON(bytes: Array(line.utf8))["data"] }
                follower.send(SIGINT)
                #expect(try await follower.end() == .signal(SIGINT))
                let since = try await control.run("events", "--since", "0", "--timeout", "1")
                #expect(since.status == 0)
            }
        }

        @Test func aListIsPrintedAgainWhereItChanges() async throws {
            try await withControl { _, api, control, _ in
                let (watch, name) = try control.start("list", "--watch")
                try await eventually("the list is printed") { control.text(name).contains("shop") }
                try await eventually("a change is printed") {
                    _ = try await control.run("suspend", "shop")
                    return control.text(name).contains("SUSPENDED")
                }
                #expect(try await control.run("delete", "mail").status == 0)
                try await eventually("what is gone is printed") { control.text(name).contains("mail  DELETED") }
                watch.send(SIGTERM)
                #expect(try await watch.end() == .signal(SIGTERM))
            }
        }

        @Test func itEndsWhereNobodyReadsAnyMore() async throws {
            try await withControl { rig, _, control, _ in
                let script = "\"$@\" | head -n 1; echo ${PIPESTATUS[0]}"
                let words = ["-c", script, "bash", "/usr/bin/env"] + (try control.words(["events"]))
                let shell = try rig.run("/bin/bash", words, name: "pipe")
                // `head` ends with its first line.
                try await eventually("the end of the pipe") {
                    if shell.ended != nil { return true }
                    _ = try await control.run("weight", "shop/shop-0", "\(Int.random(in: 1...200))")
                    return false
                }
                #expect(try String(contentsOfFile: rig.path("pipe.out"), encoding: .utf8).split(separator: "\n").last == "141")
            }
        }
    }

    /// `lbaasctl` on a terminal.
    @Suite struct ControlTerminal {
        @Test func aTableIsColouredAndCutForItsTerminal() async throws {
            try await withControl { _, api, control, _ in
                let long = String(repeating: "long", count: 12)
                _ = try await api.submit(try job("CREATE", loadBalancer(long, port: 99)).bytes)
                let end = try await control.onTerminal(columns: 60, "list") { terminal in
                    try terminal.wait("the list") { $0.contains("shop") }
                    let lines = terminal.text.split(separator: "\r\n")
                    #expect(lines.contains { $0.hasPrefix("longlong") && $0.contains("…") })
                    #expect(terminal.text.contains("\u{1B}[32mUP\u{1B}[0m"))
                }
                #expect(end == .exit(0))
                var plain = control
                plain.environment["NO_COLOR"] = "1"
                _ = try await plain.onTerminal("list") { terminal in
                    try terminal.wait("the list") { $0.contains("shop") }
                    #expect(!terminal.text.contains("\u{1B}"))
                }
            }
        }

        @Test func aWatchedListIsRedrawnInPlaceAndForANewSize() async throws {
            try await withControl { _, api, control, _ in
                let end = try await control.onTerminal("list", "--watch") { terminal in
                    try terminal.wait("the first list") { $0.contains("\u{1B}[2J") && $0.contains("shop") }
                    // Once it follows the events it asks again.
                    try terminal.wait("the second list") { $0.components(separatedBy: "\u{1B}[H").count > 2 }
                    terminal.clear()
                    _ = try runProgram(
                        "/usr/bin/curl",
                        ["-sS", "--unix-socket", api.socket, "-X", "POST", "http://localhost/v1/load-balancers/shop/suspend"])
                    try terminal.wait("the change") { $0.contains("SUSPENDED") && !$0.contains("\u{1B}[2J") }
                    terminal.clear()
                    try terminal.resize(columns: 20)
                    try terminal.wait("the list for the new size") { $0.contains("shop") }
                    try terminal.type("\u{03}")
                }
                #expect(end != .exit(0))
            }
        }

        @Test func onATerminalItAsksBeforeItDeletes() async throws {
            try await withControl { _, _, control, _ in
                let kept = try await control.onTerminal("delete", "shop") { terminal in
                    try terminal.wait("the question") { $0.contains("Delete the load balancer shop? [y/N]") }
                    try terminal.type("\n")
                    try terminal.wait("the answer") { $0.contains("nothing was done") }
                }
                #expect(kept == .exit(1))
                #expect(try await control.run("show", "shop").status == 0)
                let deleted = try await control.onTerminal("delete", "shop") { terminal in
                    try terminal.wait("the question") { $0.contains("[y/N]") }
                    try terminal.type("y\n")
                }
                #expect(deleted == .exit(0))
                #expect(try await control.run("show", "shop").status == 1)
                let unasked = try await control.onTerminal("delete", "mail", "-y") { _ in }
                #expect(unasked == .exit(0))
            }
        }
    }
}
