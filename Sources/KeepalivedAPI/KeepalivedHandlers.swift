import Dispatch
import HTTPServer
import JSON
import LBaaS
import Requests

/// Answers the requests of go_keepalived's clients.
///
/// It runs on the thread of the listener, so nothing in it takes long: what the core does is answered by its completion.
struct KeepalivedHandlers: Sendable {
    /// A change that is not begun within this time is refused.
    private static let patience = Duration.seconds(30)
    /// The header fields of other ways to say who sends a request.
    private static let otherProofs: [StaticString] = ["authorization", "signature", "signature-input"]

    let core: any RequestHandler
    let password: String?
    let log: Log
    /// For what is told of all load balancers.
    private let queue = DispatchQueue(label: "keepalived")

    init(core: any RequestHandler, password: String?, log: Log) {
        self.core = core
        self.password = password
        self.log = log
    }

    /// POST /.
    func answer(_ request: HTTPRequest, _ reply: HTTPReply) {
        let origin = origin(of: request)
        do throws(Refusal) {
            let message = try KeepalivedMessage(request.body)
            try check(message, request)
            perform(try KeepalivedCommand(message), message, from: origin, reply)
        } catch {
            end(nil, origin, .failure(error), reply)
        }
    }

    private func origin(of request: HTTPRequest) -> Origin {
        switch request.client {
        case .local: Origin(.keepalived, name: "keepalived:-")
        case .remote(let address, _, _): Origin(.keepalived, name: "keepalived:\(address)")
        }
    }

    /// Refuses a request whose digest is wrong, or that also says in another way who sent it.
    private func check(_ message: KeepalivedMessage, _ request: HTTPRequest) throws(Refusal) {
        if let field = Self.otherProofs.first(where: { request.headers[$0] != nil }) {
            throw Refusal(.invalid, "\(field): this API knows no other proof than Digest; use /v1 of the worker's own API with it")
        }
        if let password { try message.checkDigest(password: password) }
    }

    private func perform(_ command: KeepalivedCommand, _ message: KeepalivedMessage, from origin: Origin, _ reply: HTTPReply) {
        let name = message[.command] ?? ""
        switch command {
        case .getInfo: tellServices(reply)
        case .addService(let service, let settings):
            do throws(Refusal) {
                let new = try LoadBalancer(service, settings)
                submit(.create([new]), ChangeOptions(expectedRevision: 0), from: origin) { outcome in
                    end(name, origin, result(outcome, command), reply)
                }
            } catch {
                end(name, origin, .failure(error), reply)
            }
        case .removeService(let service):
            submit(.delete(.named([service.id])), ChangeOptions(), from: origin) { outcome in
                end(name, origin, result(outcome, command), service, reply)
            }
        case .changeService(let service, let settings):
            edit(service, command, name, from: origin, reply) { loadBalancer throws(Refusal) in try loadBalancer.change(settings) }
        case .addReal(let real, let service, let weight, let settings):
            edit(service, command, name, from: origin, reply) { loadBalancer throws(Refusal) in
                try loadBalancer.add(real, weight: weight, settings)
            }
        case .removeReal(let real, let service):
            edit(service, command, name, from: origin, reply) { loadBalancer throws(Refusal) in try loadBalancer.remove(real) }
        case .changeReal(let real, let service, let weight, let settings):
            edit(service, command, name, from: origin, reply) { loadBalancer throws(Refusal) in
                try loadBalancer.change(real, weight: weight, settings)
            }
        case .routes(let change):
            submit(.routes(change), ChangeOptions(), from: origin) { outcome in end(name, origin, result(outcome, command), reply) }
        case .addPeer(let address): end(name, origin, .failure(Refusal(peer: address, "add it to")), reply)
        case .removePeer(let address): end(name, origin, .failure(Refusal(peer: address, "take it out of")), reply)
        }
    }
}

// MARK: - Changes

extension KeepalivedHandlers {
    private func submit(
        _ change: WantedChange, _ options: ChangeOptions, from origin: Origin, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        core.submit(.change(change, options), from: origin, within: Self.patience, completion: completion)
    }

    private func edit(
        _ service: ServiceName, _ command: KeepalivedCommand, _ name: String, from origin: Origin, _ reply: HTTPReply,
        _ edit: @escaping @Sendable (inout LoadBalancer) throws(Refusal) -> Void
    ) {
        core.edit(service.id, from: origin, within: Self.patience, edit) { edited in
            end(name, origin, result(edited.outcome, command), service, reply)
        }
    }

