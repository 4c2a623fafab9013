import HTTPServer
import JSON
import LBaaS
import Requests

extension APIHandlers {
    /// GET /v1/why/{id} and GET /v1/why/{id}/{node}.
    func why(_ request: HTTPRequest, _ reply: HTTPReply) {
        do throws(Refusal) {
            try request.allowQuery()
            let id = id(in: request)
            let node = request.parameter("node").map { NodeID($0) }
            core.explain(id, node: node) { result in
                switch result {
                case .success(let explanation):
                    reply.send(.json(explanation.text(of: id, node: node), revision: explanation.revision))
                case .failure(let refusal): reply.send(.problem(refusal))
                }
            }
        } catch {
            reply.send(.problem(error))
        }
    }
}

extension Explanation {
    /// The explanation as an object.
    func text(of id: LoadBalancerID, node: NodeID?) -> String {
        JSONWriting.object([
            "id": JSONWriting.string(id.text), "node": node.map { JSONWriting.string($0.text) }, "summary": JSONWriting.string(summary),
            "why": JSONWriting.list(steps.map(\.text)), "differs": JSONWriting.list(deviations.map(JSONWriting.string)),
        ])
    }
}

extension Explanation.Step {
    fileprivate var text: String {
        JSONWriting.object([
            "step": JSONWriting.string(cause.rawValue), "time": statement.timeText, "what": JSONWriting.string(statement.what),
            "details": JSONWriting.list(
                details.map { JSONWriting.object(["time": $0.timeText, "what": JSONWriting.string($0.what)]) }),
        ])
    }
}

extension Explanation.Statement {
    fileprivate var timeText: String { time.map { JSONWriting.string($0.text) } ?? "null" }
}
