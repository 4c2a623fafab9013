import Authorization
import Dashboard
import HTTPServer
import Synchronization

extension HTTPRoutes {
    /// Adds the files of the dashboard. Anybody who can connect may have them: what they show comes by the other routes.
    mutating func addDashboard() {
        for file in Dashboard.files {
            let tag = LazyTag(of: file)
            let headers = [
                ("Cache-Control", "no-cache"), ("Content-Security-Policy", Dashboard.contentSecurityPolicy),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
            ]
            add(.get, file.path) { request in
                let tag = tag.text
                let headers = headers + [("ETag", tag)]
                if request.headers["if-none-match"] == tag { return HTTPResponse(status: 304, headers: headers) }
                return HTTPResponse(headers: headers + [("Content-Type", file.type)], body: .bytes(file.bytes))
            }
        }
    }
}

/// The ETag of a file, made when it is asked for first: a worker whose dashboard nobody opens has none of it in memory.
private final class LazyTag: Sendable {
    private let file: Dashboard.File
    private let known = Mutex<String?>(nil)

    init(of file: Dashboard.File) { self.file = file }

    var text: String {
        known.withLock { known in
            let text = known ?? "\"\(Token.hexadecimal(Token.hash(file.bytes).prefix(8)))\""
            known = text
            return text
        }
    }
}
