import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// The API of go_keepalived of a running worker.
    @Suite struct KeepalivedAPI {
        @Test(arguments: [nil, "123"])
        func servicesAreAddedChangedAndRemovedAsGoKeepalivedsClientAsks(password: String?) async throws {
            let client = try KeepalivedClient(password: password)
            try await withAPI(client.lines) { rig, options, api, worker in
                let service = keepalivedService("10.9.0.1")
                let empty = try await client.ask("GetInfo", ["service": "192.168.1.1"])
                #expect(empty == ["result": "true", "info": ""])
                #expect(
                    try await client.ask("AddService", service) == [
                        "result": "true", "info": "the service 10.9.0.1:tcp:80 was added",
                    ])
                let real = ["RIP": "10.0.0.1", "RealPort": "8080", "Check": "tcp"].merging(service) { $1 }
                try await client.succeed("AddReal", real)
                try await client.succeed("AddService", keepalivedService("[fc12:1::1]", port: 22))
                let info = try await client.ask("GetInfo")
                #expect(info["10.9.0.1:tcp:80"] == "State:  true Alive Reals:  1 Quorum:  1")
                #expect(info["[fc12:1::1]:tcp:22"] == "State:  false Alive Reals:  0 Quorum:  1")
                #expect(info["result"] == "true" && info["info"].text?.contains("10.9.0.1:tcp:80 State:  true") == true)

                try await client.succeed("ChangeService", service.merging(["Scheduler": "lc", "Quorum": "4"]) { $1 })
                try await client.succeed("ChangeReal", real.merging(["Weight": "7"]) { $1 })
                let made = try await api.get("/v1/load-balancers/10.9.0.1:tcp:80")
                #expect(made["algorithm"] == "LEAST_CONNECTIONS" && made["quorum"] == 4 && made["nodes"][0]["weight"] == 7)
                #expect(made["source"] == "keepalived" && made["address"] == "10.9.0.1")
                try await client.succeed("RemoveReal", real)
                #expect(try await client.ask("GetInfo")["10.9.0.1:tcp:80"] == "State:  false Alive Reals:  0 Quorum:  4")
                try await client.succeed("RemoveService", keepalivedService("[fc12:1::1]", port: 22))
                let journal = try await api.get("/v1/journal")["journal"].elements
                #expect(journal.allSatisfy { $0["source"] == "keepalived" && $0["origin"] == "keepalived:127.0.0.1" } && journal.count == 7)
                let why = try await api.get("/v1/why/10.9.0.1:tcp:80")["why"][0]
                #expect(why["step"] == "job" && why["what"].text?.hasPrefix("CREATE 10.9.0.1:tcp:80 by keepalived:127.0.0.1") == true)

                // It is there after a restart.
                #expect(try await worker.end() == .exit(0))
                let again = try rig.spawnWorker(options)
                try await again.says("started")
                #expect(try await client.ask("GetInfo").names == ["result", "info", "10.9.0.1:tcp:80"])
                #expect(try await again.end() == .exit(0))
            }
        }

        @Test func whatOthersHaveMadeIsRefusedWithWhoseItIs() async throws {
            let client = try KeepalivedClient()
            let section = "[service:10.9.0.2:tcp:80]\nprotocol = TCP\naddress = 10.9.0.2\nport = 80\nnodes = []\n"
            try await withAPI(client.lines + section) { _, _, api, _ in
                var shop = loadBalancer("shop")
                shop["address"] = "10.9.0.1"
                shop["port"] = 80
                #expect(try JSON(bytes: Array(try await api.submit(try job("CREATE", shop).bytes).body.utf8)).isPass)
                let (jobs, file) = (keepalivedService("10.9.0.1"), keepalivedService("10.9.0.2"))
                let real = ["RIP": "10.0.0.1", "RealPort": "8080", "Check": "tcp"]
                for command in ["RemoveService", "ChangeService", "AddReal", "RemoveReal", "ChangeReal"] {
                    #expect(
                        try await client.refusal(command, jobs.merging(real) { $1 })
                            == "10.9.0.1:tcp:80: the load balancer 'shop' listens there, which a job has made; change it by a job")
                }
                #expect(try await client.refusal("AddService", jobs).contains("'shop'"))
                #expect(
                    try await client.refusal("RemoveService", file)
                        == "service '10.9.0.2:tcp:80': '10.9.0.2:tcp:80' is a service of the configuration file; change it there")
                #expect(try await client.refusal("AddReal", file.merging(real) { $1 }).contains("is a service of the configuration file"))
                #expect(try await client.refusal("AddService", file).contains("is there already"))
                let none = keepalivedService("10.9.0.3")
                #expect(try await client.refusal("ChangeService", none).contains("there is no load balancer '10.9.0.3:tcp:80'"))

                // Nor do jobs change what clients of this API have made: UPDATE leaves it.
                try await client.succeed("AddService", none)
                #expect(try JSON(bytes: Array(try await api.submit(try job("UPDATE", shop).bytes).body.utf8)).isPass)
                let refused = try JSON(bytes: Array(try await api.submit(try job("DELETE", named("10.9.0.3:tcp:80")).bytes).body.utf8))
                #expect(
                    refused.failure
                        == "loadBalancers[0]: '10.9.0.3:tcp:80' was made by go_keepalived's API; change it there")
                let names = try await client.ask("GetInfo").names
                #expect(names == ["result", "info", "10.9.0.1:tcp:80", "10.9.0.2:tcp:80", "10.9.0.3:tcp:80"])
            }
        }

        @Test func aRequestWithoutTheRightDigestChangesNothing() async throws {
            let client = try KeepalivedClient(password: "123")
            try await withAPI(client.lines) { _, _, _, _ in
                let fields = #""Command": "AddService", "VIP": "10.9.0.1", "Proto": "tcp", "Port": "80""#
                let none = try await client.send("{\(fields)}")
                #expect(none["result"] == "false" && none["info"].text?.hasPrefix("Digest: is missing") == true)
                let wrong = try await client.send("{\(fields), \"Digest\": \"00\"}")
                #expect(wrong["info"] == "Digest: it was not made of these values with keepalived_password")
                for header in ["Authorization: Bearer work\r\n", "Signature: a=:b:\r\n", "Signature-Input: a=()\r\n"] {
                    let both = try await client.send(#"{"Command": "GetInfo"}"#, header)
                    #expect(both["result"] == "false" && both["info"].text?.contains("no other proof than Digest") == true)
                }
                #expect(try await client.ask("GetInfo").names == ["result", "info"])
            }
        }

        @Test func badInputIsAnsweredAndTheNextRequestIsServed() async throws {
            let client = try KeepalivedClient()
            try await withAPI(client.lines) { _, _, _, worker in
                var bodies = ["", "{", "[]", "null", "\u{0}", #"{"Command": []}"#, #"{"Command": "Format"}"#, #"{"Command": "GetInfo"}x"#]
                bodies.append(String(repeating: "{\"a\":", count: 2000))
                for body in bodies {
                    let answer = try await client.send(body)
                    #expect(answer["result"] == "false" && answer["info"].text?.isEmpty == false, "\(body.prefix(40))")
                }
                #expect(try await client.post(String(repeating: " ", count: 17_000)).status == 413)
                #expect(try await client.post("{}", "Origin: http://evil.example\r\n").status == 403)
                let other = try await onThread { [port = client.port] in
                    [
                        try HTTPTestClient(port).ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                        try HTTPTestClient(port).ask("POST /v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
                        try HTTPTestClient(port).ask("POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n"),
                    ]
                }
                #expect(other.map(\.status) == [405, 404, 421] && other[0].headers["allow"]?.contains("POST") == true)
                // One that goes away in the middle.
                try await onThread { [port = client.port] in
                    try HTTPTestClient(port).send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
                }
                try await client.succeed("AddService", keepalivedService("10.9.0.1"))
                #expect(try await worker.end() == .exit(0))
            }
        }
    }
}

extension KeepalivedClient {
    /// The keys of `[api]` as lines.
    fileprivate var lines: String { keys.map { "\($0.key) = \($0.value)\n" }.joined() }
}
