import FleetAuth
import FleetModel
import FleetStore
import FleetTestSupport
import HTTPServer
import HostSystem
import JSON
import TestSupport
import Testing

@testable import FleetFront

@Suite struct RouteTests {
    @Test("The description has the routes of the table, with their roles")
    func description() throws {
        let bench = try Bench()
        var routes = HTTPRoutes()
        bench.api.add(to: &routes)
        let bytes = Array(OpenAPI.text.utf8)
        let tokenizer = try #require(JSONTokenizer())
        let described = try tokenizer.withDocument(bytes.span.bytes) { document in
            var found: [String: String] = [:]
            for (path, item) in document.root.members.first(where: { $0.name.string == "paths" })?.value.members ?? document.root.members {
                for (method, operation) in item.members where method.string != "parameters" {
                    let role = operation.members.first { $0.name.string == "x-role" }?.value.string
                    found["\((method.string ?? "").uppercased()) \(path.string ?? "")"] = role ?? ""
                }
            }
            return found
        }
        let files = Set(FrontAPI.pageFiles)
        let served = routes.all.filter { !files.contains($0.pattern) }.map { "\($0.method.rawValue) \($0.pattern)" }
        #expect(Set(described.keys) == Set(served))
        for route in bench.api.calls {
            #expect(described["\(route.method.rawValue) \(route.pattern)"] == route.action.role.rawValue, "\(route.pattern)")
        }
    }

    @Test("Every route but the login and the description needs a token")
    func tokens() async throws {
        try await Bench.run { bench in
            for route in bench.api.calls {
                let path = route.pattern.replacing("{user}", with: "x").replacing("{id}", with: "x")
                let response = try bench.ask(route.method.rawValue, path, nil, route.hasBody ? "{}" : nil)
                #expect(response.status == 401, "\(route.method) \(path)")
                #expect(response.headers["content-type"] == "application/problem+json")
            }
            #expect(try bench.ask("GET", "/openapi.json", nil).status == 200)
            #expect(try bench.ask("PUT", "/v1/users", nil).status == 405)
        }
    }
}

/// A store that has no quorum.
private struct DeadStore: FleetStore {
    private var failure: FleetStoreError { FleetStoreError(.unavailable, "the store has no quorum") }

    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? { throw failure }
    func list(_ prefix: String, after key: String?, most: Int, within limit: Duration) throws(FleetStoreError) -> StorePage {
        throw failure
    }
    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int { throw failure }
    func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch { throw failure }
}

@Suite struct FaultTests {
    @Test("Without a quorum of the store everything is answered with 503 and a sentence")
    func store() async throws {
        try await onThread {
            var settings = Accounts.Settings()
            settings.difficulty = try #require(PasswordDifficulty(operations: 1, memory: 1))
            let work = try #require(WorkQueue(threads: 2, mostWaiting: 8))
            let cache = try FleetCache(DeadStore(), groups: [])
            let server = try Listening(FrontAPI(try Accounts(DeadStore(), settings), cache, work))
            let client = try HTTPTestClient(server.port)
            let answers = [
                try client.get("/v1/session", "X-Auth-Token: some\r\n"), try client.get("/v1/users", "X-Auth-Token: some\r\n"),
                try client.post("/v1/session", #"{"name": "ann", "password": "correct horse"}"#, type: "application/json"),
            ]
            for answer in answers {
                #expect(answer.status == 503 && answer.headers["retry-after"] == "1")
                #expect(try member(answer.body, "detail") == "the store has no quorum")
            }
        }
    }
}
