/// Why a request is refused before its handler sees it.
struct HTTPFault: Error, Equatable {
    let status: Int
    let detail: String
    /// The methods that the path has, for `Allow`.
    var allowed: [HTTPMethod]? = nil
    /// Whether the connection cannot go on behind it: where the request ends is not sure, or nobody may know more.
    var endsConnection = false

    /// A request that is malformed; nothing behind it is read.
    static func malformed(_ detail: String) -> HTTPFault { HTTPFault(status: 400, detail: detail, endsConnection: true) }

    var response: HTTPResponse {
        .problem(status, detail, headers: allowed.map { [("Allow", allowHeader($0))] } ?? [])
    }
}

/// The value of `Allow`.
func allowHeader(_ methods: [HTTPMethod]) -> String { methods.map(\.rawValue).joined(separator: ", ") }
