import Foundation
import LBaaS
import ObjectStores
import TestSupport
import Testing

@testable import HAProxyDriver

/// A token that is in no message.
private let token = "gAAAAsecret-token"

private func order(_ endpoint: String, id: String = "71", basePath: String = "logs", token: String = token) -> ArchiveOrder {
    ArchiveOrder(loadBalancer: LoadBalancerID(id), serviceProtocol: .http, basePath: basePath, endpoint: endpoint, token: token)
}

extension Shelf {
    /// What archives.
    func archive(patience: Patience = Patience()) -> Archive {
        Archive(of: collector, to: .loopback, log: told.log, patience: patience, now: { Timestamp(microseconds: 1_389_280_305_704_754) })
    }

    /// Archives; what is said where that fails.
    func archive(_ order: ArchiveOrder, by archive: Archive? = nil) async throws -> String? {
        let archive = archive ?? self.archive()
        return try await onThread { refusal { () throws(DriverError) in try archive.store(order, frontend: "a") } }
    }
}

@Suite("Archives")
struct ArchiveTests {
    @Test("The container is made, then the log is stored gzipped with token and fingerprint, and goes from the disk")
    func stored() async throws {
        let store = try StubStore { _ in .answer(201) }
        let shelf = try Shelf()
        try await store.serving {
            try shelf.write("one", of: "a")
            try shelf.write("two", of: "a")
            #expect(try await shelf.archive(order(store.endpoint, id: "a/b")) == nil)
            let requests = store.requests
            try #require(requests.count == 2)
            #expect(requests[0].method == "PUT" && requests[0].path == "/v1/AUTH_test/logs" && requests[0].body.isEmpty)
            #expect(requests[1].method == "PUT")
            #expect(requests[1].path == "/v1/AUTH_test/logs/a%252Fb/haproxy-20140109T151145.704755Z.log.gz")
            #expect(requests.allSatisfy { $0.headers["x-auth-token"] == token })
            #expect(requests[1].headers["content-type"] == "application/gzip")
            #expect(requests[1].headers["content-length"] == String(requests[1].body.count))
            let fingerprint = try await output(of: "/usr/bin/md5sum", [], on: requests[1].body).prefix(32)
            #expect(requests[1].headers["etag"] == String(fingerprint))
            #expect(messagesOfLog(try await gunzipped(requests[1].body)) == ["one", "two"])
            #expect(try shelf.messages(of: "a").isEmpty)
            #expect(shelf.told.lines.contains { $0.hasPrefix("info log archived") })
        }
    }

    @Test("What comes after an archive is in the next, and an archive of nothing is an object without lines")
    func twice() async throws {
        let store = try StubStore { _ in .answer(202) }
        let shelf = try Shelf()
        try await store.serving {
            for message in ["one", nil, "two"] {
                if let message { try shelf.write(message, of: "a") }
                #expect(try await shelf.archive(order(store.endpoint)) == nil)
            }
            var texts: [String] = []
            for object in store.objects { texts.append(try await gunzipped(object.body)) }
            #expect(texts.map(messagesOfLog) == [["one"], [], ["two"]])
        }
    }

    @Test("A log of many megabytes arrives whole, over a connection that asks before it sends")
    func large() async throws {
        let store = try StubStore { _ in .answer(201) }
        let shelf = try Shelf()
        var generator = SeededGenerator(seed: 3)
        try await store.serving {
            var sent: [String] = []
            for _ in 1...3000 {
                let message = (0..<60).map { _ in String(generator.next(), radix: 36) }.joined()
                sent.append(message)
                try shelf.write(message, of: "a")
                if sent.count % 500 == 0 { _ = shelf.collector.sealed(of: "a"); _ = shelf.collector.seal("none") }
            }
            #expect(try await shelf.archive(order(store.endpoint)) == nil)
            let object = try #require(store.objects.first)
            #expect(object.headers["expect"] == "100-continue" && object.body.count > 1 << 20)
            let arrived = messagesOfLog(try await gunzipped(object.body))
            #expect(arrived == sent)
        }
    }

