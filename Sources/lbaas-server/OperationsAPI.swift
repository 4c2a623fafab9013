import FleetStore
import HTTPServer
import HostSystem
import JSON
import LBaaS
import Metrics

/// What those ask who run the server: whether it lives, whether it can do its work, and what it measures. They need no token.
struct OperationsAPI: Sendable {
    let parts: FleetParts

    /// How long the store may take to answer.
    private static let limit = Duration.seconds(2)

    func add(to routes: inout HTTPRoutes) {
        routes.add(.get, "/healthz") { _ in HTTPResponse(type: "application/json", "{\"status\": \"OK\"}\n") }
        routes.add(.get, "/readyz", late: late(readiness))
        routes.add(.get, "/metrics", late: late { HTTPResponse(type: MetricsText.type, parts.registry.write()) })
    }

    private func late(_ answer: @escaping @Sendable () -> HTTPResponse) -> HTTPRoutes.LateHandler {
        { [work = parts.work] _, reply in
            if work.add({ if reply.isWanted { reply.send(answer()) } }) { return }
            reply.send(.problem(503, "too many requests wait: try again in a second", headers: [("Retry-After", "1")]))
        }
    }

    private func readiness() -> HTTPResponse {
        var reasons: [String] = []
        do throws(FleetStoreError) {
            // It need not be there: the store has answered.
            _ = try parts.store.get("fleet/id", within: Self.limit)
        } catch {
            reasons.append(error.message)
        }
        let text = JSONWriting.object([
            "ready": "\(reasons.isEmpty)", "reasons": JSONWriting.list(reasons.map { JSONWriting.string($0) }),
        ])
        return HTTPResponse(status: reasons.isEmpty ? 200 : 503, type: "application/json", text + "\n")
    }
}