    private func result(_ outcome: Outcome, _ command: KeepalivedCommand) -> Result<String, Refusal> {
        if case .refused(let refusal) = outcome { .failure(refusal) } else { .success(command.success) }
    }

    /// Answers what became of a change of a service. Of one that is not there it is told whose load balancer listens where it would.
    private func end(
        _ command: String, _ origin: Origin, _ result: Result<String, Refusal>, _ service: ServiceName, _ reply: HTTPReply
    ) {
        guard case .failure(let refusal) = result, refusal.code == .notFound else { return end(command, origin, result, reply) }
        core.report(on: .all) { [queue] report in
            queue.async {
                let items = (try? report.get().items) ?? []
                let owner = items.first { $0.entry.loadBalancer.listener == service.listener && $0.entry.loadBalancer.id != service.id }
                guard let owner else { return end(command, origin, result, reply) }
                end(command, origin, .failure(Refusal(.conflict, owner.entry.sentence(about: service))), reply)
            }
        }
    }

    /// Answers, and writes the line of a request that would change something to the log.
    private func end(_ command: String?, _ origin: Origin, _ result: Result<String, Refusal>, _ reply: HTTPReply) {
        var fields: [Log.Field] = [("handle", origin.name), ("action", command ?? "-")]
        switch result {
        case .success(let info):
            reply.send(.keepalived([("result", "true"), ("info", info)]))
            log.write(.info, "request", fields + [("outcome", "PASS")])
        case .failure(let refusal):
            reply.send(.keepalived([("result", "false"), ("info", refusal.sentence)]))
            fields += [("outcome", "FAIL"), ("error", refusal.sentence)]
            log.write(.warning, "request", fields)
        }
    }
}

extension Refusal {
    /// No version of ExaBGP that the notifier speaks with adds or removes a neighbor while it runs.
    fileprivate init(peer: IPAddress, _ verb: String) {
        self.init(
            .unsupported,
            "Address: ExaBGP 4.2 has no command for the neighbor \(peer): \(verb) its configuration, and run 'exabgp-cli reload'")
    }
}

extension WantedState.Entry {
    /// That a request names a service where this load balancer listens, and who can change it.
    fileprivate func sentence(about service: ServiceName) -> String {
        let what = "\(service.id): the load balancer \(quoted(loadBalancer.id.text)) listens there, "
        return switch source {
        case .jobs: what + "which a job has made; change it by a job"
        case .file: what + "a service of the configuration file; change it there"
        case .kubernetes: what + "a service of the Kubernetes cluster; change it there"
        case .keepalived: what + "which a request of this API has made under another name"
        }
    }
}

// MARK: - GetInfo

extension KeepalivedHandlers {
    /// Tells of each service whether it is up, how many real servers serve, and how many must, in go_keepalived's words.
    private func tellServices(_ reply: HTTPReply) {
        core.report(on: .all) { [queue] result in
            queue.async {
                switch result {
                case .failure(let refusal): reply.send(.keepalived([("result", "false"), ("info", refusal.sentence)]))
                case .success(let report):
                    let services = report.items.map { ($0.entry.loadBalancer.listener.keepalivedName, $0.keepalivedState) }
                    let info = services.map { "\($0) \($1)" }.joined(separator: "\n")
                    reply.send(.keepalived(services + [("result", "true"), ("info", info)]))
                }
            }
        }
    }
}

extension StateReport.Item {
    /// How go_keepalived tells of a service. The two spaces are its own.
    fileprivate var keepalivedState: String {
        let quorum = entry.loadBalancer.quorum ?? 1
        return "State:  \(status == .up) Alive Reals:  \(nodes.count(where: \.isUp)) Quorum:  \(quorum)"
    }
}

extension HTTPResponse {
    /// An answer of go_keepalived: a flat object of strings, with status 200 whatever it says.
    fileprivate static func keepalived(_ members: [(name: String, value: String)]) -> HTTPResponse {
        let texts = members.map { "\(JSONWriting.string($0.name)): \(JSONWriting.string($0.value))" }
        return HTTPResponse(type: "application/json", "{\(texts.joined(separator: ", "))}\n")
    }
}
