import LBaaS
import ObjectStores
import TestSupport
import Testing

@testable import HAProxyDriver

@Suite("Archives in OpenStack Swift")
struct OpenStackSwiftTests {
    private func order(_ swift: OpenStackSwift, id: String = "71", basePath: String = "logs", token: String) -> ArchiveOrder {
        ArchiveOrder(loadBalancer: LoadBalancerID(id), serviceProtocol: .http, basePath: basePath, endpoint: swift.endpoint, token: token)
    }

    /// One set of servers for all: they take two seconds to start.
    @Test("Swift's own servers take the log of a real haproxy, whatever its id, and refuse what they should")
    func archives() async throws {
        try await OpenStackSwift.run { swift in
            try await haproxyLog(swift)
            try await ids(swift)
            try await large(swift)
            try await refusals(swift)
        }
    }

    private func haproxyLog(_ swift: OpenStackSwift) async throws {
        let shelf = try Shelf()
        try await LoggingHAProxy.run(on: shelf, target: "fd@0") { haproxy in
            for number in 1...10 { try await haproxy.ask("a", "/\(number)") }
            try await eventually("all lines") {
                _ = shelf.collector.seal("none"); return try shelf.messages(of: "a").count >= 10
            }
        }
        let written = try shelf.messages(of: "a")
        let token = try await swift.token()
        let failure = try await shelf.archive(order(swift, token: token))
        #expect(failure == nil)
        let names = try await swift.objects(in: "logs")
        try #require(names.count == 1)
        #expect(names[0].wholeMatch(of: /71\/haproxy-\d{8}T\d{6}\.\d{6}Z\.log\.gz/) != nil)
        let object = try await swift.object(names[0], in: "logs")
        #expect(messagesOfLog(try await gunzipped(object.bytes)) == written)
        #expect(object.fingerprint == String(try await output(of: "/usr/bin/md5sum", [], on: object.bytes).prefix(32)))
        #expect(shelf.collector.seal("a").isEmpty)
    }

    private func ids(_ swift: OpenStackSwift) async throws {
        let token = try await swift.token()
        let ids = ["..", ".", "a/b", "a%2Fb", "é ü", "e\u{301}", "?#&;=+", "a\0b", "\r\nX-Evil: 1", "../../other/x", "\u{1F600}"]
        for id in ids {
            let shelf = try Shelf()
            try shelf.write("log of \(id.unicodeScalars.map(\.value))", of: "a")
            #expect(try await shelf.archive(order(swift, id: id, basePath: "of ids/é", token: token)) == nil, "\(id)")
        }
        let names = try await swift.objects(in: "of%20ids")
        #expect(names.count == ids.count)
        var logs: Set<String> = []
        for name in names {
            #expect(name.hasPrefix("é/") && name.utf8.count { $0 == UInt8(ascii: "/") } == 2)
            logs.formUnion(messagesOfLog(try await gunzipped(swift.object(name, in: "of%20ids").bytes)))
        }
        #expect(logs == Set(ids.map { "log of \($0.unicodeScalars.map(\.value))" }))
    }

    private func large(_ swift: OpenStackSwift) async throws {
        let shelf = try Shelf(limit: 8 << 20)
        var generator = SeededGenerator(seed: 11)
        var written: [String] = []
        for number in 0..<5000 {
            written.append("\(number) " + (0..<80).map { _ in String(generator.next(), radix: 36) }.joined())
            try shelf.write(written[number], of: "a")
            if number % 100 == 99 { _ = shelf.collector.seal("none") }
        }
        #expect(try await shelf.archive(order(swift, basePath: "large", token: swift.token())) == nil)
        var stored: [String] = []
        let names = try await swift.objects(in: "large")
        #expect(names.count > 1, "a part for each quarter of the limit")
        for name in names { stored += messagesOfLog(try await gunzipped(swift.object(name, in: "large").bytes)) }
        #expect(stored == written)
    }

    private func refusals(_ swift: OpenStackSwift) async throws {
        let shelf = try Shelf()
        try shelf.write("kept", of: "a")
        let token = try await swift.token()
        let stranger = try await swift.token(of: "test:nobody")
        let orders = [
            (order(swift, token: "AUTH_tkwrong"), "refused with 401"), (order(swift, token: stranger), "refused with 403"),
            (order(swift, basePath: String(repeating: "x", count: 300), token: token), "refused with 400"),
            (order(swift, id: String(repeating: "x", count: 2000), token: token), "refused with 400"),
        ]
        for (order, words) in orders {
            let message = try #require(try await shelf.archive(order))
            #expect(message.contains(words) && !message.contains(order.token), "\(message)")
        }
        #expect(try shelf.messages(of: "a") == ["kept"])

        let connection = try HTTPConnection.make()
        let status = try connection.put(
            swift.endpoint + "/logs/wrong", of: #require(ServerAddress(swift.endpoint)), allowed: .loopback,
            headers: ["X-Auth-Token: \(token)", "ETag: d41d8cd98f00b204e9800998ecf8427e"],
            body: GzipStream(nil), length: 20, patience: Patience(), deadline: .now + .seconds(20))
        #expect(status == 422, "other bytes than the fingerprint says")
        #expect(try await !swift.objects(in: "logs").contains("wrong"))
    }
}
