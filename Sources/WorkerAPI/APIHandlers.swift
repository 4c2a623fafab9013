import Authorization
import Dispatch
import HTTPServer
import HostSystem
import JSON
import LBaaS
import Requests

/// Answers the requests of the API.
///
/// Handlers run on the thread of a listener, so they do nothing that takes long: what the core does is answered by its completion, and what
/// is large is read and written on a queue.
final class APIHandlers: Sendable {
    /// The most bytes of a job. The reply has about as many, and both are in memory.
    static let longestJob = 8 << 20
    /// The most bytes that are read and written on the thread of a listener.
    private static let longestAtOnce = 16 << 10
    /// A change that is not begun within this time is refused.
    static let patience = Duration.seconds(30)
    /// The most entries of the journal in a response.
    static let longestJournal = 1000

    let core: any RequestHandler
    let worker: WorkerDescription
    let jobs: any JobTranslator
    private let follower: WorkerEvents
    private let queue = DispatchQueue(label: "api")
    /// For what asks the appliance, which may take long.
    let counting = DispatchQueue(label: "traffic")
    let keys = IdempotencyKeys()
    private let kept = KeptReports()

    init(core: any RequestHandler, worker: WorkerDescription, jobs: any JobTranslator, events: WorkerEvents) {
        self.core = core
        self.worker = worker
        self.jobs = jobs
        follower = events
    }

    func origin(of request: HTTPRequest) -> Origin { Origin(.jobs, name: request.origin) }

    /// Does something at once, or on the queue where it is about so many bytes.
    func work(on bytes: Int, _ body: @escaping @Sendable () -> Void) {
        if bytes > Self.longestAtOnce { queue.async(execute: body) } else { body() }
    }

    /// Does something with a request whose body is the one that was signed, if anything was. Other requests are refused.
    @Sendable func withCheckedBody(_ request: HTTPRequest, _ reply: HTTPReply, _ body: @escaping @Sendable () -> Void) {
        if !request.hasSignedBody { return body() }
        work(on: request.body.count) {
            if let refusal = request.bodyRefusal { reply.send(refusal) } else { body() }
        }
    }
}

// MARK: - The worker

extension APIHandlers {
    /// GET /healthz.
    func health(_ request: HTTPRequest) -> HTTPResponse { .json("{\"status\": \"OK\"}") }

    /// GET /readyz.
    func readiness(_ request: HTTPRequest, _ reply: HTTPReply) {
        worker.problems { [worker] problems in
            let servers = worker.jobServers()
            let isConnected = servers.isEmpty || servers.contains(where: \.isConnected)
            let reasons = (isConnected ? [] : ["none of the \(servers.count) job servers is connected"]) + problems
            reply.send(
                .json(
                    JSONWriting.object([
                        "ready": String(reasons.isEmpty), "reasons": JSONWriting.list(reasons.map(JSONWriting.string)),
                    ]), status: reasons.isEmpty ? 200 : 503))
        }
    }

    /// GET /v1/status.
    func status(_ request: HTTPRequest) -> HTTPResponse {
        let summary = core.summary
        let servers = worker.jobServers().map {
            JSONWriting.object(["server": JSONWriting.string($0.address), "connected": String($0.isConnected)])
        }
        let principal = request.principal
        return .json(
            JSONWriting.object([
                "version": JSONWriting.string(worker.version), "driver": JSONWriting.string(worker.driver),
                "function": JSONWriting.string(worker.function), "started": JSONWriting.string(worker.start.text),
                "job_servers": JSONWriting.list(servers), "revision": String(summary.revision),
                "load_balancers": String(summary.count), "last_change": summary.lastChange?.text ?? "null",
                "principal": principal.map { JSONWriting.string($0.name) }, "role": principal.map { JSONWriting.string($0.role.rawValue) },
            ]), revision: summary.revision)
    }
}

// MARK: - What is read

extension APIHandlers {
    /// GET /v1/load-balancers.
    func list(_ request: HTTPRequest, _ reply: HTTPReply) {
        core.report(on: .all) { [queue] result in
            queue.async { reply.send(response(to: result, request) { $0.parts }) }
        }
    }

    /// GET /v1/load-balancers/{id}.
    func show(_ request: HTTPRequest, _ reply: HTTPReply) {
        let id = id(in: request)
        let version = core.version
        if request.isRead, let known = kept.report(on: id, at: version) { return known.answer(request, reply) }
        core.report(on: .named([id])) { [kept] result in
            let response = response(to: result, request) { [($0.items.first?.text ?? []) + [0x0A]] }
            guard request.isRead, response.status == 200, let report = try? result.get(), report.validity > .zero,
                let new = KeptResponse(response)
            else { return _ = reply.send(response) }
            kept.keep(KeptReports.Entry(report, as: new), of: id, at: version)
            reply.send(new)
        }
    }

