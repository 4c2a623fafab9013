import Authorization
import Dashboard
import HTTPServer

extension HTTPRoutes {
    /// Adds the files of the dashboard. Anybody who can connect may have them: what they show comes by the other routes.
    mutating func addDashboard() {
        for file in Dashboard.files {
            let tag = "\"\(Token.hexadecimal(Token.hash(file.bytes).prefix(8)))\""
            let headers = [
                ("ETag", tag), ("Cache-Control", "no-cache"), ("Content-Security-Policy", Dashboard.contentSecurityPolicy),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
            ]
            add(.get, file.path) { request in
                if request.headers["if-none-match"] == tag { return HTTPResponse(status: 304, headers: headers) }
                return HTTPResponse(headers: headers + [("Content-Type", file.type)], body: .bytes(file.bytes))
            }
        }
    }
}
