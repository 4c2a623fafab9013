import JSON
public import LBaaS
import LoadBalancerJSON
public import Requests

/// Turns the bytes of jobs into requests, and the outcomes into the bytes of the replies: the request, with what changed put in.
///
/// It keeps its buffers from job to job. Each connection has one of its own, so that none waits for another.
public final class JobMessages {
    /// The longest job that is read, in bytes.
    public static let longestJob = 64 << 20

    /// A tokenizer that read a longer text than this is not kept, for its buffers are as long.
    private static let longestTextKept = 1 << 20
    /// Nor one that read a longer text than this, where there is another.
    private static let longestUsualText = 1 << 16

    private var idleTokenizers: [JSONTokenizer] = []

    /// Messages of one connection.
    public init() {}

    /// Reads a job.
    ///
    /// - Parameter text: the job as it came.
    /// - Returns: the job, to be answered once.
    public func read(_ text: RawSpan) -> ReadJob {
        if text.byteCount > Self.longestJob {
            return refuse(length: text.byteCount)
        }
        guard let tokenizer = idleTokenizers.popLast() ?? JSONTokenizer() else {
            return ReadJob(refusing: "the worker is out of memory")
        }
        let reason: String
        do throws(JSONTextError) {
            let job = try tokenizer.withDocument(text) { $0.root.isObject ? ReadJob($0, of: tokenizer) : nil }
            if let job { return job }
            reason = "it is an array"
        } catch {
            reason = error.reason + (error.offset > 0 ? " (at byte \(error.offset) or soon after)" : "")
        }
        keep(tokenizer, afterTextOf: text.byteCount)
        return ReadJob(refusing: "the job is not a JSON object: \(reason)")
    }

    /// Refuses a job that is longer than `longestJob`.
    ///
    /// - Parameter length: its length in bytes.
    public func refuse(length: Int) -> ReadJob {
        ReadJob(refusing: "the job has \(length) bytes; the longest that is read has \(Self.longestJob)")
    }

    private func keep(_ tokenizer: JSONTokenizer, afterTextOf length: Int) {
        if length <= (idleTokenizers.isEmpty ? Self.longestTextKept : Self.longestUsualText) { idleTokenizers.append(tokenizer) }
    }

    /// Answers a job that was read here.
    ///
    /// - Parameter outcome: what became of its request; nil where the job was not understood. Then the reply says why.
    /// - Returns: the reply and, for the log, what the job was.
    public func answer(_ job: ReadJob, _ outcome: Outcome?) -> JobAnswer {
        switch job.content {
        case .refused(let answer): return answer
        case .object(let document, let decoder, let result, let tokenizer):
            defer { keep(tokenizer, afterTextOf: document.length) }
            let action = decoder.action?.rawValue ?? "-"
            switch result {
            case .success(let request):
                let outcome = outcome ?? .refused(Refusal(.busy, "it was not done"))
                let error = outcome.error(for: action)
                var edits = decoder.reply
                edits.noNodeIsInService = error != nil
                return JobAnswer(
                    reply: Self.reply(to: document, edits, error: error, fields: outcome.fields(decoder.extras)),
                    action: action,
                    loadBalancers: request.loadBalancers, virtualIPs: request.virtualIPs, isDryRun: request.isDryRun, error: error)
            case .failure(.invalid(let sentence)):
                let refusals = decoder.extras.refusals(sentence, decoder.otherErrors)
                let reply = Self.reply(to: document, decoder.reply, error: sentence, fields: refusals)
                return JobAnswer(reply: reply, action: action, error: sentence)
            case .failure(.invalidObject(let message, let path)):
                return JobAnswer(badRequest: message, at: path, action: action)
            }
        }
    }

    /// Reads a job and answers it.
    ///
    /// - Parameters:
    ///   - text: the job as it came.
    ///   - decide: what becomes of the request. Not called where the job is not understood; then the reply says why.
    /// - Returns: the reply and, for the log, what the job was.
    public func answer(_ text: RawSpan, decide: (Request) -> Outcome) -> JobAnswer {
        let job = read(text)
        return answer(job, job.request.map(decide))
    }

    /// The fields of an earlier reply, which a request may have left over from it.
    private static let remains: [StaticString] = ["hpcs_response", "hpcs_error", "hpcs_refusals", "status", "plan"]

    /// The fields that the reply to a change replaces or takes out where the request has them.
    private static let replaced = JSONKeys(["hpcs_object_store_token"] + remains.map(\.description))

