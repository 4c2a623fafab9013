import Foundation
import HostSystem
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// A real haproxy with two load balancers that log to a shelf: `a` and `b.c`, which answer every request with 204.
final class LoggingHAProxy: Sendable {
    let ports: [String: UInt16]
    let process: ChildProcess

    /// - Parameter target: where the lines go, as haproxy's `log` calls it.
    init(on shelf: Shelf, target: String) throws {
        ports = ["a": try freePort(), "b.c": try freePort()]
        let folder = shelf.folder
        var text = """
            global
                log \(target) len 4096 format rfc5424 local0
            defaults
                mode http
                log global
                option httplog
                option dontlognull
                timeout client 100s
                timeout server 100s
                timeout connect 100s

            """
        for (name, port) in ports {
            text += """
                frontend \(name)
                    log-tag \(name)
                    bind 127.0.0.1:\(port)
                    capture request header X-Client len 64
                    http-request return status 204

                """
        }
        let file = try folder.write(text, to: "haproxy.cfg")
        process = try ChildProcess(
            "/usr/sbin/haproxy", ["-W", "-f", file], folder: folder.path, input: folder.file("log.pipe"), output: folder.file("out"),
            errors: folder.file("errors"))
    }

    /// Opens a connection to a load balancer, as soon as one can.
    func connect(to name: String) async throws -> LoopbackSocket {
        let port = try #require(ports[name])
        try await eventually("haproxy") { (try? LoopbackSocket.connected(to: port)) != nil }
        return try LoopbackSocket.connected(to: port)
    }

    /// Sends a request, and waits for the answer.
    func ask(_ name: String, _ path: String, header: String = "X-Client: me") async throws {
        try await connect(to: name).finish("GET \(path) HTTP/1.0\r\n\(header)\r\n\r\n")
    }

    /// Runs a body with a haproxy that ends with it.
    static func run(on shelf: Shelf, target: String, _ body: (LoggingHAProxy) async throws -> Void) async throws {
        let haproxy = try LoggingHAProxy(on: shelf, target: target)
        do {
            try await body(haproxy)
        } catch {
            await haproxy.end()
            throw error
        }
        await haproxy.end()
    }

    /// The master ends its workers with itself.
    private func end() async {
        process.send(SIGTERM)
        _ = try? await process.end()
        await process.destroy()
    }
}

extension LoopbackSocket {
    /// Sends the rest of a request, and waits for the answer.
    func finish(_ text: String) throws {
        try send(text)
        let answer = try rest()
        if !answer.hasPrefix("HTTP/1.1 204 ") { throw Failure("haproxy answered \(answer.prefix(100))") }
    }
}

@Suite("The log of a real haproxy")
struct HAProxyLogTests {
    /// The paths that were asked for, by the log of a load balancer.
    private func paths(_ shelf: Shelf, _ name: String) throws -> [String] {
        _ = shelf.collector.seal("none")
        return try shelf.messages(of: name).compactMap { $0.split(separator: "\"").last?.split(separator: " ").dropFirst().first }.map(
            String.init
        )
        .filter { $0.hasPrefix("/") }
    }

    @Test("Each load balancer's requests are in its own log", arguments: ["fd@0", "socket"])
    func sorted(target: String) async throws {
        let shelf = try Shelf()
        let target = target == "socket" ? shelf.folder.file("log.sock") : target
        try await LoggingHAProxy.run(on: shelf, target: target) { haproxy in
            for number in 1...20 {
                try await haproxy.ask("a", "/a\(number)")
                try await haproxy.ask("b.c", "/b\(number)")
                // The system holds few datagrams.
                try await eventually("the lines") { try paths(shelf, "a").count == number && paths(shelf, "b.c").count == number }
            }
            #expect(try paths(shelf, "a") == (1...20).map { "/a\($0)" } && paths(shelf, "b.c") == (1...20).map { "/b\($0)" })
            let name = hostName()
            let file = try #require(shelf.collector.sealed(of: "a").first?.path ?? shelf.collector.seal("a").first?.path)
            let line = try #require(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").first)
            #expect(line.contains(" \(name) haproxy[") && line.contains("{me}"))
        }
    }

    @Test("What a client sends stays on its line, and in the log of its load balancer")
    func hostile() async throws {
        let shelf = try Shelf()
        try await LoggingHAProxy.run(on: shelf, target: "fd@0") { haproxy in
            try await haproxy.ask("a", "/1%0a<134>1%00", header: "X-Client: \u{1B}[2J <134>1 T - b.c 1 - - x")
            try await haproxy.ask("a", "/" + String(repeating: "y", count: 7000))
            try await haproxy.ask("a", "/3")
            try await eventually("the last line") { try paths(shelf, "a").contains("/3") }
            let messages = try shelf.messages(of: "a").filter { $0.contains("GET") }
            #expect(messages.count == 3 && messages.allSatisfy { !$0.utf8.contains { $0 < 0x20 } })
            #expect(try shelf.messages(of: "b.c").allSatisfy { !$0.hasSuffix("x") })
        }
    }

    @Test("Lines that come while no worker is there, and those of a process that outlives a reload, are kept")
    func reload() async throws {
        let shelf = try Shelf()
        try await LoggingHAProxy.run(on: shelf, target: "fd@0") { haproxy in
            let long = try await haproxy.connect(to: "a")
            try long.send("GET /long HTTP/1.0\r\n")
            try await haproxy.ask("a", "/before")
            shelf.collector.stop()
            try await eventually("the new process") {
                haproxy.process.send(SIGUSR2)
                try await haproxy.ask("a", "/after")
                return try String(contentsOfFile: shelf.folder.file("errors"), encoding: .utf8).contains("Proxy a stopped")
            }
            try long.finish("\r\n")
            let next = try Shelf(in: shelf.folder)
            try await eventually("all lines") { try Set(paths(next, "a")).isSuperset(of: ["/before", "/after", "/long"]) }
            let lines = try next.messages(of: "a").filter { $0.contains("/long") || $0.contains("/before") }
            #expect(lines.count == 2)
        }
    }
}
