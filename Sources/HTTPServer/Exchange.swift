import CMicrohttpd
import HostSystem
import Synchronization

/// A request and its response.
///
/// The library calls it on the thread of the connection, and nothing else touches what is not in `shared`; that is why it may be shared.
@safe final class Exchange: @unchecked Sendable {
    /// What other threads use.
    private struct Shared {
        /// The response, until it is given to the library.
        var response: PreparedResponse?
        var client: EventClient?
        var isHead = false
        var isAnswered = false
        var isSuspended = false
        /// The client is gone, or has got everything.
        var isOver = false
    }

    private enum Stage {
        case head, body, handled, sent
    }

    private let handle: ConnectionHandle
    private let connection: Connection
    private let target: Result<RequestTarget, HTTPFault>
    private let targetBytes: [UInt8]
    /// The last request of the connection, where it has the same target: this may be the same.
    private var known: KnownRequest?
    /// The addresses of the target.
    private let place: Range<UInt>
    private let start: Duration
    private let shared = Mutex(Shared())

    private var stage = Stage.head
    private var method: HTTPMethod?
    private var head: RequestHead?
    private var request: HTTPRequest?
    private var match: HTTPRoutes.Match?
    private var refusal: HTTPResponse?
    private var body: [UInt8] = []
    /// The bytes of the body so far.
    private var received = 0
    private var limit = 0
    private var status: Int?
    private var problem: String?

    init(_ connection: Connection, _ handle: ConnectionHandle, target text: UnsafePointer<CChar>?) {
        self.connection = connection
        self.handle = handle
        start = connection.listener.context.now()
        let bytes = unsafe UnsafeBufferPointer(
            start: UnsafeRawPointer(text)?.assumingMemoryBound(to: UInt8.self), count: text.map { unsafe strlen($0) } ?? 0)
        let address = UInt(bitPattern: text)
        place = address..<address + UInt(bytes.count)
        if let last = connection.known, unsafe last.hasTarget(bytes) {
            (known, target, targetBytes) = (last, .success(last.target), last.targetBytes)
        } else {
            let copy = unsafe Array(bytes)
            (known, targetBytes) = (nil, copy)
            target = Result { () throws(HTTPFault) in try RequestTarget.read(copy) }
        }
    }

    // MARK: From any thread

    /// Whether it was not answered yet.
    var isWaiting: Bool { shared.withLock { !$0.isAnswered && !$0.isOver } }

    /// Whether it waits for its handler.
    var isHandled: Bool { shared.withLock { $0.isSuspended } }

    /// Answers it, unless it was answered or is over. Where there is no memory for the response its connection is closed instead.
    func complete(_ response: HTTPResponse) -> Bool {
        let (isWaiting, isHead) = shared.withLock { (!$0.isAnswered && !$0.isOver, $0.isHead) }
        return isWaiting ? complete(PreparedResponse(response, for: handle, isHead: isHead)) : false
    }

    /// Answers it, unless it was answered or is over.
    ///
    /// - Parameter prepared: nil closes its connection.
    func complete(_ prepared: PreparedResponse?) -> Bool {
        shared.withLock { shared in
            if shared.isAnswered || shared.isOver { return false }
            shared.isAnswered = true
            shared.response = prepared
            shared.client = prepared?.client
            // It cannot be over while it is suspended, so the connection is there.
            if shared.isSuspended { handle.resume() }
            shared.isSuspended = false
            return prepared != nil
        }
    }

    /// Ends it in order: with 503 where it waits, and at the next border where it is an event stream.
    func stop() {
        _ = complete(.problem(503, "the server stops"))
        shared.withLock { $0.client }?.end()
    }

    // MARK: On the thread of the connection

