import Foundation
import Glibc
import LBaaS
import ObjectStores
import TestSupport
import Testing

@testable import HAProxyDriver

extension Bench {
    /// The messages that are kept of a load balancer, the oldest first.
    func kept(of id: LoadBalancerID) throws -> [String] {
        let path = folder + "/etc/logs/" + LogStore.fileName(ApplianceName(id).text)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
        return try names.flatMap { try messagesOfLog(String(contentsOfFile: path + "/" + $0, encoding: .utf8)) }
    }

    /// The paths that were asked for, by what is kept of a load balancer.
    func paths(of id: LoadBalancerID) throws -> Set<String> {
        let words = try kept(of: id).compactMap { $0.split(separator: "\"").last?.split(separator: " ").dropFirst().first }
        return Set(words.filter { $0.hasPrefix("/") }.map(String.init))
    }

    /// Waits until these paths are in a load balancer's log, which takes a moment.
    func has(_ paths: Set<String>, of id: LoadBalancerID) throws {
        try waitUntil("\(paths) are in the log of \(id), not \((try? self.paths(of: id)) ?? [])") { try self.paths(of: id) == paths }
    }

    /// How often it was told that lines are lost.
    var losses: Int { logged.count { $0.hasPrefix("warning haproxy's log lines are lost") } }

    /// Archives the log of a load balancer; what is said where that fails.
    func archive(_ id: LoadBalancerID, at store: StubStore) -> String? {
        let order = ArchiveOrder(
            loadBalancer: id, serviceProtocol: .http, basePath: "logs", endpoint: store.endpoint, token: "token")
        return refusal { () throws(DriverError) in try driver.archive(order) }
    }

    /// The lines of the objects that a store got.
    func lines(at store: StubStore) throws -> [String] {
        try store.objects.flatMap { object in
            try Data(object.body).write(to: URL(fileURLWithPath: folder + "/object.gz"))
            let text = try DetachedProcess.run("gzip", ["-dc", folder + "/object.gz"], within: .seconds(10))
            #expect(text.ok)
            return messagesOfLog(text.output)
        }
    }
}

/// That haproxy's lines are kept and archived, whatever becomes of haproxy and the worker.
@Suite struct LogsTests {
    @Test func linesSurviveLoadsAndTheEndsOfWorkerAndHAProxy() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let (port, other) = (try freePort(), try freePort())
            let shop = balancer("a/b", port: port, to: one)
            bench.run(shop, balancer("_", .tcp, port: other, to: one))
            #expect(try bench.kept(of: "a/b").isEmpty)
            _ = try Page(port, path: "/first")
            try bench.has(["/first"], of: "a/b")
            let tcp = try LoopbackSocket.connected(to: other)
            #expect(try tcp.ask("hello") == "one hello")
            let slow = try LoopbackSocket.connected(to: port)
            try slow.send("GET /slow HTTP/1.1\r\n")
            bench.run(shop)
            _ = try Page(port, path: "/loaded")
            // The driver that is there goes, and what comes until the next one looks waits in the pipe.
            try bench.restart()
            _ = try Page(port, path: "/alone")
            try slow.send("Host: test\r\n\r\n")
            #expect(try slow.rest().hasSuffix("one\n"), "a request over two drivers and a load")
            #expect(try bench.settle() == [])
            try bench.has(["/first", "/loaded", "/alone", "/slow"], of: "a/b")
            // What haproxy has not written yet goes with it.
            _ = try Page(port, path: "/killed")
            try bench.has(["/first", "/loaded", "/alone", "/slow", "/killed"], of: "a/b")
            try bench.killHAProxy()
            #expect(try bench.settle() == ["a/b"])
            _ = try Page(port, path: "/again")
            try bench.has(["/first", "/loaded", "/alone", "/slow", "/killed", "/again"], of: "a/b")
            let store = try StubStore { _ in .answer(201) }
            try store.blockingServing {
                #expect(bench.archive("a/b", at: store) == nil)
                let lines = try bench.lines(at: store)
                #expect(lines.filter { $0.contains("\"GET /") }.count == 6, "\(lines)")
                #expect(try bench.kept(of: "a/b").isEmpty)
            }
            #expect(store.objects.first?.path.hasPrefix("/v1/AUTH_test/logs/a%252Fb/haproxy-") == true)
            #expect(bench.losses == 0)
        }
    }

    @Test func aLogStaysWithItsLoadBalancerAndGoesWithIt() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            let shop = balancer(port: port, to: one)
            let other = balancer("other", port: try freePort(), to: one)
            bench.run(shop, other)
            _ = try Page(port, path: "/kept")
            try bench.has(["/kept"], of: "shop")
            bench.run(shop.suspended, other)
            #expect(try bench.paths(of: "shop") == ["/kept"])
            // Neither a worker that starts and finds no haproxy, nor the look at some of them, takes it for gone.
            try bench.killHAProxy()
            try bench.restart()
            _ = try bench.driver.observe(possible: [other])
            #expect(try bench.paths(of: "shop") == ["/kept"])
            try bench.settle()
            #expect(try bench.paths(of: "shop") == ["/kept"])
            // That it is deleted may not be durable, and be undone.
            bench.run(other)
            bench.run(shop.suspended, other)
            #expect(try bench.paths(of: "shop") == ["/kept"])
            bench.run(other)
            #expect(try bench.paths(of: "shop") == ["/kept"])
            bench.driver.discard(["shop"])
            #expect(try bench.kept(of: "shop").isEmpty)
            #expect(!FileManager.default.fileExists(atPath: bench.folder + "/etc/logs/shop"))
        }
    }

    @Test func ofAHAProxyWithoutThePipeItIsToldThatItsLinesAreLost() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            // As one that was started before there was the pipe.
            unlink(bench.site.logPipe)
            try bench.restart()
            #expect(try bench.settle() == [])
            #expect(try bench.settle() == [])
            #expect(bench.losses == 1)
            let store = try StubStore { _ in .answer(201) }
            try store.blockingServing {
                #expect(bench.archive("shop", at: store)?.contains("kept from its next start on") == true)
                try bench.killHAProxy()
                #expect(try bench.settle() == ["shop"])
                #expect(try bench.settle() == [])
                _ = try Page(port, path: "/heard")
                try bench.has(["/heard"], of: "shop")
                #expect(bench.archive("shop", at: store) == nil)
            }
        }
    }

    @Test func whereNoLogCanBeKeptLoadsAreBalancedAllTheSame() async throws {
        let folder = try TemporaryFolder()
        let blocked = try folder.write("no folder", to: "logs")
        try await withBench(["log_dir": blocked]) { bench in
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            #expect(try Page(port).status == 200)
            #expect(try bench.settle() == [])
            #expect(bench.losses == 1)
            let store = try StubStore { _ in .answer(201) }
            let message = try store.blockingServing { bench.archive("shop", at: store) }
            #expect(message?.contains(blocked) == true && message?.contains("log_dir") == true, "\(message ?? "nothing")")
            #expect(store.requests.isEmpty)
        }
    }
}

extension LoadBalancer {
    /// It as it is while it is suspended.
    fileprivate var suspended: LoadBalancer {
        var suspended = self
        suspended.isSuspended = true
        return suspended
    }
}
