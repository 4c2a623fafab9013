import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Jobs that are not understood: each gets a FAIL, and the next job runs.
    @Suite struct BadInput {
        /// Jobs that are no JSON object, by a name.
        static let jobs: [(name: String, bytes: [UInt8])] = [
            ("empty", []),
            ("a blank", [0x20]),
            ("a null byte", [0]),
            ("not JSON", Array("hello".utf8)),
            ("half an object", Array(#"{"hpcs_action": "STATS""#.utf8)),
            ("two objects", Array(#"{"hpcs_action": "STATS"}{"hpcs_action": "STATS"}"#.utf8)),
            ("an array", Array(#"[{"hpcs_action": "STATS"}]"#.utf8)),
            ("a string", Array(#""STATS""#.utf8)),
            ("a number", Array("1".utf8)),
            ("null", Array("null".utf8)),
            ("an empty object", Array("{}".utf8)),
            ("no action", Array(#"{"hpcs_action": null}"#.utf8)),
            ("a number as action", Array(#"{"hpcs_action": 7}"#.utf8)),
            ("a list as action", Array(#"{"hpcs_action": ["STATS"]}"#.utf8)),
            ("an unknown action", Array(#"{"hpcs_action": "EXPLODE"}"#.utf8)),
            ("invalid UTF-8", Array(#"{"hpcs_action": "STATS", "x": ""#.utf8) + [0xC3, 0x28, 0xFF] + Array(#""}"#.utf8)),
            ("half a surrogate", Array(#"{"hpcs_action": "UPDATE", "loadBalancers": [{"id": "\ud800"}]}"#.utf8)),
            ("a control character", Array("{\"hpcs_action\": \"STATS\", \"x\": \"\u{1}\"}".utf8)),
            ("10,000 arrays", Array(#"{"hpcs_action": "STATS", "x": "#.utf8) + nest("[", "]") + Array("}".utf8)),
            ("10,000 objects", nest(#"{"x":"#, "}", core: "1")),
            ("10,000 arrays without an end", Array(repeating: UInt8(ascii: "["), count: 10_000)),
        ]

        /// Long ones. Over libgearman's small buffers each is several seconds on its way, so they go side by side.
        static let longJobs: [(name: String, bytes: [UInt8])] = [
            ("10 MB of letters", Array(repeating: UInt8(ascii: "a"), count: 10_000_000)),
            ("10 MB of brackets", Array(repeating: UInt8(ascii: "["), count: 10_000_000)),
            ("10 MB of zeros", Array(repeating: 0, count: 10_000_000)),
            ("10 MB in a string", Array(#"{"x": ""#.utf8) + Array(repeating: UInt8(ascii: "x"), count: 10_000_000) + Array(#""}"#.utf8)),
        ]

        private static func nest(_ opening: String, _ closing: String, core: String = "") -> [UInt8] {
            Array((String(repeating: opening, count: 10_000) + core + String(repeating: closing, count: 10_000)).utf8)
        }

        @Test func eachGetsAFailureAndTheNextJobRuns() async throws {
            try await withWorker(arguments: ["--concurrency", "1"]) { gearmand, worker in
                for (name, bytes) in Self.jobs {
                    let reply = try JSON(bytes: try await gearmand.ask(bytes: bytes))
                    #expect(reply["hpcs_response"] == "FAIL" && reply["hpcs_error"].text?.isEmpty == false, "\(name)")
                    #expect(try await gearmand.ask(job("STATS")).isPass, "after \(name)")
                }
                let outcomes = try await worker.log.jobs(2 * Self.jobs.count).map { $0["outcome"] ?? "" }
                #expect(outcomes == Self.jobs.flatMap { _ in ["FAIL", "PASS"] })
                #expect(worker.process.ended == nil)
            }
        }

        @Test func soDoJobsOfTenMegabytes() async throws {
            try await withWorker { gearmand, _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (name, bytes) in Self.longJobs {
                        group.addTask {
                            let reply = try JSON(bytes: try await gearmand.ask(bytes: bytes))
                            #expect(reply.failure?.isEmpty == false, "\(name)")
                            try await gearmand.succeed(job("STATS"))
                        }
                    }
                    group.addTask {
                        let padding = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000_000)
                        let start = Array(#"{"hpcs_action": "ENABLE", "padding": ""#.utf8) + padding + Array(#"""#.utf8)
                        let reply = try await gearmand.ask(bytes: start + Array("}".utf8))
                        #expect(Array(reply.prefix(start.count)) == start)
                        #expect(String(decoding: reply.dropFirst(start.count), as: UTF8.self) == #", "hpcs_response": "PASS"}"#)
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test func aJobThatThereIsNoMemoryForIsRefusedAndTheNextOneRuns() async throws {
            try await withWorker(arguments: ["--concurrency", "1"]) { gearmand, worker in
                try await gearmand.succeed(job("STATS"))
                // More than it takes to receive the job, and less than it takes to read it.
                try limitMemory(of: worker.process.pid, toMore: 300 << 20)
                let reply = try JSON(bytes: try await gearmand.ask(bytes: jobOfZeros(30 << 20)))
                #expect(reply.failure?.contains("There is not enough memory to read it.") == true, "\(reply)")
                try await gearmand.succeed(job("STATS"))
                #expect(worker.process.ended == nil)
            }
        }

        @Test func duplicateKeysAndNumbersOutOfRangeNameTheirPlace() async throws {
            let cases = [
                (#"{"port": 70000}"#, "loadBalancers[0].port"), (#"{"port": 1e999}"#, nil), (#"{"port": -1}"#, "loadBalancers[0].port"),
                (#"{"port": 99999999999999999999}"#, "loadBalancers[0].port"), (#"{"port": 80.5}"#, "loadBalancers[0].port"),
                (#"{"nodes": [{"id": 1, "address": "10.0.0.1", "port": 0}]}"#, "loadBalancers[0].nodes[0].port"),
                (#"{"nodes": [{"id": 1, "address": "10.0.0.300", "port": 80, "weight": []}]}"#, "loadBalancers[0].nodes[0]"),
            ]
            try await withWorker { gearmand, _ in
                for (fields, place) in cases {
                    let rest = #""protocol": "http", "id": "x""# + (fields.contains("nodes") ? "" : #", "nodes": []"#)
                    let text = #"{"hpcs_action": "UPDATE", "loadBalancers": ["# + fields.dropLast() + ", " + rest + "}]}"
                    let reply = try JSON(bytes: try await gearmand.ask(bytes: Array(text.utf8)))
                    #expect(reply.failure != nil, "\(fields): \(reply)")
                    if let place { #expect(reply["hpcs_error"].text?.contains(place) == true, "\(fields): \(reply)") }
                }
                let twice = #"{"hpcs_action": "STATS", "hpcs_action": "DELETE"}"#
                let reply = try JSON(bytes: try await gearmand.ask(bytes: Array(twice.utf8)))
                #expect(reply["hpcs_response"] == "PASS" || reply.failure != nil)
                #expect(try await gearmand.nodes().isEmpty)
            }
        }

        @Test func wrongTypesEverywhereAreAnswered() async throws {
            let wrong: [JSON] = [.null, true, false, -1, 0.5, 1e300, "", "x", "\u{0}\n\"'", [], [[]], [1], [:], ["x": 1]]
            try await withWorker { gearmand, worker in
                var count = 0
                for path in Self.paths(of: Self.fullJob) {
                    for value in wrong {
                        let reply = try await gearmand.ask(Self.fullJob.replacing(path, with: value))
                        #expect(reply.isPass || reply.failure?.isEmpty == false, "\(path) = \(value): \(reply)")
                        count += 1
                    }
                }
                #expect(count > 300)
                try await gearmand.succeed(Self.fullJob)
                #expect(try await worker.log.jobs(count + 1).count == count + 1)
            }
        }

        @Test func anIdMayHoldAnyCharacter() async throws {
            let ids = ["0", " ", "a/b", "'", "\"", "\\", "\u{0}", "\n", "é", "世界", "😀", "%s", "../x", String(repeating: "x", count: 253)]
            try await withWorker { gearmand, _ in
                try await gearmand.succeed(job("CREATE", ids.enumerated().map { loadBalancer($1, port: 1000 + $0) }))
                for id in ids {
                    #expect(try await gearmand.nodes(of: named(id)) == ["\(id)-0": "UP"])
                    try await gearmand.succeed(job("DELETE", named(id)))
                }
                #expect(try await gearmand.ask(job("STATS"))["status"] == "DELETED")
            }
        }

        @Test func idsThatOnlyLookAlikeAreTwo() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let worker = try await rig.startWorker(rig.options(gearmand))
                // One character, and two that make the same one.
                try await gearmand.succeed(job("CREATE", loadBalancer("\u{E9}", port: 1)))
                try await gearmand.succeed(job("CREATE", loadBalancer("e\u{301}", port: 2)))
                let reply = try await gearmand.ask(job("STATS"))
                #expect(reply["nodes"].elements.count == 2)
                #expect(try await worker.end() == .exit(0))
                _ = try await rig.startWorker(rig.options(gearmand))
                #expect(try await gearmand.ask(job("STATS")) == reply)
            }
        }

        /// A job with every kind of field.
        static let fullJob: JSON = [
            "hpcs_action": "UPDATE", "hpcs_dry_run": false,
            "loadBalancers": [
                [
                    "id": "full", "name": "full", "protocol": "HTTP", "port": 80, "address": "127.0.0.1", "algorithm": "ROUND_ROBIN",
                    "monitor": ["type": "HTTP", "delay": 30, "timeout": 20, "attempts": 2, "path": "/", "expected_codes": "200-299"],
                    "options": ["client_timeout": 1, "server_timeout": 2, "connect_timeout": 3, "connect_retries": 4],
                    "sessionPersistence": ["type": "SOURCE_IP", "timeout": 300], "quorum": 1, "hysteresis": 0,
                    "sorry_server": ["address": "127.0.0.1", "port": 81], "forwarding": "NAT",
                    "nodes": [["id": "n", "address": "10.0.0.1", "port": 80, "weight": 1, "backup": "false", "condition": "ENABLED"]],
                ]
            ],
        ]

        /// A place in a job: names of members, and an empty one for the first element of an array.
        typealias Path = [String]

        static func paths(of job: JSON) -> [Path] {
            switch job {
            case .object(let members):
                members.sorted { $0.key < $1.key }.flatMap { name, value in [[name]] + paths(of: value).map { [name] + $0 } }
            case .array(let elements): elements.first.map { [[""]] + paths(of: $0).map { [""] + $0 } } ?? []
            default: []
            }
        }
    }
}

extension JSON {
    /// The value with another one in one place.
    func replacing(_ path: RealServers.BadInput.Path, with value: JSON) -> JSON {
        guard let name = path.first else { return value }
        let rest = Array(path.dropFirst())
        switch self {
        case .object(var members):
            members[name] = (members[name] ?? .null).replacing(rest, with: value)
            return .object(members)
        case .array(let elements): return .array([self[0].replacing(rest, with: value)] + elements.dropFirst())
        default: return self
        }
    }
}
