import FleetAuth
import HTTPServer
import JSON
import LBaaS

/// Why a request is not carried out, as it is answered: a problem of RFC 9457.
struct FrontError: Error, Equatable {
    /// The status of HTTP.
    let status: Int
    /// A word for programs, such as `not_found`.
    let code: String
    /// What is wrong, where, and what to do.
    let detail: String
    /// The field of the body that it is about; nil where it is about none.
    var field: String?
    /// After how many seconds it is worth trying again.
    var retryAfter: Int?

    /// A value that cannot be taken.
    static func invalid(_ detail: String, field: String? = nil) -> FrontError {
        FrontError(status: 400, code: "invalid", detail: detail, field: field)
    }

    /// Something that is not there.
    static func notFound(_ detail: String) -> FrontError { FrontError(status: 404, code: "not_found", detail: detail) }

    /// Something that whoever asks may not do.
    static func denied(_ detail: String) -> FrontError { FrontError(status: 403, code: "denied", detail: detail) }

    /// Too much waits.
    static let busy = FrontError(status: 429, code: "busy", detail: "too many requests wait: try again in a second", retryAfter: 1)
}

extension FrontError {
    /// A refusal of the accounts. What only this server is to blame for is for its log alone.
    init(_ error: AuthError) {
        let detail = error.code == .failed ? "the server failed: see its log" : error.message
        self.init(
            status: error.httpStatus, code: error.code.word, detail: detail, field: error.field, retryAfter: error.retryAfter)
    }

    /// The response.
    var response: HTTPResponse {
        let code = JSONWriting.string(code)
        var headers: [(name: String, value: String)] = [("Cache-Control", "no-store")]
        if status == 401 { headers.append(("WWW-Authenticate", "Bearer")) }
        if let retryAfter { headers.append(("Retry-After", "\(retryAfter)")) }
        guard let field else { return .problem(status, detail, members: ["code": code], headers: headers) }
        return .problem(status, detail, members: ["code": code, "pointer": JSONWriting.string("/" + field)], headers: headers)
    }
}

extension AuthError.Code {
    /// The word for programs.
    fileprivate var word: String {
        switch self {
        case .badCredentials: "bad_credentials"
        case .badToken: "bad_token"
        case .delayed: "delayed"
        case .busy: "busy"
        case .denied: "denied"
        case .notFound: "not_found"
        case .exists: "exists"
        case .invalid: "invalid"
        case .conflict: "conflict"
        case .unavailable: "unavailable"
        case .failed: "failed"
        }
    }
}

/// Does something with the accounts.
func onAccounts<Value>(_ body: () throws(AuthError) -> Value) throws(FrontFailure) -> Value {
    do throws(AuthError) {
        return try body()
    } catch {
        throw .accounts(error)
    }
}

/// Why a handler has no answer as it was asked for.
enum FrontFailure: Error {
    case refusal(FrontError)
    case accounts(AuthError)

    static func invalid(_ detail: String, field: String? = nil) -> FrontFailure { .refusal(.invalid(detail, field: field)) }
}
