import Authorization
import Dashboard
import Foundation
import HTTPServer
import LBaaS
import TestSupport
import Testing

@testable import WorkerAPI

/// The document that describes the API, and the routing table.
@Suite struct OpenAPITests {
    private struct Operation: Hashable {
        let method: String
        let path: String
        let role: String?
        /// The names of the parameters in the path.
        let names: Set<String>
        let query: Set<String>
        let hasBody: Bool
    }

    private typealias Object = [String: Any]

    private static func operations() throws -> Set<Operation> {
        let document = try #require(try JSONSerialization.jsonObject(with: Data(OpenAPI.text.utf8)) as? Object)
        let components = try #require(document["components"] as? Object)
        let shared = try #require(components["parameters"] as? [String: Object])
        func parameters(_ item: Object) -> [Object] {
            (item["parameters"] as? [Object] ?? []).map { parameter in
                (parameter["$ref"] as? String).flatMap { shared[$0.split(separator: "/").last.map(String.init) ?? ""] } ?? parameter
            }
        }
        func names(_ all: [Object], _ place: String) -> Set<String> {
            Set(all.filter { $0["in"] as? String == place }.compactMap { $0["name"] as? String })
        }
        var operations: Set<Operation> = []
        for (path, item) in try #require(document["paths"] as? [String: Object]) {
            for (method, value) in item where method != "parameters" {
                let operation = try #require(value as? Object)
                let all = parameters(item) + parameters(operation)
                operations.insert(
                    Operation(
                        method: method.uppercased(), path: path, role: operation["x-role"] as? String, names: names(all, "path"),
                        query: names(all, "query"), hasBody: operation["requestBody"] != nil))
            }
        }
        return operations
    }

    private let api: TestAPI

    init() throws {
        api = try TestAPI()
        api.core.hold([item("a", NodeStatus(id: "n", isUp: true))])
    }

    @Test func theDocumentHasTheRoutesOfTheTableAndNoOthersWithTheirRolesAndParameters() throws {
        let routes = api.intake.routes(to: api.core)
        let files = Set(Dashboard.files.map(\.path))
        let table = routes.table.all.filter { !files.contains($0.pattern) }
        let documented = try Self.operations()
        #expect(Set(table.map { "\($0.method.rawValue) \($0.pattern)" }) == Set(documented.map { "\($0.method) \($0.path)" }))
        for operation in documented {
            let method = try #require(HTTPMethod(rawValue: operation.method))
            #expect(operation.role == routes.role(method, operation.path)?.rawValue, "\(operation.method) \(operation.path)")
            let names = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            #expect(operation.names == Set(names))
        }
    }

    @Test func aRouteTakesTheParametersAndTheBodyOfTheDocumentAndNoOthers() throws {
        for operation in try Self.operations() where operation.role != nil && operation.path != "/v1/events" {
            let path = operation.path.replacingOccurrences(of: "{id}", with: "a").replacingOccurrences(of: "{node}", with: "n")
            let body = operation.hasBody ? "{\"weight\": 1}" : nil
            let response = try api.ask(operation.method, "\(path)?zzz=1", body)
            let all = operation.query.isEmpty ? "it has none" : "its parameters are "
            #expect(response.status == 400 && response.body.contains("'zzz' is no parameter of \(operation.path); \(all)"), "\(operation)")
            for name in operation.query { #expect(response.body.contains(name), "\(operation)") }
            if operation.hasBody {
                #expect(try api.ask(operation.method, path, "x", type: "text/plain").status == 415, "\(operation)")
            }
        }
    }

    @Test func theDocumentIsServedToAnybody() throws {
        let response = try api.ask("GET", "/openapi.json", as: nil)
        #expect(response.status == 200 && response.headers["content-type"] == "application/json" && response.body == OpenAPI.text)
    }
}
