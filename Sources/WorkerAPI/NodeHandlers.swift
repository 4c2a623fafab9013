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
    /// How often a change is tried again where somebody else has changed the load balancer meanwhile.
    private static let mostTries = 10

    /// PATCH /v1/load-balancers/{id}/nodes/{node}.
    func patchNode(_ request: HTTPRequest, _ reply: HTTPReply) {
        do throws(Refusal) {
            try request.allowQuery("dry_run")
            let patch = try readObject(request.body) { object -> Result<NodePatch, Refusal> in
                do throws(FieldError) { return .success(try NodePatch(object)) } catch { return .failure(Refusal(error)) }
            }.get()
            try change(request, reply, expecting: try request.expectedRevision(), tries: Self.mostTries) { patch.apply(to: &$0) }
        } catch {
            reply.send(.problem(error))
        }
    }

    /// Changes a node of the load balancer as it is, and tries again where it is another one when the change is committed.
    private func change(
        _ request: HTTPRequest, _ reply: HTTPReply, expecting given: UInt64?, tries: Int, edit: @escaping @Sendable (inout Node) -> Void
    ) throws(Refusal) {
        let isDryRun = try request.boolean("dry_run")
        let (id, node) = (id(in: request), NodeID(request.parameter("node") ?? ""))
        core.report(on: .named([id])) { [self] result in
            guard case .success(let report) = result, var loadBalancer = report.items.first?.entry.loadBalancer else {
                if case .failure(let refusal) = result { reply.send(.problem(refusal)) }
                return
            }
            guard let place = loadBalancer.nodes.firstIndex(where: { $0.id == node }) else {
                reply.send(.problem(Refusal(.notFound, "there is no node \(quoted(node.text)) in the load balancer \(quoted(id.text))")))
                return
            }
            edit(&loadBalancer.nodes[place])
            let options = ChangeOptions(isDryRun: isDryRun, expectedRevision: given ?? report.revision)
            core.submit(.change(.create([loadBalancer]), options), from: origin(of: request), within: Self.patience) { outcome in
                if case .refused(let refusal) = outcome, refusal.code == .precondition, given == nil, tries > 1,
                    (try? self.change(request, reply, expecting: nil, tries: tries - 1, edit: edit)) != nil
                {
                    return
                }
                self.answer(outcome, to: reply) { self.show(request, reply) }
            }
        }
    }
}

extension Refusal {
    init(_ error: FieldError) {
        self.init(.invalid, error.sentence)
    }
}