    @Test(
        "An answer that is no success is told in words, and the log is kept",
        arguments: [
            (301, "redirects are not followed"), (307, "redirects are not followed"), (401, "the token was refused"),
            (403, "may not write there"), (404, "no such account"), (413, "no room"), (422, "other bytes"), (429, "too many requests"),
            (500, "has a fault"), (503, "has a fault"), (507, "no room"), (418, "no answer of an object store"),
        ])
    func refused(status: Int, words: String) async throws {
        let elsewhere = try StubStore { _ in .answer(201) }
        let location = "Location: \(elsewhere.endpoint)\r\n"
        let store = try StubStore { $0.hasSuffix(".gz") ? .answer(status, location) : .answer(202) }
        let shelf = try Shelf()
        try await elsewhere.serving {
            try await store.serving {
                try shelf.write("one", of: "a")
                let message = try #require(try await shelf.archive(order(store.endpoint)))
                #expect(message.contains(words) && message.contains(" \(status): ") && message.contains("The log is kept"))
                #expect(message.contains(store.endpoint) && message.contains("logs/71/haproxy-"))
                #expect(try shelf.messages(of: "a") == ["one"])
                #expect(!(shelf.told.lines + [message]).contains { $0.contains(token) })
            }
        }
        #expect(elsewhere.requests.isEmpty)
    }

    @Test(
        "A container that cannot be made is told, and no log is sent", arguments: [401, 403, 404, 500])
    func refusedContainer(status: Int) async throws {
        let store = try StubStore { _ in .answer(status) }
        let shelf = try Shelf()
        try await store.serving {
            try shelf.write("one", of: "a")
            let message = try #require(try await shelf.archive(order(store.endpoint)))
            #expect(message.contains("'logs' in the object store at \(store.endpoint)") && message.contains(" \(status): "))
            #expect(store.requests.count == 1)
        }
    }

    @Test(
        "A store that breaks off, is silent or stalls fails the archive in time",
        arguments: [
            (.close, 20), (.silence, 60), (.stall, 60), (.refuse(401), 20), (.trickle, 4), (.nonsense, 20),
        ] as [(StubStore.Behaviour, Int)])
    func broken(behaviour: StubStore.Behaviour, seconds: Int) async throws {
        let store = try StubStore { $0.hasSuffix(".gz") ? behaviour : .answer(202) }
        let shelf = try Shelf()
        try await store.serving {
            try shelf.write(String(repeating: "x", count: 4000), of: "a")
            let patience = Patience(silence: .seconds(2), archive: .seconds(seconds))
            let archive = shelf.archive(patience: patience)
            let order = order(store.endpoint)
            // Measured on its thread: where the machine is busy this one may come late.
            let (message, time) = try await onThread {
                let start = ContinuousClock.now
                let message = refusal { () throws(DriverError) in try archive.store(order, frontend: "a") }
                return (try #require(message), start.duration(to: .now))
            }
            #expect(message.contains("The log is kept") && !message.contains(token))
            #expect(time < .seconds(20))
            _ = shelf.collector.seal("none")
            #expect(try shelf.messages(of: "a").count == 1)
        }
    }

    @Test("A store that closes after each answer gets the log all the same, over another connection")
    func newConnection() async throws {
        let store = try StubStore { _ in .abandon(201) }
        let shelf = try Shelf()
        try await store.serving {
            for number in 1...10 {
                try shelf.write("\(number)", of: "a")
                #expect(try await shelf.archive(order(store.endpoint)) == nil)
            }
            #expect(store.objects.count == 10)
            #expect(try shelf.messages(of: "a").isEmpty)
        }
    }

    @Test("Where nobody listens, that is told")
    func nobody() async throws {
        let shelf = try Shelf()
        let endpoint = "http://127.0.0.1:\(try freePort())/v1/AUTH_test"
        let message = try #require(try await shelf.archive(order(endpoint)))
        #expect(message.hasPrefix("no answer to storing 'logs' in the object store at \(endpoint): Failed to connect"))
    }

    @Test(
        "An order that can be none is refused before anything is sent",
        arguments: [
            (order("ftp://127.0.0.1/"), "hpcs_object_store_endpoint"),
            (order("http://u:\(token)@127.0.0.1/"), "hpcs_object_store_endpoint"),
            (order("http://127.0.0.1:1/v1", basePath: "../x"), "hpcs_object_store_basepath: '../x'"),
            (order("http://127.0.0.1:1/v1", token: "a\r\nX-Other: b"), "hpcs_object_store_token"),
            (order("http://127.0.0.1:1/v1", token: ""), "hpcs_object_store_token"),
        ])
    func impossible(order: ArchiveOrder, words: String) async throws {
        let message = try #require(try await Shelf().archive(order))
        #expect(message.hasPrefix(words) && !message.contains(token) && !message.contains("X-Other"))
    }
}

@Suite("No line is lost and none is there twice")
struct ArchiveOnceTests {
    /// The lines of the objects that a store has in the end.
    private func lines(of store: StubStore) async throws -> [String] {
        var objects: [String: [UInt8]] = [:]
        for request in store.objects { objects[request.path] = request.body }
        var lines: [String] = []
        for (_, body) in objects.sorted(by: { $0.key < $1.key }) { lines += messagesOfLog(try await gunzipped(body)) }
        return lines
    }