    /// GET /v1/events.
    func events(_ request: HTTPRequest) -> HTTPResponse { follower.response(to: request) { core.summary.revision } }

    /// GET /v1/journal.
    func journal(_ request: HTTPRequest, _ reply: HTTPReply) {
        do throws(Refusal) {
            let revision = UInt64(try request.number("after", 0...Int.max) ?? 0)
            let limit = try request.number("limit", 1...Self.longestJournal) ?? 100
            queue.async { [core] in
                do throws(Refusal) {
                    let entries = try core.journal(after: revision, limit: limit)
                    reply.send(.json(JSONWriting.object(["journal": JSONWriting.list(entries.map(\.text))])))
                } catch {
                    reply.send(.problem(error))
                }
            }
        } catch {
            reply.send(.problem(error))
        }
    }
}

private func response(
    to result: Result<StateReport, Refusal>, _ request: HTTPRequest, _ text: (StateReport) -> [[UInt8]]
) -> HTTPResponse {
    switch result {
    case .failure(let refusal): return .problem(refusal, at: nil)
    case .success(let report):
        if report.isOfRevision, request.isRead, request.hasAlready(report.revision) { return .notModified(report.revision) }
        var response = HTTPResponse(type: "application/json", text(report))
        response.headers.append(("ETag", etag(report.revision)))
        return response
    }
}

// MARK: - Jobs

extension APIHandlers {
    /// POST /v1/jobs.
    func job(_ request: HTTPRequest, _ reply: HTTPReply) {
        work(on: request.body.count) { [self] in
            let origin = origin(of: request)
            let job = jobs.read(request.body, from: origin.name)
            let answer: @Sendable (Outcome?) -> Void = { outcome in
                let result = job.answer(outcome)
                reply.send(HTTPResponse(type: "application/json", result.reply))
                result.log()
            }
            guard let asked = job.request else { return answer(nil) }
            core.submit(asked, from: origin, within: Self.patience) { [self] outcome in
                work(on: request.body.count) { answer(outcome) }
            }
        }
    }

    /// POST /v1/plan.
    func plan(_ request: HTTPRequest, _ reply: HTTPReply) {
        work(on: request.body.count) { [self] in
            let origin = origin(of: request)
            let job = jobs.read(request.body, from: origin.name)
            guard let asked = job.request else {
                return _ = reply.send(.problem(Refusal(.invalid, job.answer(nil).error ?? "the job is not understood")))
            }
            guard case .change(let change, let options) = asked else {
                return _ = reply.send(
                    .problem(
                        Refusal(
                            .invalid,
                            "hpcs_action: changes nothing, so there is no plan; UPDATE, CREATE, SUSPEND, ENABLE and DELETE have one")))
            }
            let planned = Request.change(change, ChangeOptions(isDryRun: true, isForced: options.isForced))
            core.submit(planned, from: origin, within: Self.patience) { outcome in
                switch outcome {
                case .planned(let steps): reply.send(.plan(steps))
                case .refused(let refusal): reply.send(.problem(refusal))
                default: reply.send(.problem(Refusal(.notFound, job.answer(outcome).error ?? "there is no plan for this job")))
                }
            }
        }
    }
}

// MARK: - The query

extension HTTPRequest {
    /// Refuses a name in the query that the route does not have, and one that is there twice.
    func allowQuery(_ names: [String], repeated: Bool = false) throws(Refusal) {
        for (place, (name, _)) in query.enumerated() {
            if !names.contains(name) {
                let all = names.isEmpty ? "it has none" : "its parameters are \(names.joined(separator: ", "))"
                throw Refusal(.invalid, "'\(name.shortened)' is no parameter of \(route); \(all)")
            }
            if !repeated, query[..<place].contains(where: { $0.name == name }) {
                throw Refusal(.invalid, "the parameter \(name) is given twice")
            }
        }
    }

    /// A number of the query; nil where it is not there.
    fileprivate func number(_ name: String, _ range: ClosedRange<Int>) throws(Refusal) -> Int? {
        guard let text = query(name) else { return nil }
        guard let number = Int(text), range.contains(number), text.utf8.first != UInt8(ascii: "+") else {
            throw Refusal(
                .invalid, "the parameter \(name): '\(text.shortened)' is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
