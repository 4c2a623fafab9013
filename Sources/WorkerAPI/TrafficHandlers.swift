import Dispatch
import HTTPServer
import JSON
import LBaaS
import Requests

extension APIHandlers {
    /// The most load balancers of one request for their traffic.
    private static let mostCounted = 200

    /// GET /v1/traffic?id=A&id=B: what the appliance has sent for some load balancers.
    func traffic(_ request: HTTPRequest, _ reply: HTTPReply) {
        let ids = request.query.filter { $0.name == "id" }.map { LoadBalancerID($0.value) }
        guard ids.count == request.query.count, (1...Self.mostCounted).contains(ids.count), Set(ids).count == ids.count else {
            let sentence = "the query of \(request.route) names 1 to \(Self.mostCounted) load balancers, each once as id=ID"
            return _ = reply.send(.problem(Refusal(.invalid, sentence)))
        }
        counting.async { [worker] in
            let counters = worker.traffic(ids)
            let items = ids.compactMap { id in
                counters[id].map { counters in
                    JSONWriting.object([
                        "id": JSONWriting.string(id.text), "sent": String(counters.reduce(0) { $0 &+ $1.bytesOut }),
                    ])
                }
            }
            reply.send(.json(JSONWriting.object(["traffic": JSONWriting.list(items)])))
        }
    }
}
