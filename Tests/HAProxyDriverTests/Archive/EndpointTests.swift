import Foundation
import HostSystem
import LBaaS
import ObjectStores
import Synchronization
import TestSupport
import Testing

@testable import HAProxyDriver

private func order(_ endpoint: String) -> ArchiveOrder {
    ArchiveOrder(loadBalancer: "71", serviceProtocol: .http, basePath: "logs", endpoint: endpoint, token: "token")
}

@Suite("Where archives may go")
struct EndpointTests {
    @Test(
        "An address that the host has for itself, its links or groups is refused unless the configuration names it",
        arguments: [
            ("127.0.0.1", "a loopback address"), ("127.9.9.9", "a loopback address"), ("0.0.0.0", "an address of this host"),
            ("169.254.169.254", "a metadata service"), ("224.0.0.1", "multicast"), ("255.255.255.255", "broadcast"),
            ("::", "unspecified"), ("::1", "loopback"), ("fe80::1", "link-local"), ("febf::1", "link-local"), ("ff02::1", "multicast"),
            ("fd00:ec2::254", "metadata"), ("::ffff:127.0.0.1", "loopback"), ("::ffff:169.254.169.254", "metadata"),
            ("64:ff9b::7f00:1", "loopback"), ("::127.0.0.1", "loopback"),
        ])
    func special(address: String, meaning: String) throws {
        let address = try #require(IPAddress(address))
        #expect(ArchiveEndpoints.usual.refusal(of: address, port: 80)?.contains(meaning.split(separator: " ").last ?? "") == true)
        #expect(try ArchiveEndpoints(["\(address)"]).refusal(of: address, port: 80) == nil)
        #expect(try ArchiveEndpoints(["10.0.0.0/8"]).refusal(of: address, port: 80)?.contains("archive_endpoints") == true)
    }

    @Test(
        "Every other address is allowed", arguments: ["10.0.0.1", "8.8.8.8", "192.168.1.1", "fd00::1", "2001:db8::1", "64:ff9b::808:808"])
    func other(address: String) throws {
        #expect(ArchiveEndpoints.usual.refusal(of: try #require(IPAddress(address)), port: 80) == nil)
    }

    @Test("With a list only what it names is allowed, by name, address or network, each with a port or without")
    func listed() throws {
        let list = try ArchiveEndpoints(["Swift.example", "other.example:8080", "10.1.0.0/16", "[fd00::1]:443", "10.2.0.1:80", "fd01::/16"])
        #expect(list.allows(host: "swift.EXAMPLE", port: 1) && list.allows(host: "other.example", port: 8080))
        #expect(!list.allows(host: "other.example", port: 80) && !list.allows(host: "example", port: 1))
        #expect(
            list.allows(host: "10.1.2.3", port: 9) && list.allows(host: "[fd00::1]", port: 443) && !list.allows(host: "10.2.0.1", port: 81))
        func isAllowed(_ address: String, _ port: UInt16) throws -> Bool {
            list.refusal(of: try #require(IPAddress(address)), port: port) == nil
        }
        #expect(try isAllowed("10.1.255.255", 1) && isAllowed("::ffff:10.1.0.1", 1) && isAllowed("10.2.0.1", 80) && isAllowed("fd01::9", 7))
        #expect(try !isAllowed("10.2.0.1", 81) && !isAllowed("10.3.0.1", 80) && !isAllowed("fd00::1", 80) && !isAllowed("8.8.8.8", 80))
        #expect(try ArchiveEndpoints([]).refusal(of: .v4(0x0808_0808), port: 80) != nil)
    }

    @Test(
        "What is no entry is refused",
        arguments: ["10.0.0.0/33", "10.0.0/8", "a b", "http://x", "x:0", "x:70000", "fd00::1/129", ":80", "", "ä.example"])
    func malformed(text: String) { #expect(throws: ArchiveEndpoints.NotAnEndpoint.self) { try ArchiveEndpoints([text]) } }

    @Test(
        "Nothing is sent to a service on loopback, however the job writes it",
        arguments: ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
    func loopback(host: String) async throws {
        let store = try StubStore { _ in .answer(201) }
        let shelf = try Shelf()
        try await store.serving {
            try shelf.write("kept", of: "a")
            let archive = Archive(of: shelf.collector, to: .usual, log: shelf.told.log)
            let endpoint = store.endpoint.replacing("127.0.0.1", with: host)
            let message = try await onThread { refusal { () throws(DriverError) in try archive.store(order(endpoint), frontend: "a") } }
            #expect(
                message?.contains("hpcs_object_store_endpoint") == true && message?.contains("archive_endpoints") == true,
                "\(message ?? "-")")
            #expect(store.requests.isEmpty)
        }
    }

    /// What a store answers, for ever.
    enum Answer: CaseIterable { case silence, headers, body, blanks }

    @Test("An answer without an end does not hold an archive up", arguments: Answer.allCases)
    func endless(_ answer: Answer) async throws {
        let listener = try LoopbackSocket.bound(listens: true)
        defer { listener.shut() }
        Thread.detachNewThread {
            while let connection = listener.accepted() {
                Thread.detachNewThread { try? Self.serve(connection, answer) }
            }
        }
        let shelf = try Shelf()
        try shelf.write("kept", of: "a")
        var patience = Patience()
        patience.answer = .seconds(1)
        let archive = Archive(of: shelf.collector, to: .loopback, log: shelf.told.log, patience: patience)
        let order = order("http://127.0.0.1:\(listener.port)/v1/AUTH_test")
        let message = try await onThread { refusal { () throws(DriverError) in try archive.store(order, frontend: "a") } }
        let words = answer == .headers || answer == .body ? "its answer has more than 65536 bytes" : "it took more than 1 s to answer"
        #expect(message?.contains(words) == true && message?.contains("The log is kept") == true, "\(message ?? "-")")
        #expect(shelf.collector.seal("a").count == 1)
    }

    private static func serve(_ connection: LoopbackSocket, _ answer: Answer) throws {
        while try connection.line() != "\r" {}
        switch answer {
        case .silence: _ = try connection.rest()
        case .headers:
            try connection.send("HTTP/1.1 201 Created\r\n")
            while true { try connection.send("X-Filler: \(String(repeating: "x", count: 900))\r\n") }
        case .body:
            try connection.send("HTTP/1.1 201 Created\r\n\r\n")
            while true { try connection.send(String(repeating: "x", count: 1000)) }
        case .blanks:
            try connection.send("HTTP/1.1 201 Created\r\n\r\n")
            // One at a time, until the client has gone.
            while poll([connection.descriptor: POLLIN], until: Deadline(in: .milliseconds(50)))[0] == 0 { try connection.send(" ") }
        }
    }
}
