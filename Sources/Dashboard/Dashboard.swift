package import WebPage

/// The page at `/`: files as they stand in the folder `Page`, which are in the program.
package enum Dashboard {
    /// All files; the one at `/` is the page itself.
    package static let files: [WebFile] =
        [
            WebFile(path: "/", type: WebFile.html, bytes: PackageResources.index_html),
            WebFile(path: "/dashboard/style.css", type: WebFile.style, bytes: PackageResources.style_css),
            WebFile(path: "/dashboard/actions.js", type: WebFile.script, bytes: PackageResources.actions_js),
            WebFile(path: "/dashboard/app.js", type: WebFile.script, bytes: PackageResources.app_js),
            WebFile(path: "/dashboard/detail.js", type: WebFile.script, bytes: PackageResources.detail_js),
            WebFile(path: "/dashboard/list.js", type: WebFile.script, bytes: PackageResources.list_js),
            WebFile(path: "/dashboard/panels.js", type: WebFile.script, bytes: PackageResources.panels_js),
            WebFile(path: "/dashboard/session.js", type: WebFile.script, bytes: PackageResources.session_js),
            WebFile(path: "/dashboard/store.js", type: WebFile.script, bytes: PackageResources.store_js),
        ] + shared

    /// What other pages use too.
    package static let shared: [WebFile] = [
        WebFile(path: "/dashboard/icon.svg", type: WebFile.icon, bytes: PackageResources.icon_svg),
        WebFile(path: "/dashboard/feed.js", type: WebFile.script, bytes: PackageResources.feed_js),
        WebFile(path: "/dashboard/text.js", type: WebFile.script, bytes: PackageResources.text_js),
        WebFile(path: "/dashboard/traffic.js", type: WebFile.script, bytes: PackageResources.traffic_js),
    ]
}
