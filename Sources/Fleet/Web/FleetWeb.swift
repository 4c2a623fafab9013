package import WebPage

/// The web front of a fleet: files as they stand in the folder `Page`, which are in the program. What they share with the dashboard of a worker
/// is there.
package enum FleetWeb {
    /// The page itself, at `/`.
    package static let page = WebFile(path: "/", type: WebFile.html, bytes: PackageResources.index_html)

    /// All other files.
    package static let files: [WebFile] = [
        WebFile(path: "/web/style.css", type: WebFile.style, bytes: PackageResources.style_css),
        WebFile(path: "/web/api.js", type: WebFile.script, bytes: PackageResources.api_js),
        WebFile(path: "/web/app.js", type: WebFile.script, bytes: PackageResources.app_js),
        WebFile(path: "/web/balancer.js", type: WebFile.script, bytes: PackageResources.balancer_js),
        WebFile(path: "/web/balancers.js", type: WebFile.script, bytes: PackageResources.balancers_js),
        WebFile(path: "/web/changes.js", type: WebFile.script, bytes: PackageResources.changes_js),
        WebFile(path: "/web/fields.js", type: WebFile.script, bytes: PackageResources.fields_js),
        WebFile(path: "/web/form.js", type: WebFile.script, bytes: PackageResources.form_js),
        WebFile(path: "/web/hosts.js", type: WebFile.script, bytes: PackageResources.hosts_js),
        WebFile(path: "/web/log.js", type: WebFile.script, bytes: PackageResources.log_js),
        WebFile(path: "/web/table.js", type: WebFile.script, bytes: PackageResources.table_js),
        WebFile(path: "/web/users.js", type: WebFile.script, bytes: PackageResources.users_js),
    ]
}
