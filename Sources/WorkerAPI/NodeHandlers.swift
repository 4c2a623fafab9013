import HTTPServer
import JSON
import LBaaS
import LoadBalancerJSON
import Requests

/// What a request changes of a node.
private struct NodePatch: Sendable {
    var weight: UInt16?
    var condition: Node.Condition?

    func apply(to node: inout Node) {
        if let weight { node.weight = weight }
        if let condition { node.condition = condition }
    }
}

private enum PatchField: Int, FieldName {
    case weight, condition

    static let table = FieldTable<PatchField>(["weight", "condition"])
}

private let conditions = Choices(Node.Condition.self)

extension NodePatch {
    /// Reads `{"weight": 5, "condition": "DRAINING"}`, of which one is enough.
    init(_ object: JSONValue) throws(FieldError) {
        let fields = try PatchField.table.find(in: object)
        if let stranger = PatchField.table.stranger(in: object) {
            let names = PatchField.table.all.joined(separator: ", ")
            throw .invalid("\(stranger.shortened): is no field of this request; its fields are \(names)")
        }
        weight = UInt16(try fields[.weight]?.integer("a weight", 0...Int(Node.maximumWeight)))
        condition = try fields[.condition]?.oneOf(conditions, "a condition")
        if weight == nil, condition == nil { throw .invalid("the body changes nothing: give a weight or a condition") }
    }
}

extension UInt16 {
    fileprivate init?(_ number: Int?) {
        guard let number else { return nil }
        self.init(exactly: number)
    }
}

extension APIHandlers {
    /// Changes a load balancer for the sake of one node, or refuses to.
    private typealias Edit = @Sendable (inout LoadBalancer) throws(Refusal) -> Void

    /// PATCH /v1/load-balancers/{id}/nodes/{node}.
    func patchNode(_ request: HTTPRequest, _ reply: HTTPReply) {
        edit(request, reply) { [self] () throws(Refusal) in
            let patch = try readObject(request.body) { object -> Result<NodePatch, Refusal> in
                do throws(FieldError) { return .success(try NodePatch(object)) } catch { return .failure(Refusal(error)) }
            }.get()
            return { loadBalancer throws(Refusal) in patch.apply(to: &loadBalancer.nodes[try loadBalancer.place(of: request)]) }
        }
    }

    /// PUT /v1/load-balancers/{id}/nodes/{node}.
    func putNode(_ request: HTTPRequest, _ reply: HTTPReply) {
        edit(request, reply) { [self] () throws(Refusal) in
            let id = request.parameter("node") ?? ""
            let body = request.body(withID: id, isThere: try hasID(request.body))
            let node = try readObject(body) { object -> Result<Node, Refusal> in
                do throws(FieldError) { return .success(try NodeDecoder.node(object)) } catch { return .failure(Refusal(error)) }
            }.get()
            if node.id.text != id { throw Refusal(.invalid, "id: \(quoted(node.id.text)) is not the id of the path, \(quoted(id))") }
            return { [self] loadBalancer throws(Refusal) in
                if let place = try? loadBalancer.place(of: request) {
                    loadBalancer.nodes[place] = node
                } else {
                    loadBalancer.nodes.append(node)
                }
                try check(loadBalancer, for: request)
            }
        }
    }

    /// DELETE /v1/load-balancers/{id}/nodes/{node}.
    func deleteNode(_ request: HTTPRequest, _ reply: HTTPReply) {
        edit(request, reply) { [self] () throws(Refusal) in
            { [self] loadBalancer throws(Refusal) in
                loadBalancer.nodes.remove(at: try loadBalancer.place(of: request))
                try check(loadBalancer, for: request)
            }
        }
    }

    /// Refuses a load balancer that a job could not ask for.
    private func check(_ loadBalancer: LoadBalancer, for request: HTTPRequest) throws(Refusal) {
        _ = try read(StoredLoadBalancer.object(of: loadBalancer, members: { _ in }, nodeMembers: { _, _ in }), for: request)
    }

    private func edit(_ request: HTTPRequest, _ reply: HTTPReply, _ make: () throws(Refusal) -> Edit) {
        do throws(Refusal) {
            let isDryRun = try request.boolean("dry_run")
            // What is to be of a node says nothing of the load balancer: that is there.
            let expected = try request.expectedRevision()
            if expected == 0 { throw Refusal(.invalid, "If-None-Match: it is for load balancers; a node can be expected by If-Match") }
            core.edit(
                id(in: request), from: origin(of: request), isDryRun: isDryRun, expecting: expected, within: Self.patience, try make()
            ) { [self] result in
                // What is refused is told of the node as it is in the list, or as it was.
                let pointer = result.former.map { former in
                    let place = (try? result.edited?.place(of: request)) ?? (try? former.place(of: request))
                    return "\(Self.first)/nodes/\(place ?? 0)"
                }
                answer(result.outcome, to: reply, at: pointer) { show(request, reply) }
            }
        } catch {
            reply.send(.problem(error))
        }
    }
}

extension LoadBalancer {
    /// The place of the node that a path names.
    ///
    /// - Throws: `notFound` where there is none.
    fileprivate func place(of request: HTTPRequest) throws(Refusal) -> Int {
        let node = request.parameter("node") ?? ""
        guard let place = nodes.firstIndex(where: { $0.id.text == node }) else {
            throw Refusal(.notFound, "there is no node \(quoted(node)) in the load balancer \(quoted(id.text))")
        }
        return place
    }
}

extension Refusal {
    init(_ error: FieldError) {
        self.init(.invalid, error.sentence)
    }
}
