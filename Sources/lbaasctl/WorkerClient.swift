import Authorization
import CCurl
import Glibc
import HTTPClient
import HostSystem
import JSON

/// What the worker answered.
struct Answer {
    let status: Int
    let body: [UInt8]

    /// Its text.
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Asks a worker, one request at a time.
final class WorkerClient {
    /// The most bytes of an answer: 100,000 nodes have about a tenth.
    static let largestAnswer = 256 << 20
    private static let connectLimit = Duration.seconds(10)

    let server: ServerChoice
    private let transfer: HTTPTransfer
    private let tokenizer: JSONTokenizer

    init(_ server: ServerChoice) throws(CommandFailure) {
        guard let transfer = HTTPTransfer(HTTPClientOptions(server, largestAnswer: Self.largestAnswer)), let tokenizer = JSONTokenizer()
        else {
            throw CommandFailure(.failed, "there is no memory for a connection, or libcurl cannot be used")
        }
        (self.server, self.transfer, self.tokenizer) = (server, transfer, tokenizer)
    }

    /// Asks, and answers what the worker answers where that is no refusal.
    ///
    /// - Parameters:
    ///   - path: with its query.
    ///   - limit: the longest that it may take.
    func ask(_ method: String = "GET", _ path: String, _ body: [UInt8]? = nil, within limit: Duration) throws(CommandFailure) -> Answer {
        let answer = try send(method, path, body, within: limit)
        if let refusal = refusal(answer) { throw refusal }
        return answer
    }

    /// Asks, and answers whatever the server answers.
    func send(_ method: String, _ path: String, _ body: [UInt8]? = nil, within limit: Duration) throws(CommandFailure) -> Answer {
        transfer.prepare(
            method, server.base + path, fields: server.fields(of: method, path, body), body: body, limit: limit,
            connectLimit: min(limit, Self.connectLimit))
        let code = transfer.perform()
        if code != CURLE_OK { throw server.failure(code, of: transfer, within: limit) }
        return Answer(status: transfer.status, body: transfer.body)
    }

    /// Reads an answer that is an object of JSON.
    func read<Value>(_ answer: Answer, _ body: (JSONValue) -> Value) throws(CommandFailure) -> Value {
        do throws(JSONTextError) {
            return try tokenizer.withDocument(unsafe answer.body.span.bytes) { body($0.root) }
        } catch {
            let start = String(decoding: answer.body.prefix(80), as: UTF8.self)
            throw CommandFailure(
                .failed, "\(server.name): the answer is not JSON (\(error.reason)): '\(start)'; is it the API of a worker?")
        }
    }

    /// Why an answer is a refusal; nil where it is none.
    func refusal(_ answer: Answer) -> CommandFailure? {
        if (200..<300).contains(answer.status) { return nil }
        let words = try? read(answer) { root -> String? in
            // In the words of OpenStack's load balancers, where it is a server of a fleet.
            if let detail = root.text("detail") ?? root.text("faultstring") { return detail }
            guard let error = root.text("error") else { return nil }
            // In LINK's words.
            return root.text("resource").map { "\($0): \(error)" } ?? error
        }
        let sentence = words.flatMap { $0 } ?? "\(server.name) answers with the status \(answer.status): is it the API of a worker?"
        switch answer.status {
        case 401:
            if server.socket != nil || server.signingKey != nil || server.isLogin { return CommandFailure(.noPermission, sentence) }
            let hint =
                server.token == nil ? "put a token into \(server.tokenPath)" : "the token in \(server.tokenPath) is not one of the worker's"
            return CommandFailure(.noPermission, "\(sentence); \(hint)")
        case 403: return CommandFailure(.noPermission, sentence)
        default: return CommandFailure(.failed, sentence)
        }
    }
}

extension HTTPClientOptions {
    init(_ server: ServerChoice, largestAnswer: Int) {
        self.init(largestAnswer: largestAnswer)
        socket = server.socket
        authorities = server.authorities
        certificate = server.certificate.map { ($0, server.key ?? $0) }
    }
}

extension ServerChoice {
    /// The fields of a request.
    ///
    /// - Parameters:
    ///   - path: with its query.
    ///   - type: what is wanted as an answer.
    func fields(of method: String, _ path: String, _ body: [UInt8]? = nil, accepting type: String = "application/json") -> [String] {
        ["Accept: \(type)", body == nil ? "Content-Type:" : "Content-Type: application/json"]
            + (token.map { ["Authorization: Bearer \($0)"] } ?? [])
            + (signingKey.map { signature(by: $0, of: method, path, body) } ?? [])
    }

