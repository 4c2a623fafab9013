import FleetAuth
import FleetModel
import FleetStore
import HTTPServer

/// Why a request is not carried out, in the words of Octavia where it has some.
struct OctaviaFault: Error, Equatable {
    /// The status of HTTP.
    let status: Int
    let message: String
    /// After how many seconds it is worth trying again.
    var retryAfter: Int?

    init(_ status: Int, _ message: String, retryAfter: Int? = nil) {
        (self.status, self.message, self.retryAfter) = (status, message, retryAfter)
    }

    static func notFound(_ resource: String, _ id: String) -> OctaviaFault { OctaviaFault(404, "\(resource) \(id) not found.") }

    static func immutable(_ id: String) -> OctaviaFault {
        OctaviaFault(409, "Load Balancer \(id) is immutable and cannot be updated.")
    }

    static func pending(_ status: ProvisioningStatus, _ id: String) -> OctaviaFault {
        OctaviaFault(409, "Invalid state \(status.name) of loadbalancer resource \(id)")
    }

    static func input(_ field: String, _ value: String, _ reason: String) -> OctaviaFault {
        OctaviaFault(400, "Invalid input for field/attribute \(field). Value: '\(value)'. \(reason)")
    }

    static func validation(_ detail: String) -> OctaviaFault { OctaviaFault(400, "Validation failure: \(detail)") }

    static func option(_ value: String, _ option: String) -> OctaviaFault {
        OctaviaFault(400, "\(value) is not a valid option for \(option)")
    }

    static func quota(_ resource: String) -> OctaviaFault { OctaviaFault(403, "Quota has been met for resources: \(resource)") }

    static func notImplemented(_ sentence: String) -> OctaviaFault { OctaviaFault(501, sentence) }

    /// That a change is of too many objects and workers.
    static func tooMuch(_ keys: Int) -> OctaviaFault {
        OctaviaFault(
            413,
            "This changes \(keys) records of the store at once, which takes \(StoreLimits.transactionKeys): "
                + "create or delete the listeners and pools one by one.")
    }

    static let forbidden = OctaviaFault(403, "Policy does not allow this request to be performed.")

    /// A failure to recognise somebody.
    init(_ error: AuthError) {
        self.init(error.httpStatus, error.code == .failed ? "the server failed: see its log" : error.message, retryAfter: error.retryAfter)
    }

    /// A failure of the store.
    init(_ error: FleetStoreError) {
        let doubt = error.mayBeApplied ? "; it is not known whether the change was made: look, and try again" : ""
        switch error.code {
        case .unavailable, .full: self.init(503, error.message + doubt, retryAfter: 1)
        case .conflict: self.init(409, "it was changed by somebody else meanwhile: try again" + doubt)
        case .tooLarge: self.init(413, "the object is larger than the store takes: \(error.message)")
        case .invalid, .compacted, .denied, .damaged, .configuration, .exhausted: self.init(500, "the server failed: see its log")
        }
    }

    /// The response to a request.
    func response(to request: HTTPRequest) -> HTTPResponse {
        var bytes: [UInt8]
        if status == 401 {
            bytes = ObjectWriter.object { writer in
                writer.object("error") {
                    $0.number("code", 401)
                    $0.text("title", "Unauthorized")
                    $0.text("message", message)
                }
            }
        } else {
            bytes = ObjectWriter.object { writer in
                writer.text("faultcode", status < 500 ? "Client" : "Server")
                writer.text("faultstring", message)
                writer.null("debuginfo")
            }
        }
        bytes.append(UInt8(ascii: "\n"))
        var response = HTTPResponse(status: status, type: "application/json", bytes)
        if status == 401 { response.headers.append(("WWW-Authenticate", "Keystone uri=\"\(request.baseURL)/v3\"")) }
        if let retryAfter { response.headers.append(("Retry-After", "\(retryAfter)")) }
        return response
    }
}

extension HTTPRequest {
    /// Where the client reaches the server, by what it says itself.
    var baseURL: String { "\(isSecure ? "https" : "http")://\(headers["host"] ?? "localhost")" }
}
