import HTTPServer
import JSON
import Requests

extension Refusal.Code {
    /// The status of HTTP that it is answered with.
    var status: Int {
        switch self {
        case .invalid: 400
        case .notFound: 404
        case .conflict: 409
        case .precondition: 412
        case .unsupported: 422
        case .busy: 429
        case .appliance, .store, .expired: 503
        }
    }
}

extension HTTPResponse {
    /// A refusal as a problem, in the words that a job gets.
    ///
    /// - Parameter place: the pointer to what the body of the request is in the job that those words are about; nil where the request has no
    ///   body.
    static func problem(_ refusal: Refusal, at place: String? = "") -> HTTPResponse {
        let code = JSONWriting.string(refusal.code.rawValue)
        guard let place, let pointer = jsonPointer(of: refusal.sentence)?.rest(below: place) else {
            return .problem(refusal.code.status, refusal.sentence, members: ["code": code])
        }
        return .problem(refusal.code.status, refusal.sentence, members: ["code": code, "pointer": JSONWriting.string(pointer)])
    }

    /// The client has the response of a revision.
    static func notModified(_ revision: UInt64) -> HTTPResponse { HTTPResponse(status: 304, headers: [("ETag", etag(revision))]) }

    /// Text that is JSON.
    static func json(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, type: "application/json", text + "\n")
    }

    /// Text that is JSON, of a revision of the state.
    static func json(_ text: String, revision: UInt64) -> HTTPResponse {
        var response = json(text)
        response.headers.append(("ETag", etag(revision)))
        return response
    }
}

/// A revision of the state as an ETag.
func etag(_ revision: UInt64) -> String { "\"\(revision)\"" }

extension String {
    /// What follows the pointer to an object in a pointer to something in it; nil where that is elsewhere.
    fileprivate func rest(below place: String) -> String? {
        guard hasPrefix(place) else { return nil }
        let rest = dropFirst(place.count)
        return rest.isEmpty || rest.hasPrefix("/") ? String(rest) : nil
    }
}

/// The JSON pointer (RFC 6901) of the field that a sentence is about: of `loadBalancers[0].port: …` it is `/loadBalancers/0/port`. Nil where
/// it does not begin with the path of a field.
func jsonPointer(of sentence: String) -> String? {
    guard let colon = sentence.utf8.firstIndex(of: UInt8(ascii: ":")), colon != sentence.startIndex else { return nil }
    let path = sentence[..<colon]
    var pointer = "/"
    for byte in path.utf8 {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "["): pointer += "/"
        case UInt8(ascii: "]"): break
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): pointer.unicodeScalars.append(Unicode.Scalar(byte))
        default: return nil
        }
    }
    // The root is called so.
    return pointer == "/job" ? "" : pointer
}
