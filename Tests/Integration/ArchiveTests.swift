import Foundation
import Glibc
import ObjectStores
import TestSupport
import Testing
import WorkerHarness

/// An ARCHIVE job.
private func archive(_ loadBalancer: JSON, at endpoint: String, token: String = "secret-token") -> JSON {
    var job = job("ARCHIVE", loadBalancer)
    job["hpcs_object_store_type"] = "swift"
    job["hpcs_object_store_basepath"] = "lbaaslogs"
    job["hpcs_object_store_endpoint"] = .string(endpoint)
    job["hpcs_object_store_token"] = .string(token)
    return job
}

/// What ARCHIVE says of a load balancer.
private func archived(_ id: String) -> JSON { ["id": .string(id), "protocol": "HTTP"] }

/// A load balancer on loopback that has nobody to ask, so that haproxy itself answers.
private func balancer(_ id: String, port: UInt16) -> JSON {
    let node: JSON = ["id": "n", "address": "127.0.0.1", "port": 80, "condition": "DISABLED"]
    return ["id": .string(id), "protocol": "HTTP", "address": "127.0.0.1", "port": .number(Double(port)), "nodes": [node]]
}

/// Sends a request, which haproxy answers with 503 before it logs it.
private func get(_ path: String, from port: UInt16) async throws {
    let answer = try await onThread {
        let socket = try LoopbackSocket.connected(to: port)
        try socket.send("GET \(path) HTTP/1.0\r\n\r\n")
        return try socket.rest()
    }
    #expect(answer.hasPrefix("HTTP/1.1 503 "))
}

/// The lines that a worker keeps of a load balancer.
private func linesOnDisk(_ rig: Rig, _ name: String) throws -> [String] {
    let folder = rig.path("logs/" + name)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return try files.flatMap { try messagesOfLog(String(contentsOfFile: folder + "/" + $0, encoding: .utf8)) }
}

/// Waits until a worker keeps the line of a request.
private func hasLine(of path: String, _ rig: Rig, _ name: String) async throws {
    try await eventually("the line of \(path) is on the disk") { try linesOnDisk(rig, name).contains { $0.contains(path) } }
}

/// The paths that were asked for, by the bytes of an object.
private func paths(_ object: [UInt8]) async throws -> [String] {
    messagesOfLog(try await gunzipped(object)).compactMap { message in
        message.split(separator: "\"").dropFirst().first?.split(separator: " ").dropFirst().first.map(String.init)
    }
}

extension RealServers {
    /// ARCHIVE by the whole worker, of what a real haproxy logs.
    @Suite struct Archives {
        @Test func theLogIsInOpenStackSwiftAndNoLineIsMissingThoughTheWorkerWasKilled() async throws {
            try await OpenStackSwift.run { swift in
                try await withHAProxy { rig, options in
                    let gearmand = try await rig.startGearmand()
                    var options = options
                    options.servers = [gearmand.address]
                    let worker = try await rig.startWorker(options)
                    let port = try freePort()
                    try await gearmand.succeed(job("CREATE", balancer("shop/1", port: port)))
                    try await get("/before", from: port)
                    // What is taken out of the pipe and not on the disk yet goes with a worker that is killed.
                    try await hasLine(of: "/before", rig, "shop_2F1")
                    #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                    try await get("/meanwhile", from: port)
                    let next = try await rig.startWorker(options)
                    try await get("/after", from: port)
                    try await hasLine(of: "/after", rig, "shop_2F1")
                    let token = try await swift.token()
                    let reply = try await gearmand.succeed(archive(archived("shop/1"), at: swift.endpoint, token: token))
                    #expect(reply["hpcs_object_store_token"] == "*****")
                    #expect(reply.names == archive(archived("shop/1"), at: "").names.union(["hpcs_response"]))
                    let names = try await swift.objects(in: "lbaaslogs")
                    try #require(names.count == 1)
                    #expect(names[0].hasPrefix("shop%2F1/haproxy-"))
                    let stored = try await paths(swift.object(names[0], in: "lbaaslogs").bytes)
                    #expect(stored == ["/before", "/meanwhile", "/after"])
                    let refused = try await gearmand.ask(archive(archived("shop/1"), at: swift.endpoint, token: "AUTH_tkwrong"))
                    #expect(refused.failure?.contains("refused with 401: the token was refused; get a fresh one") == true)
                    let log = try await next.log.textBehindFailure()
                    #expect(!log.contains(token) && !log.contains("AUTH_tkwrong"))
                }
            }
        }

