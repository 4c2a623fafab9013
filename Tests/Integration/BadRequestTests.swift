import Foundation
import TestSupport
import Testing
import WorkerHarness

/// What the description of the API has at a path, and what is sent there.
private struct Route: Sendable, CustomStringConvertible {
    let method: String
    let path: String
    let hasBody: Bool

    var description: String { "\(method) \(path)" }
    /// Whether it is one of the virtual IPs, whose refusals are LINK's.
    var isOfAddresses: Bool { path.hasPrefix("/ips") }

    /// The routes of a running worker that are not for anybody, but the stream of events.
    static func all(_ api: APIClient) async throws -> [Route] {
        guard case .object(let paths) = try await api.get("/openapi.json")["paths"] else { throw Failure("there are no paths") }
        return paths.flatMap { path, item -> [Route] in
            let isOfAddresses = path.hasPrefix("/ips")
            guard case .object(let members) = item, isOfAddresses || path.hasPrefix("/v1/"), path != "/v1/events" else { return [] }
            let place = path.replacingOccurrences(of: "{id}", with: isOfAddresses ? "vip-192.0.2.1" : "shop")
                .replacingOccurrences(of: "{node}", with: "shop-0")
            return members.keys.filter { $0 != "parameters" }.map { method in
                Route(method: method.uppercased(), path: place, hasBody: item[method]["requestBody"] != .null)
            }
        }.sorted { $0.description < $1.description }
    }

    /// Sends bytes to it as an operator, over a connection of its own.
    func send(
        _ port: UInt16, _ method: String? = nil, path: String? = nil, token: String = "work", type: String = "application/json",
        body: [UInt8]? = nil
    ) async throws -> HTTPTestClient.Response {
        let (method, path) = (method ?? self.method, path ?? self.path)
        return try await onThread {
            let client = try HTTPTestClient(port)
            try client.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n")
            guard let body else { return try client.ask("\r\n") }
            try client.send("Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n\r\n")
            // A server that refuses the head need not read the body.
            try? client.socket.send(body)
            return try client.response()
        }
    }

    /// Sends the beginning of a body, and closes the connection.
    func leave(_ port: UInt16) async throws {
        try await onThread {
            let head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer work\r\n"
            try HTTPTestClient(port).send("\(head)Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\": ")
        }
    }
}

extension RealServers {
    /// What every route of a running worker makes of requests that are none.
    @Suite struct BadRequests {
        private static let nested = [UInt8](repeating: UInt8(ascii: "["), count: 60_000)
        private static let bodies: [(name: String, bytes: [UInt8])] = [
            ("no JSON", Array("{\"weight\":".utf8)), ("nothing", []), ("an array", Array("[]".utf8)), ("text", Array("\"x\"".utf8)),
            ("deep nesting", nested), ("deep nesting of a member", Array("{\"nodes\": ".utf8) + nested),
            ("bad UTF-8", Array("{\"id\": \"".utf8) + [0xFF, 0xC0] + Array("\"}".utf8)),
            ("a member twice", Array("{\"weight\": 1, \"weight\": 2}".utf8)),
            ("an unknown member", Array("{\"zzz\": 1}".utf8)),
            (
                "wrong types",
                Array(
                    "{\"hpcs_action\": {}, \"nodes\": 3, \"port\": [], \"weight\": {}, \"protocol\": 1, \"ip\": 1, \"priority\": {}}".utf8)
            ),
        ]

        @Test func everyRouteRefusesWhatIsNoRequestAndTheWorkerGoesOn() async throws {
            try await withAPI { _, _, api, worker in
                let shop = loadBalancer("shop")
                #expect(try await api.send("PUT", "/v1/load-balancers/shop", shop).status == 200)
                let before = try await api.get("/v1/load-balancers")
                let routes = try await Route.all(api)
                #expect(routes.count >= 20 && routes.contains { $0.description == "PATCH /ips/vip-192.0.2.1" })
                for route in routes {
                    #expect(try await route.send(api.port, token: "guess", body: route.hasBody ? [] : nil).status == 401, "\(route)")
                    let wrong = try await route.send(api.port, "OPTIONS")
                    #expect(wrong.headers["allow"]?.contains(route.method) == true, "\(route)")
                    let allowed = try #require(wrong.headers["allow"])
                    for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] where !allowed.contains(method) {
                        let refused = try await route.send(api.port, method)
                        #expect(refused.status == 405 && refused.headers["allow"] == allowed, "\(method) \(route.path)")
                    }
                    if route.path.hasPrefix("/ips/") {
                        let missing = try await route.send(api.port, body: route.hasBody ? Array("{\"priority\": 7}".utf8) : nil)
                        #expect(missing.status == 404, "\(route): \(missing)")
                        #expect(missing.body == "{\"resource\": \"IP\", \"error\": \"not found\"}\n", "\(route): \(missing)")
                    }
                    if route.path.contains("shop") {
                        let missing = route.path.replacingOccurrences(of: "/shop", with: "/none")
                        let isMade = route.method == "PUT" && !route.path.contains("nodes")
                        let text = route.method == "PATCH" ? "{\"weight\": 1}" : "{\"address\": \"10.0.0.1\", \"port\": 1}"
                        let body = route.hasBody ? Array(text.utf8) : nil
                        #expect(try await route.send(api.port, path: missing, body: body).status == (isMade ? 400 : 404), "\(route)")
                    }
                    for path in ["\(route.path)?zzz=1", "\(route.path)?dry_run=maybe", "\(route.path)?%zz", "\(route.path)/%00"] {
                        let refused = try await route.send(api.port, path: path, body: route.hasBody ? Array("{}".utf8) : nil)
                        #expect(refused.status == 400, "\(route.method) \(path): \(refused)")
                    }
                    if !route.hasBody { continue }
                    try await route.leave(api.port)
                    #expect(try await route.send(api.port, type: "text/plain", body: Array("{}".utf8)).status == 415, "\(route)")
                    #expect(try await route.send(api.port, body: [UInt8](repeating: 0x20, count: 10_000_000)).status == 413, "\(route)")
                    for (name, bytes) in Self.bodies {
                        let refused = try await route.send(api.port, body: bytes)
                        if route.path == "/v1/jobs" {
                            #expect(refused.status == 200 && refused.body.contains("FAIL"), "\(route), \(name): \(refused)")
                        } else {
                            #expect(refused.status == 400, "\(route), \(name): \(refused)")
                            let type = route.isOfAddresses ? "application/json" : "application/problem+json"
                            #expect(refused.headers["content-type"] == type, "\(route), \(name)")
                        }
                    }
                }
                #expect(try await api.get("/v1/load-balancers") == before)
                #expect(try await api.get("/ips")["ips"] == [])
                for path in ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/events", "/dashboard/app.js"] {
                    let route = Route(method: "GET", path: path, hasBody: false)
                    for method in ["PUT", "POST", "PATCH", "DELETE"] {
                        let refused = try await route.send(api.port, method, body: Array("{}".utf8))
                        #expect(refused.status == 405 && refused.headers["allow"] == "GET, HEAD, OPTIONS", "\(method) \(path): \(refused)")
                    }
                    #expect(try await route.send(api.port, body: [UInt8](repeating: 0x20, count: 10_000_000)).status == 413, "\(path)")
                }
                #expect(try await worker.end() == .exit(0))
            }
        }
    }
}
