import KubernetesTestSupport
import TestSupport
import Testing

@testable import Kubernetes

/// The watch of a cluster over HTTPS, with everything that can go wrong on the way.
@Suite struct ClusterWatchTests {
    private typealias Answer = ReplayServer.Answer
    private typealias Script = ReplayServer.Script

    /// A service as JSON.
    private static func web(_ name: String = "web", version: Int = 1) -> String {
        """
        {"kind":"Service","metadata":{"name":"\(name)","namespace":"shop","resourceVersion":"\(version)"},"spec":{"clusterIP":"10.96.0.10",\
        "ports":[{"port":80}]}}
        """
    }

    private static func line(_ type: String, _ object: String) -> String { "{\"type\":\"\(type)\",\"object\":\(object)}\n" }

    /// What was told, with the services that follow from it.
    private final class Told: Sendable {
        private let record = Record<ClusterUpdate>()

        @Sendable func add(_ update: ClusterUpdate) { record.add(update) }

        var changes: [ObjectChange] {
            record.all.flatMap { update -> [ObjectChange] in if case .changes(let changes) = update { changes } else { [] } }
        }

        var services: Set<String>? {
            var names: Set<String>?
            for change in changes {
                switch change {
                case .replace(.service, let all): names = Set(all.map(\.key.name))
                case .put(.service(let service)): names?.insert(service.key.name)
                case .delete(.service, let key): names?.remove(key.name)
                default: break
                }
            }
            return names
        }

        /// What is wrong with a resource, and was.
        func troubles(_ kind: ObjectKind) -> [String?] {
            record.all.compactMap { update -> String?? in
                if case .trouble(kind.resource, let words) = update { .some(words) } else { nil }
            }
        }
    }

    /// Runs a body while a cluster is watched.
    private func watching(
        _ server: ReplayServer, _ change: (inout APIServer) throws -> Void = { _ in },
        limits: ListWatch.Limits = ListWatch.Limits(), largestAnswer: Int = 1 << 20, _ body: (Told) async throws -> Void
    ) async throws {
        var api = try server.server
        try change(&api)
        let told = Told()
        let source = try ClusterWatch.start(api, nodeName: "n1", limits: limits, largestAnswer: largestAnswer, told.add)
        let outcome: (any Error)?
        do {
            try await body(told)
            outcome = nil
        } catch {
            outcome = error
        }
        source.cancel()
        #expect(try await onThread { source.join(within: .seconds(60)) }, "its thread ends")
        if let outcome { throw outcome }
    }

