import CCurl
import HTTPClient
import HostSystem
import JSON

/// One kind of objects: the machine, and the request that it has under way. Used by one thread.
final class ResourceWatch {
    private var machine: ListWatch
    private let server: APIServer
    private let request: ResourceRequest
    private let group: HTTPTransferGroup
    private let tokenizer: JSONTokenizer
    private let tell: (ClusterUpdate) -> Void
    /// What goes over the wire.
    let transfer: HTTPTransfer

    private let largestAnswer: Int
    private var isWatch = false
    private var reader = LineReader()
    /// What reads the pages of the list that is under way.
    private var pageTokenizer: JSONTokenizer?
    /// Counts requests and waits, so that nothing of one is taken for the next.
    private var turn = 0

    /// The longest time for a connection.
    private static let connectLimit: Duration = .seconds(10)

    init(
        _ kind: ObjectKind, _ server: APIServer, _ request: ResourceRequest, limits: ListWatch.Limits, _ largestAnswer: Int,
        in group: HTTPTransferGroup, _ tokenizer: JSONTokenizer, tell: @escaping (ClusterUpdate) -> Void
    ) throws(KubernetesError) {
        guard let transfer = HTTPTransfer(server.options(largestAnswer: largestAnswer)) else {
            throw KubernetesError(.exhausted, "there is no memory for a connection, or libcurl cannot be used")
        }
        machine = ListWatch(kind, limits: limits)
        self.server = server
        self.largestAnswer = largestAnswer
        self.request = request
        self.group = group
        self.tokenizer = tokenizer
        self.tell = tell
        self.transfer = transfer
    }

    /// When `checkTime` has something to do; nil for never.
    var deadline: Duration? { machine.deadline }

    func start() { handle(.start) }

    func checkTime() {
        if let deadline = machine.deadline, Clock.bootTime() >= deadline { handle(.due) }
    }

    func stop() { group.close(transfer) }

    /// Takes in the lines of a watch that are there.
    func read() {
        guard isWatch, transfer.status == 200 else { return }
        let turn = turn
        for line in reader.lines(in: &transfer.body) where turn == self.turn { handle(event(of: line)) }
    }

    /// Takes in how the request ended.
    func end(_ code: CURLcode) {
        let turn = turn
        read()
        // Its last lines can have begun another request.
        guard turn == self.turn else { return }
        group.close(transfer)
        if code != CURLE_OK { return handle(.failed(reason(code))) }
        let status = transfer.status
        guard status == 200 else {
            var refusal = tokenizer.refusal(transfer.body, status: status)
            refusal.status = status
            refusal.retryAfter = max(refusal.retryAfter ?? 0, transfer.retryAfter ?? 0)
            return handle(.refused(refusal))
        }
        // A line that is cut short tells nothing: the next watch has it whole.
        if isWatch { return handle(reader.rest(of: &transfer.body) == nil ? .ended : .failed("the connection was closed within a line")) }
        do throws(KubernetesError) {
            let page = try page(transfer.body)
            if page.continuing == nil { (transfer.body, pageTokenizer) = ([], nil) }
            handle(.page(page))
        } catch {
            handle(.failed("the list cannot be read: \(error)"))
        }
    }

    /// Reads a page of a list, by a tokenizer for the pages of this list: its buffers become many times as large as a line of a watch needs.
    private func page(_ text: [UInt8]) throws(KubernetesError) -> ListPage {
        guard let tokenizer = pageTokenizer ?? JSONTokenizer() else {
            throw KubernetesError(.exhausted, "there is no memory for a reader of JSON")
        }
        pageTokenizer = tokenizer
        return try tokenizer.page(text, of: machine.kind)
    }

    private func event(of line: [UInt8]) -> ListWatch.Event {
        do throws(KubernetesError) {
            return .line(try tokenizer.line(line, of: machine.kind))
        } catch {
            return .unreadable("a line of the watch cannot be read: \(error)")
        }
    }

    private func handle(_ event: ListWatch.Event) {
        for action in machine.handle(event, now: Clock.bootTime(), share: .random(in: 0...1)) { perform(action) }
    }

    private func perform(_ action: ListWatch.Action) {
        switch action {
        case .list(let token): open(request.list(continuing: token), isWatch: false)
        case .watch(let version, let seconds): open(request.watch(after: version, seconds: seconds), isWatch: true)
        case .wait:
            turn += 1
            group.close(transfer)
        // Tokens are read for each request.
        case .renewCredentials: break
        case .publish(let changes): tell(.changes(changes))
        case .report(let words): tell(.trouble(about: machine.kind.resource, words))
        }
    }

    private func open(_ target: String, isWatch: Bool) {
        turn += 1
        self.isWatch = isWatch
        reader = LineReader()
        group.close(transfer)
        do throws(KubernetesError) {
            // The machine watches the time. A list is worth compressing, and a line is not worth the wait for the next.
            transfer.prepare(
                "GET", server.url(of: target), fields: try server.fields(), body: nil, limit: nil, connectLimit: Self.connectLimit,
                compressed: !isWatch)
            group.open(transfer)
        } catch {
            handle(.failed("\(error)"))
        }
    }

    /// Why no answer came, and what to do.
    private func reason(_ code: CURLcode) -> String {
        if transfer.isTooLarge { return "an answer has more than \(largestAnswer) bytes" }
        let words = transfer.errorText(code)
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION:
            return "the certificate of \(server.url) is not accepted (\(words)): check the file of authorities and the name of the server"
        case CURLE_SSL_CACERT_BADFILE: return "the authorities cannot be used (\(words)): they must be certificates in PEM"
        case CURLE_SSL_CERTPROBLEM:
            return "the client certificate or its key cannot be used (\(words)): both must be PEM, and belong together"
        default: return "\(server.url): \(words)"
        }
    }
}