    @Test("An object that was taken, and whose answer was lost, is replaced by itself")
    func lostAnswer() async throws {
        let store = try StubStore { $0.hasSuffix(".gz") ? .close : .answer(202) }
        let shelf = try Shelf()
        try await store.serving {
            for message in ["one", "two", "three"] {
                try shelf.write(message, of: "a")
                #expect(try await shelf.archive(order(store.endpoint)) != nil)
            }
        }
        #expect(try await lines(of: store).first == "one")
        let good = try StubStore { _ in .answer(201) }
        let failure = try await good.serving { try await shelf.archive(order(good.endpoint)) }
        #expect(failure == nil)
        #expect(good.objects.count == 2, "what failed stays one object, however often it failed")
        #expect(good.objects.first?.path == store.objects.first?.path && good.objects.first?.body == store.objects.first?.body)
        #expect(try await lines(of: good) == ["one", "two", "three"])
        #expect(try shelf.messages(of: "a").isEmpty)
    }

    @Test("Archives at once, and lines that come meanwhile: each line is in one object")
    func together() async throws {
        let store = try StubStore { _ in .answer(201) }
        let shelf = try Shelf(limit: 1 << 20)
        let archive = shelf.archive()
        try shelf.collector.start()
        defer { shelf.collector.stop() }
        try await store.serving {
            try await withThrowingTaskGroup { group in
                for _ in 1...4 {
                    group.addTask {
                        for _ in 1...5 {
                            let failure = try await shelf.archive(order(store.endpoint), by: archive)
                            #expect(failure == nil)
                        }
                    }
                }
                group.addTask {
                    for number in 0..<2000 {
                        try shelf.write("\(number)", of: "a")
                        if number % 50 == 0 { await Task.yield() }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await shelf.archive(order(store.endpoint), by: archive) == nil)
        }
        let withLines = store.objects.filter { $0.body.count > 20 }.map(\.path)
        #expect(Set(withLines).count == withLines.count)
        let numbers = try await lines(of: store).map { Int($0) }
        #expect(numbers == Array(0..<2000))
    }
}

@Suite("TLS to a store")
struct ArchiveTLSTests {
    @Test("A store whose certificate nobody vouches for gets no token")
    func unknownAuthority() async throws {
        let folder = try TemporaryFolder()
        let port = try freePort()
        let make = try ChildProcess(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
            ],
            folder: folder.path, output: folder.file("out"), errors: folder.file("out"))
        #expect(try await make.end() == .exit(0))
        let server = try ChildProcess(
            "openssl", ["s_server", "-accept", "127.0.0.1:\(port)", "-key", "key", "-cert", "cert", "-www"],
            folder: folder.path, output: folder.file("served"), errors: folder.file("errors"))
        do {
            try await eventually("the server") { (try? LoopbackSocket.connected(to: port)) != nil }
            let message = try #require(try await Shelf().archive(order("https://127.0.0.1:\(port)/v1/AUTH_test")))
            #expect(message.contains("SSL certificate problem"))
        } catch {
            await server.destroy()
            throw error
        }
        await server.destroy()
    }
}
