import Authorization
import HTTPServer
import JSON
import LBaaS
import Requests

// Changes of one load balancer.

extension APIHandlers {
    /// DELETE /v1/load-balancers/{id}.
    func delete(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, .delete(named(by: request)), at: nil) {
            reply.send(HTTPResponse(status: 204))
        }
    }

    /// POST /v1/load-balancers/{id}/suspend.
    func suspend(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, .suspend(named(by: request)), at: nil) { [self] in
            show(request, reply)
        }
    }

    /// POST /v1/load-balancers/{id}/enable.
    func enable(_ request: HTTPRequest, _ reply: HTTPReply) {
        change(request, reply, .enable(named(by: request)), at: nil) { [self] in
            show(request, reply)
        }
    }

    private func named(by request: HTTPRequest) -> Selection { .named([id(in: request)]) }

    func id(in request: HTTPRequest) -> LoadBalancerID { LoadBalancerID(request.parameter("id") ?? "") }

    /// The pointer to the one load balancer of a job.
    static let first = "/loadBalancers/0"

    /// PUT /v1/load-balancers/{id}: CREATE of one load balancer.
    func put(_ request: HTTPRequest, _ reply: HTTPReply) {
        work(on: request.body.count) { [self] in
            do throws(Refusal) {
                change(request, reply, .create([try loadBalancer(in: request)]), at: Self.first) { [self] in show(request, reply) }
            } catch {
                reply.send(.problem(error, at: error.sentence.hasPrefix("loadBalancers[0]") ? Self.first : ""))
            }
        }
    }

    /// The load balancer in a body, which has the identity of the path or none. It is read as a job is, for the same refusals.
    private func loadBalancer(in request: HTTPRequest) throws(Refusal) -> LoadBalancer {
        let id = id(in: request)
        let loadBalancer = try read(request.body(withID: id.text, isThere: try hasID(request.body)), for: request)
        if loadBalancer.id != id {
            throw Refusal(.invalid, "loadBalancers[0].id: \(quoted(loadBalancer.id.text)) is not the id of the path, \(quoted(id.text))")
        }
        return loadBalancer
    }

    /// Reads a load balancer as a job's is read, for the same refusals.
    func read(_ text: [UInt8], for request: HTTPRequest) throws(Refusal) -> LoadBalancer {
        // It is one object, so nothing in it ends the job around it.
        let job = jobs.read(
            Array("{\"hpcs_action\": \"CREATE\", \"loadBalancers\": [".utf8) + text + Array("]}".utf8), from: origin(of: request).name)
        guard case .change(.create(let read), _)? = job.request, let loadBalancer = read.first else {
            throw Refusal(.invalid, job.answer(nil).error ?? "it is no load balancer")
        }
        return loadBalancer
    }

    /// Whether an object has an id.
    ///
    /// - Throws: where the body is not one object of JSON.
    func hasID(_ body: [UInt8]) throws(Refusal) -> Bool {
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
        _ request: HTTPRequest, _ reply: HTTPReply, _ change: WantedChange, at place: String?,
        done: @escaping @Sendable () -> Void
    ) {
        do throws(Refusal) {
            let options = ChangeOptions(
                isDryRun: try request.boolean("dry_run"), isForced: try request.boolean("force"),
                expectedRevision: try request.expectedRevision())
            core.submit(.change(change, options), from: origin(of: request), within: Self.patience) { [self] outcome in
                answer(outcome, to: reply, at: place, done: done)
            }
        } catch {
            reply.send(.problem(error, at: nil))
        }
    }

    /// Answers with what became of a change.
    func answer(_ outcome: Outcome, to reply: HTTPReply, at place: String?, done: () -> Void) {
        switch outcome {
        case .changed: done()
        case .planned(let steps): reply.send(.plan(steps))
        case .refused(let refusal): reply.send(.problem(refusal, at: place))
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

    /// The latest revision that `If-Match` allows; nil where it allows any, and 0 where `If-None-Match: *` wants something new.
    func expectedRevision() throws(Refusal) -> UInt64? {
        let unwanted = headers.all("if-none-match")
        if !unwanted.isEmpty {
            guard unwanted == ["*"], method == .put, headers["if-match"] == nil else {
                throw Refusal(.invalid, "If-None-Match: of a change it is *, with PUT and without If-Match")
            }
            return 0
        }
        let fields = headers.all("if-match")
        if fields.isEmpty || fields == ["*"] { return nil }
        // A weak one never matches, nor does one that this server does not make.
        let tags = try Self.tags(in: fields, of: "If-Match").filter { !$0.hasPrefix("W/") }
        guard let latest = tags.compactMap({ UInt64($0.dropFirst().dropLast()) }).filter({ $0 > 0 }).max() else {
            throw Refusal(.precondition, "If-Match: no ETag in it is one of this worker's")
        }
        return latest
    }

    /// Whether `If-None-Match` says that the client has the response of a revision.
    func hasAlready(_ revision: UInt64) -> Bool {
        let fields = headers.all("if-none-match")
        if fields.isEmpty { return false }
        let tags = (try? Self.tags(in: fields, of: "If-None-Match")) ?? []
        return tags.contains(etag(revision)) || tags.contains("W/\(etag(revision))")
    }

    private static func tags(in fields: [String], of name: String) throws(Refusal) -> [String] {
        let tags = fields.joined(separator: ",").split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        if let wrong = tags.first(where: { !$0.hasSuffix("\"") || !($0.hasPrefix("\"") || $0.hasPrefix("W/\"")) || $0.utf8.count < 2 }) {
            throw Refusal(.invalid, "\(name): \(wrong.shortened) is not an ETag, such as \"17\"")
        }
        return tags
    }

    /// The body, which is one object of JSON, with an id in it.
    ///
    /// - Parameter isThere: whether it has one already.
    func body(withID id: String, isThere: Bool) -> [UInt8] {
        let rest = body.drop { $0 != UInt8(ascii: "{") }.dropFirst()
        let isEmpty = rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "}")
        return Array("{\(isThere ? "" : "\"id\": \(JSONWriting.string(id))\(isEmpty ? "" : ", ")")".utf8) + rest
    }
}
