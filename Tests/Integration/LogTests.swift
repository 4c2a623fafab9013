import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What the operator reads.
    @Suite struct Logs {
        @Test func eachJobHasOneLine() async throws {
            try await withWorker(arguments: ["--log-level", "info", "--concurrency", "1"]) { gearmand, worker in
                try await gearmand.succeed(job("create", loadBalancer("a", port: 1), loadBalancer("b c", port: 2)))
                try await gearmand.succeed(job("STATS", named("a")))
                _ = try await gearmand.ask(job("ENABLE", named("none\nof these")))
                _ = try await gearmand.ask(bytes: Array("nonsense".utf8))
                try await gearmand.succeed(job("UPDATE", (0..<10).map { loadBalancer("lb\($0)", port: 100 + $0) }))

                let lines = try await worker.log.jobs(5)
                #expect(lines.map { $0["action"] } == ["CREATE", "STATS", "ENABLE", "-", "UPDATE"])
                #expect(lines.map { $0["outcome"] } == ["PASS", "PASS", "FAIL", "FAIL", "PASS"])
                #expect(lines.map { $0["error"] != nil } == [false, false, true, true, false])
                let shown = "lb0,lb1,lb2,lb3,lb4,lb5,lb6,lb7,… (10)"
                #expect(lines.map { $0["load_balancers"] } == ["a,b c", "a", "none\nof these", nil, shown])
                #expect(Set(lines.compactMap { $0["handle"] }).count == 5)
                for line in lines {
                    #expect(line["level"] == (line["outcome"] == "PASS" ? "info" : "warning"))
                    #expect(line["handle"]?.hasPrefix("H:") == true)
                    #expect(line["ms"].flatMap(Double.init) != nil)
                    #expect(line["time"]?.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
                }
                #expect(try await worker.end() == .exit(0))
                #expect(try worker.log.lines.allSatisfy { $0["level"] != "debug" })
            }
        }

        @Test func theDriverSaysWhatItDoes() async throws {
            try await withWorker { gearmand, worker in
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                let lines = try await worker.log.lines("create load balancer 'web'", count: 1)
                #expect(lines.map { $0["level"] } == ["debug"])
            }
        }

        @Test func aTextLineIsOneLine() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let function = WorkerOptions.function
                let start = ["--driver", "dummy", "--function", function, "--server", gearmand.address, "--state-dir", "none"]
                let worker = try rig.spawn(start + ["--config-file", try rig.write("", to: "empty.conf")])
                try await eventually("the worker is connected") { worker.log.text.contains("job server connected") }
                try await gearmand.succeed(job("CREATE", loadBalancer("a\nb \"c\"")))
                try await eventually("the job is logged") { worker.log.text.contains(" job handle=") }
                let line = try #require(worker.log.text.split(separator: "\n").first { $0.contains(" job handle=") })
                #expect(line.contains(#/^\S+Z INFO  job handle=H:\S+ action=CREATE outcome=PASS ms=[0-9.]+ /#))
                #expect(line.hasSuffix(#" load_balancers="a\nb \"c\"""#))
            }
        }

        /// A pipe on standard error that nobody reads, and everything in the log: neither jobs nor the end wait for it.
        @Test func aLogThatNobodyReadsHoldsUpNeitherJobsNorTheEnd() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                let pipe = rig.path("log")
                try #require(mkfifo(pipe, 0o600) == 0)
                // Both ends, so that the worker's writing waits for room and not for a reader.
                let reader = open(pipe, O_RDWR | O_NONBLOCK)
                defer { close(reader) }
                options.launcher = ["/bin/sh", "-c", #"exec "$@" 2>"$0""#, pipe]
                let worker = try rig.spawnWorker(options)
                // A pipe holds 64 KiB, and each of these jobs has more in the log.
                let padding = String(repeating: "x", count: 200)
                let balancers = (0..<200).map { loadBalancer("\(padding)-\($0)", port: 1000 + $0) }
                for _ in 0..<5 {
                    try await gearmand.succeed(job("UPDATE", balancers))
                    try await gearmand.succeed(job("DELETE"))
                }
                #expect(try await worker.end(within: 20) == .exit(0))
            }
        }

        @Test(arguments: ["text", "json"]) func theTokenIsNeverWritten(format: String) async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.configuration = "[worker:dummy]\narchive = yes\n"
                options.arguments = ["--log-format", format]
                let worker = try rig.spawnWorker(options)
                try await eventually("the worker is connected") { worker.log.text.contains("job server connected") }
                let token = "SECRET-7d1f"
                let good = #""hpcs_object_store_type": "swift", "hpcs_object_store_endpoint": "https://example.com/v1/100""#
                try await gearmand.succeed(job("CREATE", loadBalancer("1")))
                let jobs = [
                    #"{"hpcs_action": "ARCHIVE", \#(good), "hpcs_object_store_basepath": "x", "hpcs_object_store_token": "\#(token)", "loadBalancers": [{"id": "1", "protocol": "HTTP"}]}"#,
                    #"{"hpcs_action": "ARCHIVE", \#(good), "hpcs_object_store_token": "\#(token)", "loadBalancers": [{"id": "1", "protocol": "HTTP"}]}"#,
                    #"{"hpcs_action": "ARCHIVE", \#(good), "hpcs_object_store_token": "\#(token)"}"#,
                    #"{"hpcs_action": "ARCHIVE", "hpcs_object_store_token": ["\#(token)"]}"#,
                    #"{"hpcs_action": "ARCHIVE", "hpcs_object_store_token": {"\#(token)": "\#(token)"}}"#,
                    #"{"hpcs_action": "ARCHIVE", "hpcs_object_store_token": "x", "hpcs_object_store_token": "\#(token)"}"#,
                    #"{"hpcs_action": "STATS", "hpcs_object_store_token": "\#(token)"}"#,
                    #"{"hpcs_action": "NONE", "hpcs_object_store_token": "\#(token)"}"#,
                    #"{"hpcs_action": "ARCHIVE", "hpcs_object_store_token": "\#(token)""#,
                    #"{"hpcs_action": "ARCHIVE", "hpcs_object_store_token": "\#(token)}"#,
                ]
                for job in jobs {
                    let reply = String(decoding: try await gearmand.ask(bytes: Array(job.utf8)), as: UTF8.self)
                    #expect(!reply.contains(token), "\(reply)")
                }
                #expect(try await worker.end() == .exit(0))
                #expect(!worker.log.text.contains(token))
                #expect(worker.log.text.contains("ARCHIVE"))
            }
        }
    }
}
