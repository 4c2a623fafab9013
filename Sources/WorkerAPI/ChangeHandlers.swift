import Authorization
import HTTPServer
import JSON
import LBaaS
import Requests

// Changes of one load balancer.

extension APIHandlers {
    /// DELETE /v1/load-balancers/{id}.
    func delete(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, .delete(named(by: request)), mayForce: true) {
            reply.send(HTTPResponse(status: 204))
        }
    }

    /// POST /v1/load-balancers/{id}/suspend.
    func suspend(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, .suspend(named(by: request))) { [self] in
            show(request, reply)
        }
    }

    /// POST /v1/load-balancers/{id}/enable.
    func enable(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, .enable(named(by: request))) { [self] in
            show(request, reply)
        }
    }

    private func named(by request: HTTPRequest) -> Selection { .named([id(in: request)]) }

    func id(in request: HTTPRequest) -> LoadBalancerID { LoadBalancerID(request.parameter("id") ?? "") }

    /// PUT /v1/load-balancers/{id}: CREATE of one load balancer.
    func put(_ request: HTTPRequest, _ reply: HTTPReply) {
        work(on: request.body.count) { [self] in
            do throws(Refusal) {
                change(request, reply, .create([try loadBalancer(in: request)])) { [self] in show(request, reply) }
            } catch {
                reply.send(.problem(error))
            }
        }
    }

    /// The load balancer in a body, which has the identity of the path or none. It is read as a job is, for the same refusals.
    private func loadBalancer(in request: HTTPRequest) throws(Refusal) -> LoadBalancer {
        let id = id(in: request)
        let identity = try hasID(request.body) ? "" : "\"id\": \(JSONWriting.string(id.text))"
        // It is one object, so nothing in it ends the job around it.
        let rest = request.body.drop { $0 != UInt8(ascii: "{") }.dropFirst()
        let isEmpty = rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "}")
        let job = jobs.read(
            Array("{\"hpcs_action\": \"CREATE\", \"loadBalancers\": [{\(identity)\(identity.isEmpty || isEmpty ? "" : ", ")".utf8) + rest
                + Array("]}".utf8), from: origin(of: request).name)
        guard case .change(.create(let read), _)? = job.request, let loadBalancer = read.first else {
            throw Refusal(.invalid, job.answer(nil).error ?? "it is no load balancer")
        }
        if loadBalancer.id != id {
            throw Refusal(.invalid, "loadBalancers[0].id: \(quoted(loadBalancer.id.text)) is not the id of the path, \(quoted(id.text))")
        }
        return loadBalancer
    }

    /// Whether an object has an id.
    ///
    /// - Throws: where the body is not one object of JSON.
    private func hasID(_ body: [UInt8]) throws(Refusal) -> Bool {
        try readObject(body) { object in object.members.contains { $0.name.equals("id") } }
    }

    /// Reads a body that is one object of JSON.
    ///
    /// - Throws: where it is not.
    func readObject<Value>(_ body: [UInt8], _ read: (JSONValue) -> Value) throws(Refusal) -> Value {
        guard let tokenizer = JSONTokenizer() else { throw Refusal(.busy, "the worker is out of memory; send it again later") }
        let found: Value?
        do throws(JSONTextError) {
            found = try unsafe tokenizer.withDocument(body.span.bytes) { document in
                document.root.isObject ? read(document.root) : nil
            }
        } catch {
            throw Refusal(.invalid, "the body is not a JSON object: \(error.reason)")
        }
        guard let found else { throw Refusal(.invalid, "the body is not a JSON object: it is an array") }
        return found
    }

    /// Has a load balancer changed, or answers what that would do.
    private func change(
        _ request: HTTPRequest, _ reply: HTTPReply, _ change: WantedChange, mayForce: Bool = false, done: @escaping @Sendable () -> Void
    ) {
        do throws(Refusal) {
            if mayForce { try request.allowQuery("dry_run", "force") } else { try request.allowQuery("dry_run") }
            let options = ChangeOptions(
                isDryRun: try request.boolean("dry_run"), isForced: try request.boolean("force"),
                expectedRevision: try request.expectedRevision())
            core.submit(.change(change, options), from: origin(of: request), within: Self.patience) { [self] outcome in
                answer(outcome, to: reply, done: done)
            }
        } catch {
            reply.send(.problem(error))
        }
    }

    /// Answers with what became of a change.
    func answer(_ outcome: Outcome, to reply: HTTPReply, done: () -> Void) {
        switch outcome {
        case .changed: done()
        case .planned(let steps): reply.send(.plan(steps))
        case .refused(let refusal): reply.send(.problem(refusal))
        default: reply.send(.problem(Refusal(.notFound, "the load balancer was deleted")))
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
    func boolean(_ name: String) throws(Refusal) -> Bool {
        switch query(name) {
        case nil, "false": return false
        case "true": return true
        case let text?: throw Refusal(.invalid, "the parameter \(name): '\(text.shortened)' is neither true nor false")
        }
    }

    /// The latest revision that `If-Match` allows; nil where it allows any.
    func expectedRevision() throws(Refusal) -> UInt64? {
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