    /// Takes what the library has: the head, a part of the body, or the word that nothing is missing.
    func proceed(
        method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, data: UnsafePointer<CChar>?, size: UnsafeMutablePointer<Int>
    ) -> MHD_Result {
        switch stage {
        case .head:
            stage = .body
            return unsafe begin(method, version)
        case .body where unsafe size.pointee > 0:
            let bytes = unsafe UnsafeBufferPointer(start: UnsafeRawPointer(data)?.assumingMemoryBound(to: UInt8.self), count: size.pointee)
            unsafe size.pointee = 0
            return unsafe take(bytes)
        case .body:
            stage = .handled
            return handleRequest()
        case .handled: return sendAnswer()
        case .sent: return .NO
        }
    }

    /// It is over: the library forgets it.
    func end() {
        shared.withLock { $0.isOver = true }
        connection.end(self)
        guard let observe = connection.listener.context.observe else { return }
        observe(
            HTTPRecord(
                route: match?.route.pattern, routeNumber: match?.route.number, request: request, problem: problem, method: method,
                status: status, duration: connection.listener.context.now() - start))
    }

    private func begin(_ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>) -> MHD_Result {
        var endsConnection = false
        do throws(HTTPFault) {
            try unsafe judge(method, version)
        } catch {
            refusal = error.response
            endsConnection = error.endsConnection
        }
        guard let refusal else { return .YES }
        // A client that waits for a word sends no body, and one that sends too much will not see the answer in any case.
        let rest = head?.length ?? 0
        if endsConnection || head?.expectsContinue == true && rest != 0 || rest > connection.listener.context.limits.drain {
            return send(refusal, endsConnection: true)
        }
        return .YES
    }

    /// Decides by the head whether the request may come in, and what it leads to.
    private func judge(_ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>) throws(HTTPFault) {
        let listener = connection.listener
        let context = listener.context
        let bytes = unsafe UnsafeRawBufferPointer(start: method, count: mhd_head_size(handle.pointer))
        if let known, unsafe known.hasHead(bytes, of: handle) { return take(known) }
        self.method = unsafe HTTPMethod(rawValue: String(cString: method))
        let target = try self.target.get()
        let head = try unsafe readHead(method, version)
        self.head = head
        try listener.check(head, authority: target.authority)
        let client = listener.sender(of: head.headers, over: try connection.client(handle))
        if self.method == .head { shared.withLock { $0.isHead = true } }
        let methods = context.routes.methods(target)
        guard let method = self.method else {
            guard let methods else { throw HTTPFault(status: 404, detail: "there is nothing at \(target.path)", endsConnection: true) }
            throw HTTPFault(
                status: 405, detail: "\(target.path) has no method of this name", allowed: methods, endsConnection: true)
        }
        if method == .options {
            guard let methods else { throw HTTPFault(status: 404, detail: "there is nothing at \(target.path)") }
            refusal = HTTPResponse(status: 204, headers: [("Allow", allowHeader(methods))])
            return
        }
        let match = try context.routes.match(method, target)
        self.match = match
        let request = HTTPRequest(
            method: method, match: match, target: target, isSecure: listener.isSecure, headers: head.headers, client: client)
        let admission = context.admit?(request) ?? HTTPAdmission()
        let judged = admission.caller == nil ? request : HTTPRequest(request, caller: admission.caller)
        self.request = judged
        if let answer = admission.refusal {
            refusal = answer
            return
        }
        limit = match.route.body.limit ?? context.limits.body
        if let length = head.length, length > limit { throw tooLarge }
        if let type = match.route.body.type { try check(type, head) }
        if let length = head.length, length > 0 { body.reserveCapacity(length) }
        if head.length == 0, admission.isRepeatable {
            let lineSize = unsafe Int(UInt(bitPattern: version) + UInt(strlen(version)) + 2 - UInt(bitPattern: bytes.baseAddress))
            unsafe connection.remember(
                KnownRequest(target: target, of: targetBytes, head, match, judged, bytes: bytes, lineSize: lineSize))
        }
    }

    /// Takes over what is known of the same request.
    private func take(_ known: KnownRequest) {
        head = known.head
        match = known.match
        request = known.request
        limit = known.match.route.body.limit ?? connection.listener.context.limits.body
        method = known.request.method
        if method == .head { shared.withLock { $0.isHead = true } }
    }

