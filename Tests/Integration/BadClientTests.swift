import Foundation
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What a running worker makes of clients that misuse their connections.
    @Suite struct BadClients {
        /// Waits until the worker answers by TCP, from another address than the tests', and over its socket, both within a second. A machine
        /// that is busy may take longer for a client at times.
        private func expectAnswers(_ api: APIClient) async throws {
            try await eventually("an answer within a second") {
                let start = ContinuousClock.now
                let overTCP = try await onThread { [port = api.port] in try HTTPTestClient(port, source: 99).get("/healthz").status }
                let overSocket = try await api.curl("/healthz").status
                #expect(overTCP == 200 && overSocket == 200)
                return .now - start < .seconds(1)
            }
        }

        @Test func aRequestThatCouldBeReadInTwoWaysIsRefusedAndNoneIsSmuggledBehindIt() async throws {
            try await withAPI { _, _, api, worker in
                #expect(try await api.send("PUT", "/v1/load-balancers/shop", loadBalancer("shop")).status == 200)
                let before = try await api.get("/v1/status")
                // What would be done if the rest were taken for a request of its own.
                let inner = "DELETE /v1/load-balancers/shop HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer work\r\n\r\n"
                let head =
                    "PUT /v1/load-balancers/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer work\r\nContent-Type: application/json\r\n"
                let smuggling = [
                    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                    "Content-Length: 0\r\nContent-Length: \(inner.utf8.count)\r\n\r\n",
                    "Content-Length: 0, \(inner.utf8.count)\r\n\r\n", "Content-Length : \(inner.utf8.count)\r\n\r\n",
                    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "X: a\r\n Content-Length: 3\r\n\r\n",
                    "X: a\rContent-Length: 3\r\n\r\n",
                    "X: a\r\r\nContent-Length: 0\r\n\r\n", "X: a\nContent-Length: 0\r\n\r\n", "X: a\r\n\n", "Content-Length: 0x0\r\n\r\n",
                ]
                let cases = MalformedRequest.all.map(\.request) + smuggling.map { head + $0 + inner }
                for text in cases {
                    let answer = try await onThread { [port = api.port] in
                        let client = try HTTPTestClient(port)
                        try client.send(text)
                        return try client.untilClosed()
                    }
                    #expect(
                        answer.hasPrefix("HTTP/1.1 4") || answer.hasPrefix("HTTP/1.0 4") || answer.hasPrefix("HTTP/1.1 501"),
                        "\(text.prefix(200)): \(answer.prefix(200))")
                    #expect(!answer.contains("HTTP/1.1 2"), "\(text.prefix(200))")
                }
                let after = try await api.get("/v1/status")
                #expect(after["revision"] == before["revision"] && after["load_balancers"] == 1)
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test func clientsThatSendAByteASecondAreEndedWhileOthersAreServed() async throws {
            try await withAPI { _, _, api, _ in
                let head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer work\r\nContent-Type: application/json\r\n"
                let slow = [
                    ("GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "a"), ("", "G"), ("\(head)Content-Length: 60000\r\n\r\n", " "),
                    ("\(head)Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
                ]
                let start = ContinuousClock.now
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (beginning, rest) in slow {
                        group.addTask { [port = api.port] in
                            try await onThread {
                                let client = try HTTPTestClient(port)
                                try client.send(beginning)
                                try client.trickle(rest, each: 1000)
                            }
                        }
                    }
                    for _ in 0..<5 { try await expectAnswers(api) }
                    try await group.waitForAll()
                }
                // The limit of docs/api.md, with room for a busy machine.
                #expect((.seconds(9)...(.seconds(30))).contains(ContinuousClock.now - start))
                try await expectAnswers(api)
            }
        }

        @Test func fiveHundredIdleConnectionsKeepNobodyOut() async throws {
            try await withAPI { _, _, api, _ in
                let held = try await onThread { [port = api.port, socket = api.socket] in
                    let byTCP = try (0..<500).map { try LoopbackSocket.connected(to: port, source: UInt8(1 + $0 / 100)) }
                    return try byTCP + (0..<500).map { _ in try LoopbackSocket.connected(toPath: socket) }
                }
                try await expectAnswers(api)
                // One address may have 128 connections: more are closed.
                try await onThread { [port = api.port] in
                    let others = try (0..<128).map { _ in try HTTPTestClient(port, source: 50) }
                    #expect(try others[127].get("/healthz").status == 200)
                    #expect(try HTTPTestClient(port, source: 50).untilClosed() == "")
                }
                try await expectAnswers(api)
                withExtendedLifetime(held) {}
            }
        }

        @Test func ofTwoWritersAtOnceWithTheSameTagOneIsRefused() async throws {
            try await withAPI { _, _, api, _ in
                #expect(try await api.send("PUT", "/v1/load-balancers/shop", loadBalancer("shop")).status == 200)
                for round in 0..<5 {
                    let match = "If-Match: \"\(try await api.get("/v1/status")["revision"])\""
                    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                        for writer in 0..<2 {
                            group.addTask {
                                let weight: JSON = ["weight": .number(Double(2 + 2 * round + writer))]
                                return try await api.send("PATCH", "/v1/load-balancers/shop/nodes/shop-0", weight, match).status
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(statuses.sorted() == [200, 412])
                }
            }
        }
    }
}
