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
    static func problem(_ refusal: Refusal) -> HTTPResponse {
        let code = JSONWriting.string(refusal.code.rawValue)
        guard let pointer = jsonPointer(of: refusal.sentence) else {
            return .problem(refusal.code.status, refusal.sentence, members: ["code": code])
        }
        return .problem(refusal.code.status, refusal.sentence, members: ["code": code, "pointer": JSONWriting.string(pointer)])
    }

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
