public import LBaaS

/// Turns the bytes of a job into a request, and the outcome into the bytes of the reply: the request, with what changed put in.
///
/// One job at a time: it keeps its buffers from job to job. Each connection has one of its own, so that none waits for another.
public final class JobMessages {
    /// The longest job that is read, in bytes.
    public static let longestJob = 64 << 20

    /// A tokenizer that read a longer text than this is not kept, for its buffers are as long.
    private static let longestTextKept = 1 << 20

    private var idleTokenizer: JSONTokenizer?

    /// Messages of one connection.
    public init() {}

    /// Answers a job.
    ///
    /// - Parameters:
    ///   - text: the job as it came.
    ///   - decide: what becomes of the request. Not called where the job is not understood; then the reply says why.
    /// - Returns: the reply and, for the log, what the job was.
    public func answer(_ text: RawSpan, decide: (JobRequest) -> JobOutcome) -> JobAnswer {
        if text.byteCount > Self.longestJob {
            return JobAnswer(refusing: "the job has \(text.byteCount) bytes; the longest that is read has \(Self.longestJob)")
        }
        guard let tokenizer = idleTokenizer ?? JSONTokenizer() else { return JobAnswer(refusing: "the worker is out of memory") }
        idleTokenizer = text.byteCount > Self.longestTextKept ? nil : tokenizer
        do {
            return try tokenizer.withDocument(text) { Self.answer($0, decide: decide) }
        } catch {
            let place = error.offset > 0 ? " (at byte \(error.offset) or soon after)" : ""
            return JobAnswer(refusing: "the job is not a JSON object: \(error.reason)\(place)")
        }
    }

    private static func answer(_ document: JSONDocument, decide: (JobRequest) -> JobOutcome) -> JobAnswer {
        guard document.root.isObject else { return JobAnswer(refusing: "the job is not a JSON object: it is an array") }
        var decoder = RequestDecoder()
        do throws(RequestError) {
            let request = try decoder.decode(document.root)
            let outcome = decide(request)
            var edits = decoder.reply
            let action = decoder.action?.rawValue ?? "-"
            let error = outcome.error(for: action)
            edits.noNodeIsInService = error != nil
            return JobAnswer(
                reply: reply(to: document, edits, error: error, fields: outcome.fields), action: action,
                loadBalancers: request.loadBalancers, isDryRun: request.isDryRun, error: error)
        } catch {
            let action = decoder.action?.rawValue ?? "-"
            switch error {
            case .fail(let sentence):
                let reply = reply(to: document, decoder.reply, error: sentence, fields: [])
                return JobAnswer(reply: reply, action: action, error: sentence)
            case .badRequest(let message, let path):
                return JobAnswer(badRequest: message, at: path, action: action)
            }
        }
    }

    /// The request with the edits done and the fields set. Wherever the request has such a field its value is replaced.
    private static func reply(to document: JSONDocument, _ edits: ReplyEdits, error: String?, fields: [ReplyField]) -> [UInt8] {
        var edits = edits
        var fields = fields
        fields.append(("hpcs_response", error == nil ? #""PASS""# : #""FAIL""#))
        if let error { fields.append(("hpcs_error", JSONWriting.string(error))) }
        var isThere = fields.map { _ in false }
        for (name, value) in document.root.members {
            if name.equals("hpcs_object_store_token") {
                edits.replace(value, with: #""*****""#)
            } else if let index = fields.firstIndex(where: { name.equals($0.name) }) {
                edits.replace(value, with: fields[index].value)
                isThere[index] = true
            }
        }
        let added = zip(fields, isThere).filter { !$0.1 }.map { "\"\($0.0.name)\": \($0.0.value)" }.joined(separator: ", ")
        if !added.isEmpty { edits.addMember(added, to: document.root) }
        return edits.apply(to: document)
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
    /// Whether nothing was to change.
    public let isDryRun: Bool
    /// The sentence of a FAIL; nil for a PASS.
    public let error: String?

    init(reply: [UInt8], action: String, loadBalancers: [LoadBalancerID] = [], isDryRun: Bool = false, error: String?) {
        self.reply = reply
        self.action = action
        self.loadBalancers = loadBalancers
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

extension JobRequest {
    fileprivate var isDryRun: Bool {
        if case .change(_, let options) = self { options.isDryRun } else { false }
    }

    /// The load balancers it names, in its order.
    var loadBalancers: [LoadBalancerID] {
        switch self {
        case .change(.update(let list), _), .change(.create(let list), _): list.map(\.id)
        case .change(.suspend(let selection), _), .change(.enable(let selection), _), .change(.delete(let selection), _),
            .status(let selection), .metrics(let selection):
            if case .named(let ids) = selection { ids } else { [] }
        case .archive(let order): [order.loadBalancer]
        case .discover, .diagnostics: []
        }
    }
}