        @Test(arguments: [
            (401, "get a fresh one"), (403, "use one of a user who may"), (404, "check the endpoint"), (422, "send ARCHIVE again"),
            (507, "look at the quota"),
        ])
        func whatAStoreRefusesIsSaidAndKept(status: Int, advice: String) async throws {
            let store = try StubStore { $0.hasSuffix(".gz") ? .answer(status) : .answer(202) }
            try await withArchives { gearmand, worker, _ in
                try await store.serving {
                    let reply = try await gearmand.ask(archive(archived("shop"), at: store.endpoint))
                    let sentence = try #require(reply.failure)
                    #expect(sentence.contains("refused with \(status)") && sentence.contains(advice), "\(sentence)")
                    #expect(sentence.contains("The log is kept for the next ARCHIVE"))
                    #expect(reply["hpcs_object_store_token"] == "*****")
                    #expect(try await !worker.log.textBehindFailure().contains("secret-token"))
                }
                let healthy = try StubStore { _ in .answer(201) }
                try await healthy.serving {
                    try await gearmand.succeed(archive(archived("shop"), at: healthy.endpoint))
                    let stored = try await paths(#require(healthy.objects.last).body)
                    #expect(stored == ["/first"])
                }
            }
        }

        @Test func whoseLogIsMeantIsFoundAndSaid() async throws {
            let store = try StubStore { _ in .answer(201) }
            try await withArchives { gearmand, _, _ in
                try await store.serving {
                    let nobody = "http://127.0.0.1:\(try freePort())/v1/a"
                    let dead = try await gearmand.ask(archive(archived("shop"), at: nobody)).failure
                    #expect(dead?.contains("no answer to storing 'lbaaslogs'") == true)
                    let missing = try await gearmand.ask(archive(archived("nobody"), at: store.endpoint))
                    #expect(missing.failure == "loadBalancers[0]: there is no load balancer 'nobody'")
                    // As clients of the original do: a name and no id, and then both.
                    var legacy = balancer("unnamed", port: try freePort())
                    legacy["id"] = .null
                    legacy["name"] = "lb #1"
                    try await gearmand.succeed(job("CREATE", legacy))
                    var order = archived("15")
                    order["name"] = "lb #1"
                    try await gearmand.succeed(archive(order, at: store.endpoint))
                    #expect(store.objects.last?.path.contains("/lbaaslogs/15/haproxy-") == true)
                    try await gearmand.succeed(job("SUSPEND", named("shop")))
                    try await gearmand.succeed(archive(archived("shop"), at: store.endpoint))
                    #expect(try await paths(#require(store.objects.last).body) == ["/first"])
                    try await gearmand.succeed(job("DELETE", named("shop")))
                    let deleted = try await gearmand.ask(archive(archived("shop"), at: store.endpoint))
                    #expect(deleted.failure == "Invalid operation ARCHIVE on a deleted LB." && deleted["status"] == "DELETED")
                }
            }
        }

        @Test func aStoreThatIsSilentKeepsNoOtherJobWaiting() async throws {
            let store = try StubStore { _ in .silence }
            try await withArchives { gearmand, _, port in
                let archives = try await store.serving {
                    let archives = (0..<2).map { _ in Task { try await gearmand.ask(archive(archived("shop"), at: store.endpoint)) } }
                    try await eventually("the store is asked") { store.requests.count == 1 }
                    try await eventually("both are under way") { try await gearmand.function(WorkerOptions.function).running == 2 }
                    let more = try await gearmand.ask(archive(archived("shop"), at: store.endpoint), timeout: 5)
                    #expect(more.failure?.contains("no more than 2 ARCHIVE jobs can be under way at a time") == true)
                    for _ in 0..<10 {
                        #expect(try await gearmand.ask(job("STATS"), timeout: 5).isPass)
                        #expect(try await gearmand.ask(job("CREATE", balancer("shop", port: port)), timeout: 5).isPass)
                    }
                    return archives
                }
                for archive in archives { #expect(try await archive.value.failure?.contains("no answer to storing") == true) }
            }
        }
    }
}

/// Runs a test with a worker that has the load balancer `shop`, which was asked for `/first`.
private func withArchives(_ body: (Gearmand, WorkerProcess, UInt16) async throws -> Void) async throws {
    try await withHAProxy { rig, options in
        let gearmand = try await rig.startGearmand()
        var options = options
        options.servers = [gearmand.address]
        let worker = try await rig.startWorker(options)
        let port = try freePort()
        try await gearmand.succeed(job("CREATE", balancer("shop", port: port)))
        try await get("/first", from: port)
        try await hasLine(of: "/first", rig, "shop")
        try await body(gearmand, worker, port)
    }
}