    @Test("Lists come in pages and compressed, then lines as they are, by requests of our own name")
    func wholeWay() async throws {
        let script = Script(
            list: [.list(.service, version: 5, continuing: "a+b", [Self.web("one")]), .list(.service, version: 6, [Self.web("two")])],
            watch: [
                Answer(lines: [
                    Self.line("ADDED", Self.web("three", version: 7)), Self.line("DELETED", Self.web("one", version: 8)),
                    Self.line("BOOKMARK", "{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":\"11\"}}"),
                ]), .silence,
            ])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) { told in
                try await eventually("the services") { told.services == ["two", "three"] }
                try await eventually("all kinds") {
                    told.changes.contains(.replace(.node, [])) && told.changes.contains(.replace(.serviceRange, []))
                }
                try await eventually("the next watch") { try server.requests(.service, "watch").count == 2 }
                let lists = try server.requests(.service, "list")
                #expect(lists.count == 2 && lists[1].target.hasSuffix("&continue=a%2Bb"))
                #expect(lists.allSatisfy { $0.agent == "lbaas-worker" && $0.encoding == "gzip" && $0.token == "" })
                let watches = try server.requests(.service, "watch")
                #expect(watches.allSatisfy { $0.encoding == "" } && watches[0].target.contains("&resourceVersion=6&"))
                #expect(watches[1].target.contains("&resourceVersion=11&"), "a bookmark is where the next watch begins")
                #expect(ObjectKind.allCases.allSatisfy { told.troubles($0).isEmpty })
            }
        }
    }

    @Test("A line that comes in pieces, and several that come at once, are the lines")
    func pieces() async throws {
        let text = Self.line("ADDED", Self.web("a", version: 2)) + Self.line("ADDED", Self.web("b", version: 3))
        let pieces = stride(from: 0, to: text.utf8.count, by: 61).map { start in
            String(decoding: Array(text.utf8)[start..<min(start + 61, text.utf8.count)], as: UTF8.self)
        }
        let script = Script(list: [.list(.service, version: 1)], watch: [Answer(lines: pieces, pause: 0.005, then: "hold")])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) { told in
                try await eventually("the services") { told.services == ["a", "b"] }
                #expect(told.troubles(.service).isEmpty)
            }
        }
    }

    @Test("A connection that is reset within a line goes on from the last whole one, and nothing is taken back")
    func cut() async throws {
        let half = String(Self.line("ADDED", Self.web("b", version: 3)).prefix(40))
        let script = Script(
            list: [.list(.service, version: 1)],
            watch: [
                Answer(lines: [Self.line("ADDED", Self.web("a", version: 2)), half], then: "cut"),
                Answer(lines: [Self.line("ADDED", Self.web("b", version: 3))], then: "hold"),
            ])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) { told in
                try await eventually("the services") { told.services == ["a", "b"] }
                #expect(try server.requests(.service, "list").count == 1)
                let watches = try server.requests(.service, "watch")
                #expect(watches.count == 2 && watches[1].target.contains("resourceVersion=2&"))
                try await eventually("what was wrong is over") { told.troubles(.service).count == 2 && told.troubles(.service)[1] == nil }
            }
        }
    }

    @Test("A version that is too old, in the stream or as a status, is listed anew, and what went meanwhile goes")
    func expired() async throws {
        let error = "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old resource version\"}"
        for answer in [Answer(lines: [Self.line("ERROR", error)], then: "hold"), Answer(lines: [Self.line("ERROR", error)]), .status(410)] {
            let script = Script(
                list: [.list(.service, version: 1, [Self.web("a"), Self.web("b")]), .list(.service, version: 9, [Self.web("b")])],
                watch: [answer, .silence])
            try await ReplayServer.run([.service: script]) { server in
                try await watching(server) { told in
                    try await eventually("the services") { told.services == ["b"] }
                    try await eventually("the watch") { try server.requests(.service, "watch").count == 2 }
                    #expect(try server.requests(.service, "watch")[1].target.contains("resourceVersion=9&"))
                    #expect(try server.requests(.service, "list").count == 2 && told.troubles(.service).isEmpty)
                }
            }
        }
    }

    @Test(
        "A list that is refused, cut, garbage or no list takes nothing back, and is asked for again",
        arguments: [
            Answer.status(500), .status(503, headers: ["Retry-After": "1"]), .status(429), Answer(body: "<html>"), Answer(body: "{}"),
            Answer(body: "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", cut: 30),
            .list(.node, version: 9), Answer(status: 302, headers: ["Location": "https://127.0.0.1:1/"], body: ""),
        ])
    fileprivate func failedList(answer: ReplayServer.Answer) async throws {
        let gone = Self.line("ERROR", "{\"kind\":\"Status\",\"code\":410,\"message\":\"old\"}")
        let script = Script(
            list: [.list(.service, version: 1, [Self.web("a")]), answer, .list(.service, version: 10, [Self.web("b")])],
            watch: [Answer(lines: [gone], then: "hold"), .silence])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) { told in
                try await eventually("the services") { told.services == ["b"] }
                let lists = told.changes.filter { if case .replace(.service, _) = $0 { true } else { false } }
                #expect(lists.count == 2, "only lists that came whole are told")
                #expect(told.troubles(.service).count == 2 && told.troubles(.service)[1] == nil)
            }
        }
    }

    @Test("A line that cannot be read has all listed again")
    func garbage() async throws {
        let script = Script(
            list: [.list(.service, version: 1, [Self.web("a")]), .list(.service, version: 5, [Self.web("b")])],
            watch: [Answer(lines: ["garbage\n", Self.line("ADDED", Self.web("c", version: 2))], then: "hold"), .silence])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) { told in
                try await eventually("the services") { told.services == ["b"] }
                #expect(!told.changes.contains { if case .put = $0 { true } else { false } }, "what follows garbage is not told")
            }
        }
    }

    @Test("A watch that falls silent, and a list that never ends, are given up")
    func silence() async throws {
        var limits = ListWatch.Limits()
        limits.silence = .seconds(2)
        limits.answer = .seconds(3)
        let script = Script(
            list: [Answer(lines: ["{\"kind\":"], then: "hold"), .list(.service, version: 1, [Self.web("a")])],
            watch: [.silence, Answer(lines: [Self.line("ADDED", Self.web("b", version: 2))], then: "hold")])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server, limits: limits) { told in
                try await eventually("the services") { told.services == ["a", "b"] }
                let troubles = told.troubles(.service).compactMap(\.self)
                #expect(troubles.contains { $0.contains("no answer came within") } && troubles.contains { $0.contains("nothing came for") })
            }
        }
    }

    @Test("A page that is too large is given up, though it is small on the wire")
    func tooLarge() async throws {
        let script = Script(list: [Answer(size: 2 << 20), .list(.service, version: 1, [Self.web("a")])])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) { told in
                try await eventually("the services") { told.services == ["a"] }
                #expect(told.troubles(.service).first??.contains("has more than 1048576 bytes") == true)
            }
        }
    }

    @Test("A token that was rotated is read again, and one that is refused is told")
    func rotatedToken() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("first", to: "token")
        var (list, watch) = (Answer.list(.service, version: 1, [Self.web("a")]), Answer(lines: []))
        (list.token, watch.token) = ("first", "second")
        let script = Script(list: [list], watch: [watch])
        try await ReplayServer.run([.service: script]) { server in
            try await watching(server) {
                $0.token = .file(file)
            } _: { told in
                try await eventually("the refusal") {
                    told.troubles(.service).contains { $0?.contains("does not accept the credentials") == true }
                }
                _ = try folder.write("second", to: "token")
                try await eventually("the new token") { try server.requests(.service, "watch").contains { $0.token == "Bearer second" } }
                #expect(told.services == ["a"])
            }
        }
    }

    @Test("What is not allowed names the verb and the resource; a kind that is not needed is done without")
    func forbidden() async throws {
        let script: [ObjectKind: Script] = [
            .endpointSlice: Script(list: [.status(403, "forbidden")]), .serviceRange: Script(list: [.status(404, "not found")]),
        ]
        try await ReplayServer.run(script) { server in
            try await watching(server) { told in
                try await eventually("both answers") {
                    told.changes.contains(.unavailable(.serviceRange)) && told.changes.contains(.unavailable(.endpointSlice))
                }
                #expect(told.troubles(.endpointSlice).first??.contains("not allowed to list endpointslices") == true)
                var table = ClusterTable(options: TranslationOptions(nodeName: "n1"))
                #expect(table.apply(told.changes) == nil && !table.isComplete)
            }
        }
    }

    @Test("The certificate of the server must be of the authority and have its name, or another that is given")
    func serverCertificate() async throws {
        try await ReplayServer.run([:], name: "DNS:api.example") { server in
            try await watching(server) { told in
                try await eventually("the refusal") { told.troubles(.service).first??.contains("is not accepted") == true }
            }
            try await watching(server) {
                $0.serverName = "api.example"
            } _: { told in
                try await eventually("a list") { told.services == [] }
                #expect(try server.requests(.service, "list").last?.host == "127.0.0.1:\(server.port)")
            }
            try await watching(server) {
                ($0.serverName, $0.authorities) = ("api.example", nil)
            } _: { told in
                try await eventually("the refusal") { told.troubles(.service).first??.contains("is not accepted") == true }
            }
            try await watching(server) {
                ($0.authorities, $0.acceptsAnyCertificate) = (nil, true)
            } _: { told in
                try await eventually("a list") { told.services == [] }
            }
        }
    }

    @Test("A client shows its certificate, from files or from texts")
    func clientCertificate() async throws {
        try await ReplayServer.run([:], asksClients: true) { server in
            let files = (
                certificate: APIServer.PEM.file(server.certificates.file("client")),
                key: APIServer.PEM.file(server.certificates.key("client"))
            )
            let texts = (
                certificate: APIServer.PEM.text(try readSmallFile(server.certificates.file("client"))),
                key: APIServer.PEM.text(try readSmallFile(server.certificates.key("client")))
            )
            for certificate in [files, texts] {
                try await watching(server) {
                    $0.certificate = certificate
                    $0.authorities = .text(try readSmallFile(server.certificates.file("authority")))
                } _: { told in
                    try await eventually("a list") { told.services == [] }
                }
            }
            #expect(try server.requests(.service, "list").map(\.client) == ["worker", "worker"])
            try await watching(server) { told in
                try await eventually("the refusal") { told.troubles(.service).first != nil }
                #expect(told.services == nil)
            }
        }
    }

    @Test("A server that is not there is tried again until it is cancelled")
    func unreachable() async throws {
        let told = Told()
        let nobody = try LoopbackSocket.bound()
        defer { withExtendedLifetime(nobody) {} }
        let port = nobody.port
        let source = try ClusterWatch.start(try APIServer(url: "https://127.0.0.1:\(port)"), nodeName: "n1", told.add)
        try await eventually("what is wrong") { ObjectKind.allCases.allSatisfy { told.troubles($0).count == 1 } }
        #expect(told.changes.isEmpty && told.troubles(.node).first??.contains("https://127.0.0.1:\(port): ") == true)
        source.cancel()
        #expect(try await onThread { source.join(within: .seconds(60)) })
    }
}
