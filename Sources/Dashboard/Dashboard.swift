/// The page at `/`: files as they stand in the folder `Page`, which are in the program.
package enum Dashboard {
    /// A file of the page.
    package struct File: Sendable {
        /// Where it is served.
        package let path: String
        /// Its media type.
        package let type: String
        private let content: @Sendable () -> [UInt8]

        fileprivate init(path: String, type: String, bytes: @autoclosure @escaping @Sendable () -> [UInt8]) {
            (self.path, self.type, content) = (path, type, bytes)
        }

        /// What is in it. It is in memory from the first time on.
        package var bytes: [UInt8] { content() }
    }

    /// All files; the one at `/` is the page itself.
    package static let files: [File] = [
        File(path: "/", type: html, bytes: PackageResources.index_html),
        File(path: "/dashboard/icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
        File(path: "/dashboard/style.css", type: "text/css; charset=utf-8", bytes: PackageResources.style_css),
        File(path: "/dashboard/actions.js", type: script, bytes: PackageResources.actions_js),
        File(path: "/dashboard/app.js", type: script, bytes: PackageResources.app_js),
        File(path: "/dashboard/detail.js", type: script, bytes: PackageResources.detail_js),
        File(path: "/dashboard/feed.js", type: script, bytes: PackageResources.feed_js),
        File(path: "/dashboard/list.js", type: script, bytes: PackageResources.list_js),
        File(path: "/dashboard/panels.js", type: script, bytes: PackageResources.panels_js),
        File(path: "/dashboard/session.js", type: script, bytes: PackageResources.session_js),
        File(path: "/dashboard/store.js", type: script, bytes: PackageResources.store_js),
        File(path: "/dashboard/text.js", type: script, bytes: PackageResources.text_js),
        File(path: "/dashboard/traffic.js", type: script, bytes: PackageResources.traffic_js),
    ]

    private static let html = "text/html; charset=utf-8"
    private static let script = "text/javascript; charset=utf-8"

    /// What a browser may do with the page: scripts, styles and requests of this server alone, nothing inline, no text as markup.
    package static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}