    private func signature(by key: SigningKey, of method: String, _ path: String, _ body: [UInt8]?) -> [String] {
        let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let address = base.split(separator: "://", maxSplits: 1).map(String.init)
        let request = SignedRequest(
            method: method, scheme: address[0], authority: address[1], path: parts[0], query: parts.count > 1 ? parts[1] : nil)
        return key.fields(signing: request, body: body, created: Clock.unixTime()).map { "\($0): \($1)" }
    }

    /// Where the token is.
    var tokenPath: String {
        SecretFile.tokenPath { name in unsafe getenv(name).map { unsafe String(cString: $0) } } ?? "$XDG_CONFIG_HOME/lbaas/token"
    }

    /// Why there is no answer.
    func failure(_ code: CURLcode, of transfer: HTTPTransfer, within limit: Duration?) -> CommandFailure {
        let text = transfer.errorText(code)
        if transfer.isTooLarge {
            return CommandFailure(.failed, "\(name): the answer is larger than \(WorkerClient.largestAnswer >> 20) MiB")
        }
        let isBeforeTLS = base.hasPrefix("https://") && !transfer.mayBeSent
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            let time = limit.map { " within \($0.wholeMilliseconds / 1000) s" } ?? " in time"
            let hint = transfer.mayBeSent ? "what was asked for may still be done" : "nothing was sent"
            return CommandFailure(.unavailable, "\(name) did not answer\(time), and \(hint); --timeout S allows more")
        case CURLE_COULDNT_CONNECT where socket != nil: return socketFailure(transfer.systemError)
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST:
            return CommandFailure(
                .unavailable,
                "\(name): \(text); is lbaas-worker or lbaas-server running there, and does `listen` in its section [api] or [server] name this address?"
            )
        case CURLE_PEER_FAILED_VERIFICATION:
            return CommandFailure(
                .unavailable, "\(name): its certificate is not accepted: \(text); --ca FILE names the authorities that sign it")
        case CURLE_SSL_CACERT_BADFILE:
            return CommandFailure(.usage, "--ca: \(authorities ?? "") cannot be used: it must be readable and have certificates in PEM")
        case CURLE_SSL_CERTPROBLEM:
            return CommandFailure(.usage, "--cert, --key: cannot be used: both must be readable, in PEM, and belong together (\(text))")
        case CURLE_SSL_CONNECT_ERROR where text.contains("wrong version number"):
            return CommandFailure(.unavailable, "\(name): no TLS there (\(text)); an address without TLS begins with http://")
        // A server without TLS can have closed the connection before its answer to what it took for HTTP is read.
        case CURLE_SSL_CONNECT_ERROR where ["SSL_ERROR_SYSCALL", "unexpected eof", "reset by peer"].contains(where: text.contains),
            CURLE_RECV_ERROR where isBeforeTLS, CURLE_SEND_ERROR where isBeforeTLS, CURLE_GOT_NOTHING where isBeforeTLS:
            return CommandFailure(
                .unavailable, "\(name): the connection was closed before TLS began (\(text)); an address without TLS begins with http://")
        case CURLE_GOT_NOTHING where base.hasPrefix("http://"), CURLE_RECV_ERROR where base.hasPrefix("http://"):
            return CommandFailure(.unavailable, "\(name) closed the connection without an answer; an address with TLS begins with https://")
        default: return CommandFailure(.unavailable, "\(name): \(text)")
        }
    }

    private func socketFailure(_ code: Int32) -> CommandFailure {
        let hint = "--socket PATH names another one, --server URL a worker by TCP"
        switch code {
        case EACCES, EPERM:
            return CommandFailure(
                .noPermission,
                "\(name): this user may not connect: be root, the user of the worker, or in a group of `operators` or `viewers` of its section [api]"
            )
        case ENOENT: return CommandFailure(.unavailable, "\(name) is not there: is lbaas-worker running? \(hint)")
        case ECONNREFUSED: return CommandFailure(.unavailable, "\(name): nobody listens: lbaas-worker is not running any more; \(hint)")
        default: return CommandFailure(.unavailable, "\(name): cannot be connected to: \(systemText(code)); \(hint)")
        }
    }
}
