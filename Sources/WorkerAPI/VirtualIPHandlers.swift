import HTTPServer
import JSON
import LBaaS
import LoadBalancerJSON
import Requests

// The virtual IPs, with the words and statuses of LINK.

extension APIHandlers {
    /// The most bytes that a body of a virtual IP may have.
    static let longestVirtualIP = 64 << 10
    /// What an id begins with; the address follows.
    private static let idPrefix = "vip-"

    /// GET /ips.
    func virtualIPs(_ request: HTTPRequest) -> HTTPResponse {
        let (revision, reports) = core.virtualIPs
        return tagged(revision, .json(JSONWriting.object(["ips": JSONWriting.list(reports.map(\.text))])))
    }

    /// GET /ips/{id}.
    func virtualIP(_ request: HTTPRequest) -> HTTPResponse {
        address(in: request).map { show($0, status: 200) } ?? .noVirtualIP
    }

    /// POST /ips.
    func addVirtualIP(_ request: HTTPRequest, _ reply: HTTPReply) {
        do throws(Refusal) {
            let virtualIP = try read(request) { object throws(FieldError) in try VirtualIPDecoder.virtualIP(object, .ip) }
            change(request, reply, .add(virtualIP)) { [self] in reply.send(show(virtualIP.address, status: 201)) }
        } catch {
            reply.send(.virtualIP(error))
        }
    }

    /// PATCH /ips/{id}.
    func patchVirtualIP(_ request: HTTPRequest, _ reply: HTTPReply) {
        guard let address = address(in: request) else { return _ = reply.send(.noVirtualIP) }
        do throws(Refusal) {
            let patch = try read(request) { object throws(FieldError) in try VirtualIPDecoder.patch(object) }
            if patch == VirtualIPPatch() {
                throw Refusal(
                    .invalid, "the body changes nothing: give one of interface, policy, fence, priority, preempt, follow_services, checks")
            }
            change(request, reply, .edit(address, patch)) { [self] in reply.send(show(address, status: 200)) }
        } catch {
            reply.send(.virtualIP(error))
        }
    }

    /// DELETE /ips/{id}.
    func removeVirtualIP(_ request: HTTPRequest, _ reply: HTTPReply) {
        guard let address = address(in: request) else { return _ = reply.send(.noVirtualIP) }
        change(request, reply, .remove([address], mustExist: true)) { reply.send(HTTPResponse(status: 204)) }
    }

    /// POST /ips/{id}/failover.
    func failOver(_ request: HTTPRequest, _ reply: HTTPReply) {
        guard let address = address(in: request) else { return _ = reply.send(.noVirtualIP) }
        change(request, reply, .failOver(address, to: request.query("host"))) {
            reply.send(HTTPResponse(status: 204))
        }
    }

    private func show(_ address: IPAddress, status: Int) -> HTTPResponse {
        let (revision, reports) = core.virtualIPs
        guard let report = reports.first(where: { $0.virtualIP.address == address }) else { return .noVirtualIP }
        return tagged(revision, .json(report.text, status: status))
    }

    private func tagged(_ revision: UInt64, _ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers.append(("ETag", etag(revision)))
        return response
    }

    /// The address of the path: an id, or the address itself.
    private func address(in request: HTTPRequest) -> IPAddress? {
        let id = request.parameter("id") ?? ""
        return IPAddress(id.hasPrefix(Self.idPrefix) ? String(id.dropFirst(Self.idPrefix.count)) : id)
    }

    private func read<Value>(
        _ request: HTTPRequest, _ read: (JSONValue) throws(FieldError) -> Value
    ) throws(Refusal) -> Value {
        try readObject(request.body) { object -> Result<Value, Refusal> in
            do throws(FieldError) { return .success(try read(object)) } catch { return .failure(Refusal(error)) }
        }.get()
    }

    private func change(
        _ request: HTTPRequest, _ reply: HTTPReply, _ change: VirtualIPChange, done: @escaping @Sendable () -> Void
    ) {
        do throws(Refusal) {
            let options = ChangeOptions(isDryRun: try request.boolean("dry_run"), expectedRevision: try request.expectedRevision())
            core.submit(.change(.virtualIPs(change, with: nil), options), from: origin(of: request), within: Self.patience) { outcome in
                switch outcome {
                case .changed: done()
                case .planned(let steps): reply.send(.plan(steps))
                case .refused(let refusal): reply.send(.virtualIP(refusal))
                default: reply.send(.noVirtualIP)
                }
            }
        } catch {
            reply.send(.virtualIP(error))
        }
    }
}

extension HTTPResponse {
    /// There is no such virtual IP, in the words of LINK.
    fileprivate static var noVirtualIP: HTTPResponse { .json(#"{"resource": "IP", "error": "not found"}"#, status: 404) }

    /// A refusal, in the words of LINK where it has some.
    fileprivate static func virtualIP(_ refusal: Refusal) -> HTTPResponse {
        switch refusal.code {
        case .notFound: noVirtualIP
        case .invalid, .conflict, .unsupported: .json(JSONWriting.object(["error": JSONWriting.string(refusal.sentence)]), status: 400)
        case .precondition, .busy, .appliance, .store, .expired: problem(refusal)
        }
    }
}

extension VirtualIPReport {
    /// The virtual IP as LINK has it, with what this worker knows besides.
    fileprivate var text: String {
        let address = virtualIP.address
        let members = JSONWriting.object([
            "id": JSONWriting.string("vip-\(address)"), "ip": JSONWriting.string("\(address)/\(address.length)"),
            "status": JSONWriting.string((fact?.state ?? .booting).rawValue), "bound": String(fact?.isBound ?? false),
            "owner": fact?.owner.map(JSONWriting.string) ?? "null", "since": fact.map { JSONWriting.string($0.since.text) } ?? "null",
            "reason": fact?.reason.map(JSONWriting.string) ?? "null", "section": section.map(JSONWriting.string) ?? "null",
        ])
        return members.dropLast() + ", \(StoredVirtualIP.members(of: virtualIP))}"
    }
}