    private var tooLarge: HTTPFault { HTTPFault(status: 413, detail: "the body has more than \(limit) bytes") }

    private func check(_ type: String, _ head: RequestHead) throws(HTTPFault) {
        let given = head.headers["content-type"]
        if given == nil && head.length == 0 { return }
        let essence = (given ?? "").parts(at: ";").first?.parts(at: " ").first
        guard essence?.lowercased() == type else {
            throw HTTPFault(status: 415, detail: "the body of this request is \(type), by its Content-Type")
        }
    }

    private func readHead(_ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>) throws(HTTPFault) -> RequestHead {
        let size = unsafe mhd_head_size(handle.pointer)
        let (start, middle) = (UInt(bitPattern: method), UInt(bitPattern: version))
        let length = unsafe UInt(strlen(version))
        // One blank before and behind the target, and no NUL in it.
        var isRegular = unsafe start + UInt(strlen(method)) + 1 == place.lowerBound && place.upperBound + 1 == middle && length == 8
        isRegular = isRegular || !HeadReader.knowsLayout
        var reader = HeadReader(next: middle + length + 2, size: size)
        unsafe withUnsafeMutablePointer(to: &reader) { reader in
            _ = unsafe MHD_get_connection_values_n(handle.pointer, .HEADER_KIND, readHeader, reader)
        }
        let isOld = unsafe String(cString: version) == "HTTP/1.0"
        let head = try reader.finish(end: start + UInt(size), isOld: isOld)
        if !isRegular { throw .malformed("the first line of a request is a method, a target and a version, with one blank between two") }
        return head
    }

    private func take(_ bytes: UnsafeBufferPointer<UInt8>) -> MHD_Result {
        received += bytes.count
        if refusal == nil && received > limit {
            refusal = tooLarge.response
            body = []
        }
        if refusal == nil { unsafe body.append(contentsOf: bytes) }
        return received > max(limit, connection.listener.context.limits.drain) ? .NO : .YES
    }

    private func handleRequest() -> MHD_Result {
        if let refusal { return send(refusal) }
        // The server may stop meanwhile.
        guard isWaiting else { return sendAnswer() }
        guard let match, let bodiless = request else { return .NO }
        let request = body.isEmpty ? bodiless : HTTPRequest(bodiless, body: body, caller: bodiless.caller)
        body = []
        if let answer = match.route.answer { return send(answer(request)) }
        connection.setDeadline(.handler)
        match.route.handle(request, HTTPReply(self))
        let isSuspended = shared.withLock { shared in
            if !shared.isAnswered {
                handle.suspend()
                shared.isSuspended = true
            }
            return shared.isSuspended
        }
        return isSuspended ? .YES : sendAnswer()
    }

    /// Sends a response, unless another thread was earlier.
    private func send(_ response: HTTPResponse, endsConnection: Bool = false) -> MHD_Result {
        stage = .handled
        let prepared = PreparedResponse(response, for: handle, isHead: method == .head, endsConnection: endsConnection)
        shared.withLock { shared in
            if shared.isAnswered { return }
            shared.isAnswered = true
            shared.response = prepared
            shared.client = prepared?.client
        }
        return sendAnswer()
    }

    private func sendAnswer() -> MHD_Result {
        let response = shared.withLock { shared in
            defer { shared.response = nil }
            return shared.response
        }
        // None is there where there was no memory for it.
        guard let response else { return .NO }
        stage = .sent
        status = response.status
        problem = response.detail
        connection.setDeadline(response.client == nil ? .response : .none)
        if response.client != nil {
            // While a client takes nothing of its events, it is not suspended, and this time passes.
            unsafe mhd_set_timeout(handle.pointer, 300)
            // Nothing comes behind the request of a stream.
            known = nil
            connection.remember(nil)
        }
        return response.queue(on: handle)
    }
}
