import Dashboard
import FleetWeb
import HTTPServer
import WebPage

extension FrontAPI {
    /// The files of the web front, but for the page itself.
    private static var files: [WebFile] { FleetWeb.files + Dashboard.shared }

    /// Where the files of the web front are served.
    static var pageFiles: [String] { [FleetWeb.page.path] + files.map(\.path) }

    /// Adds the web front. At `/` a browser gets the page, and a program what the configuration has for it.
    func addPages(to routes: inout HTTPRoutes) {
        for file in Self.files { routes.add(.get, file.path, file.handler) }
        let page = FleetWeb.page.handler
        routes.add(.get, FleetWeb.page.path) { [versions = configuration.versions] request in
            var response = if let versions, !request.wantsPage { versions(request) } else { page(request) }
            response.headers.append(("Vary", "Accept"))
            return response
        }
    }
}

extension HTTPRequest {
    /// Whether it is of a browser that shows what it gets: programs ask for JSON, or for anything.
    fileprivate var wantsPage: Bool { headers.all("accept").contains { $0.lowercased().contains("text/html") } }
}
