/// What is answered to a request.
package struct HTTPResponse: Sendable {
    /// What follows the head.
    package enum Body: Sendable {
        /// These bytes. They are copied once, on the thread that sends the response.
        case bytes([UInt8])
        /// These bytes, one part behind another: what is large is never in one piece.
        case parts([[UInt8]])
        /// The events of a stream from now on, or behind the one that the client has got, for as long as the ticket is valid.
        case events(EventStream, after: String?, ticket: EventTicket? = nil)
    }

    /// The status code, 200 to 599.
    package var status: Int
    /// Fields of the head. `Content-Length`, `Date` and `Connection` are added. One that has a control character is left out.
    package var headers: [(name: String, value: String)]
    /// What follows the head. A response to HEAD, and one with 204 or 304, is sent without.
    package var body: Body
    /// The detail of a problem; nil where it is none.
    var detail: String?

    /// A response with any body.
    package init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with bytes of a type, such as `application/json`.
    package init(status: Int = 200, type: String, _ bytes: [UInt8]) {
        self.init(status: status, headers: [("Content-Type", type)], body: .bytes(bytes))
    }

    /// A response with bytes of a type that were made in parts.
    package init(type: String, _ parts: [[UInt8]]) {
        let body = parts.count == 1 ? Body.bytes(parts[0]) : .parts(parts)
        self.init(headers: [("Content-Type", type)], body: body)
    }

    /// A response with text of a type.
    package init(status: Int = 200, type: String, _ text: String) { self.init(status: status, type: type, Array(text.utf8)) }

    /// The events of a stream, as the client of this request asks for them by `Last-Event-ID`.
    ///
    /// - Parameter ticket: ends them for this client; nil where nothing does before the stream ends.
    package static func events(_ stream: EventStream, for request: HTTPRequest, _ ticket: EventTicket? = nil) -> HTTPResponse {
        let headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
        return HTTPResponse(headers: headers, body: .events(stream, after: request.headers["last-event-id"], ticket: ticket))
    }

    /// A problem (RFC 9457), `application/problem+json`.
    ///
    /// - Parameters:
    ///   - detail: what is wrong, where, and what to do.
    ///   - members: more members of the object, whose values are JSON already.
    package static func problem(
        _ status: Int, _ detail: String, members: KeyValuePairs<StaticString, String> = [:], headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        var text = "{\"title\": \(jsonString(reason(status))), \"status\": \(status), \"detail\": \(jsonString(detail))"
        for (name, value) in members { text += ", \"\(name)\": \(value)" }
        var response = HTTPResponse(status: status, type: "application/problem+json", text + "}\n")
        response.headers += headers
        response.detail = detail
        return response
    }

    /// The words of RFC 9110 for a status code.
    package static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Status \(status)"
        }
    }
}

/// Text as a string of JSON.
private func jsonString(_ text: String) -> String {
    var bytes: [UInt8] = [0x22]
    for byte in text.utf8 {
        if byte == 0x22 || byte == 0x5C { bytes.append(0x5C) }
        if byte >= 0x20 {
            bytes.append(byte)
        } else {
            let digits = Array("0123456789abcdef".utf8)
            bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes + [0x22], as: UTF8.self)
}
