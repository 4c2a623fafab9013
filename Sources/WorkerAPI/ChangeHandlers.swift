import Authorization
import HTTPServer
import JSON
import LBaaS
import Requests

// Changes of one load balancer.

extension APIHandlers {
    /// DELETE /v1/load-balancers/{id}.
    func delete(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, mayForce: true) {
            .delete($0)
        } done: {
            reply.send(HTTPResponse(status: 204))
        }
    }

    /// POST /v1/load-balancers/{id}/suspend.
    func suspend(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, mayForce: false) {
            .suspend($0)
        } done: { [self] in
            show(request, reply)
        }
    }

    /// POST /v1/load-balancers/{id}/enable.
    func enable(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, mayForce: false) {
            .enable($0)
        } done: { [self] in
            show(request, reply)
        }
    }

    /// Has a load balancer changed, or answers what that would do.
    private func change(
        _ request: HTTPRequest, _ reply: HTTPReply, mayForce: Bool, _ make: (Selection) -> WantedChange,
        done: @escaping @Sendable () -> Void
    ) {
        do throws(Refusal) {
            if mayForce { try request.allowQuery("dry_run", "force") } else { try request.allowQuery("dry_run") }
            let options = ChangeOptions(
                isDryRun: try request.boolean("dry_run"), isForced: try request.boolean("force"),
                expectedRevision: try request.expectedRevision())
            let change = make(.named([LoadBalancerID(request.parameter("id") ?? "")]))
            core.submit(.change(change, options), from: origin(of: request), within: Self.patience) { outcome in
                switch outcome {
                case .changed: done()
                case .planned(let steps): reply.send(.plan(steps))
                case .refused(let refusal): reply.send(.problem(refusal))
                default: reply.send(.problem(Refusal(.notFound, "the load balancer was deleted")))
                }
            }
        } catch {
            reply.send(.problem(error))
        }
    }
}

extension HTTPResponse {
    /// What a change would do.
    static func plan(_ steps: [String]) -> HTTPResponse {
        .json(JSONWriting.object(["plan": JSONWriting.list(steps.map(JSONWriting.string))]))
    }
}

extension HTTPRequest {
    /// Whether a parameter of the query is true; false where it is not there.
    fileprivate func boolean(_ name: String) throws(Refusal) -> Bool {
        switch query(name) {
        case nil, "false": return false
        case "true": return true
        case let text?: throw Refusal(.invalid, "the parameter \(name): '\(text.shortened)' is neither true nor false")
        }
    }

    /// The latest revision that `If-Match` allows; nil where it allows any.
    fileprivate func expectedRevision() throws(Refusal) -> UInt64? {
        let fields = headers.all("if-match")
        if fields.isEmpty || fields == ["*"] { return nil }
        var revisions: [UInt64] = []
        for tag in fields.joined(separator: ",").split(separator: ",").map({ $0.filter { $0 != " " && $0 != "\t" } }) {
            guard tag.hasSuffix("\""), tag.hasPrefix("\"") || tag.hasPrefix("W/\""), tag.utf8.count > 1 else {
                throw Refusal(.invalid, "If-Match: \(tag.shortened) is not an ETag, such as \"17\"")
            }
            // A weak one never matches, nor does one that this server does not make.
            if let revision = UInt64(tag.dropFirst().dropLast()) { revisions.append(revision) }
        }
        guard let latest = revisions.max() else { throw Refusal(.precondition, "If-Match: no ETag in it is one of this worker's") }
        return latest
    }
}
