import Authorization
package import HTTPServer
import LBaaS
import Synchronization

/// A file of a page for browsers, which is in the program.
package struct WebFile: Sendable {
    /// Where it is served.
    package let path: String
    /// Its media type.
    package let type: String
    private let content: @Sendable () -> [UInt8]

    /// A file.
    ///
    /// - Parameter bytes: what is in it; in memory from the first time on that it is asked for.
    package init(path: String, type: String, bytes: @autoclosure @escaping @Sendable () -> [UInt8]) {
        (self.path, self.type, content) = (path, type, bytes)
    }

    /// What is in it.
    package var bytes: [UInt8] { content() }

    /// The media types of pages, scripts, styles and icons.
    package static let (html, script) = ("text/html; charset=utf-8", "text/javascript; charset=utf-8")
    package static let (style, icon) = ("text/css; charset=utf-8", "image/svg+xml")

    /// What a browser may do with the page: scripts, styles and requests of this server alone, nothing inline, no text as markup.
    package static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

    /// Answers requests for it. Anybody who can connect may have it: what it shows comes by other routes.
    package var handler: HTTPRoutes.Handler {
        let tag = LazyTag(of: self)
        let headers = [
            ("Cache-Control", "no-cache"), ("Content-Security-Policy", Self.contentSecurityPolicy), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        return { request in
            let tag = tag.text
            let headers = headers + [("ETag", tag)]
            if request.headers["if-none-match"] == tag { return HTTPResponse(status: 304, headers: headers) }
            return HTTPResponse(headers: headers + [("Content-Type", self.type)], body: .bytes(self.bytes))
        }
    }
}

/// The ETag of a file, made when it is asked for first: a program whose page nobody opens has none of it in memory.
private final class LazyTag: Sendable {
    private let file: WebFile
    private let known = Mutex<String?>(nil)

    init(of file: WebFile) { self.file = file }

    var text: String {
        known.withLock { known in
            let text = known ?? "\"\(Token.hash(file.bytes).prefix(8).hexadecimal)\""
            known = text
            return text
        }
    }
}
