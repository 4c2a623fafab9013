import CCurl
import HTTPClient
import HostSystem
import JSON

/// A connection for one request at a time, which is opened when it is needed and kept from request to request, for each endpoint.
final class Connection {
    private let handle: HTTPTransfer
    private let tokenizer: JSONTokenizer
    private let files: TLSFiles

    init(_ configuration: EtcdConfiguration) throws(EtcdError) {
        guard let handle = HTTPTransfer(HTTPClientOptions(configuration)), let tokenizer = JSONTokenizer() else {
            throw EtcdError(.exhausted, "there is no memory for a connection, or libcurl cannot be used")
        }
        self.handle = handle
        self.tokenizer = tokenizer
        files = TLSFiles(configuration)
    }

    /// Sends a request and reads the answer.
    ///
    /// - Parameter limit: the longest that it may take.
    func post<Answer>(
        _ path: StaticString, _ text: String, as name: RequestName, token: String?, limit: Duration,
        read: (JSONValue) throws(AnswerFault) -> Answer
    ) throws(EtcdError) -> Answer {
        // etcd gives up first, so that its answer can come in time.
        handle.prepare(
            name.endpoint, path, text, token: token, limit: limit, answerLimit: limit - min(limit / 10, .milliseconds(20)),
            connectLimit: limit)
        let code = handle.perform()
        guard code == CURLE_OK else { throw files.failure(code, of: name, on: handle) }
        let (status, body, files) = (handle.status, handle.body, files)
        if status != 200 { throw tokenizer.refusal(body, status: status, of: name, files) }
        return try tokenizer.read(body, of: name, read)
    }
}

extension JSONTokenizer {
    /// Reads a text of etcd's, which is an object.
    ///
    /// - Throws: `invalidAnswer`.
    func read<Answer>(
        _ text: [UInt8], of name: RequestName, _ body: (JSONValue) throws(AnswerFault) -> Answer
    ) throws(EtcdError) -> Answer {
        let reason: String
        do throws(JSONTextError) {
            let outcome = try withDocument(unsafe text.span.bytes) { document -> Result<Answer, AnswerFault> in
                do throws(AnswerFault) {
                    return .success(try body(document.root))
                } catch {
                    return .failure(error)
                }
            }
            switch outcome {
            case .success(let answer): return answer
            case .failure(let fault): reason = fault.reason
            }
        } catch {
            reason = "\(error.reason) in '\(text.shortText)'"
        }
        throw name.error(.invalidAnswer, "the answer is not etcd's: \(reason)", mayBeApplied: true)
    }

    /// Why an answer is a refusal, which is an object where it is the gateway's.
    func refusal(_ text: [UInt8], status: Int, of name: RequestName, _ files: TLSFiles) -> EtcdError {
        let gateway = try? withDocument(unsafe text.span.bytes) { document in
            (number: document.root["code"]?.integer, words: document.root.text("message") ?? document.root.text("error"))
        }
        return files.refusal(status: status, number: gateway?.number, words: gateway?.words ?? text.shortText, of: name)
    }
}

extension [UInt8] {
    /// The first 200 bytes as a line of text.
    var shortText: String {
        String(decoding: prefix(200).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
    }
}