    /// The request with the edits done and the fields set: a field that the request has is replaced, and what is left over from an
    /// earlier reply is taken out.
    private static func reply(to document: JSONDocument, _ edits: ReplyEdits, error: String?, fields: [ReplyField]) -> [UInt8] {
        if error == nil, fields.isEmpty, !document.root.members.contains(where: { replaced.place(of: $0.name) != nil }) {
            return edits.apply(to: document, adding: #""hpcs_response": "PASS""#)
        }
        var edits = edits
        var fields = fields
        fields.append(("hpcs_response", error == nil ? #""PASS""# : #""FAIL""#))
        if let error { fields.append(("hpcs_error", JSONWriting.string(error))) }
        var isThere = fields.map { _ in false }
        var removed: [Int] = []
        for (place, member) in document.root.members.enumerated() {
            let name = member.name
            if name.equals("hpcs_object_store_token") {
                edits.replace(member.value, with: #""*****""#)
            } else if let index = fields.firstIndex(where: { name.equals($0.name) }) {
                edits.replace(member.value, with: fields[index].value)
                isThere[index] = true
            } else if remains.contains(where: { name.equals($0) }) {
                removed.append(place)
            }
        }
        let isEmpty = removed.isEmpty ? document.root.isEmpty : edits.removeMembers(of: document.root) { removed.contains($0) }
        let added = zip(fields, isThere).filter { !$0.1 }.map { "\"\($0.0.name)\": \($0.0.value)" }.joined(separator: ", ")
        if !added.isEmpty { edits.addMember(added, to: document.root, isFirst: isEmpty) }
        return edits.apply(to: document)
    }
}

/// A job that was read and is to be answered. What it points to is its messages'.
public struct ReadJob {
    fileprivate enum Content {
        /// Not JSON, or no object: the answer is there.
        case refused(JobAnswer)
        case object(JSONDocument, RequestDecoder, Result<Request, FieldError>, JSONTokenizer)
    }

    fileprivate let content: Content

    /// Whether it asks for something.
    public var isUnderstood: Bool { if case .object(_, _, .success, _) = content { true } else { false } }

    /// What it asks for; nil where it was not understood.
    public var request: Request? {
        if case .object(_, _, .success(let request), _) = content { request } else { nil }
    }

    fileprivate init(refusing reason: String) { content = .refused(JobAnswer(refusing: reason)) }

    /// Decodes a document, which lives as long as its tokenizer is not given another.
    fileprivate init(_ document: JSONDocument, of tokenizer: JSONTokenizer) {
        var decoder = RequestDecoder()
        let result: Result<Request, FieldError>
        do throws(FieldError) {
            result = .success(try decoder.decode(document.root))
        } catch {
            result = .failure(error)
        }
        content = .object(document, decoder, result, tokenizer)
    }
}

/// The reply to a job and, for the log, what the job was.
public struct JobAnswer: Sendable {
    /// The reply, a JSON object.
    public let reply: [UInt8]
    /// The action in capitals; `-` where it was not understood.
    public let action: String
    /// The load balancers that the job names.
    public let loadBalancers: [LoadBalancerID]
    /// The virtual IPs that the job names.
    public let virtualIPs: [IPAddress]
    /// Whether nothing was to change.
    public let isDryRun: Bool
    /// The sentence of a FAIL; nil for a PASS.
    public let error: String?

    init(
        reply: [UInt8], action: String, loadBalancers: [LoadBalancerID] = [], virtualIPs: [IPAddress] = [], isDryRun: Bool = false,
        error: String?
    ) {
        self.reply = reply
        self.action = action
        self.loadBalancers = loadBalancers
        self.virtualIPs = virtualIPs
        self.isDryRun = isDryRun
        self.error = error
    }

    /// The reply to something that is no job.
    init(refusing reason: String) {
        let object = JSONWriting.object(["hpcs_response": #""FAIL""#, "hpcs_error": JSONWriting.string(reason)])
        self.init(reply: Array(object.utf8), action: "-", error: reason)
    }

    /// The original's validation error, with response and error beside it.
    init(badRequest message: String, at path: String, action: String) {
        let sentence = "\(path): \(message)"
        let fault = JSONWriting.object([
            "validationErrors": JSONWriting.object(["message": JSONWriting.string(message)]),
            "message": #""Validation fault""#, "code": #""400""#, "details": #""The object is not valid""#,
        ])
        let object = JSONWriting.object([
            "badRequest": fault, "hpcs_response": #""FAIL""#, "hpcs_error": JSONWriting.string(sentence),
        ])
        self.init(reply: Array(object.utf8), action: action, error: sentence)
    }
}
