import Authorization
import FleetAuth
import JSON
import LBaaS

/// A service that clients find in the catalog of their token.
package struct CatalogService: Hashable, Sendable {
    /// The type by which clients look for it, such as `load-balancer`.
    package let type: String
    /// The name, such as `octavia`.
    package let name: String
    /// Where it is, behind the URL of the server: empty, or with a slash at the beginning.
    package let path: String

    /// A service.
    package init(type: String, name: String, path: String) { (self.type, self.name, self.path) = (type, name, path) }
}

/// The JSON of answers.
enum IdentityText {
    /// What `GET /v3` answers.
    static func version(_ url: String) -> String {
        let link = JSONWriting.object(["rel": text("self"), "href": text(url + "/v3/")])
        let media = JSONWriting.object([
            "base": text("application/json"), "type": text("application/vnd.openstack.identity-v3+json"),
        ])
        let version = JSONWriting.object([
            "id": text("v3.14"), "status": text("stable"), "updated": text("2020-04-07T00:00:00Z"), "links": JSONWriting.list([link]),
            "media-types": JSONWriting.list([media]),
        ])
        return JSONWriting.object(["version": version])
    }

    /// A token.
    ///
    /// - Parameter catalog: the services, and the URL that they are at; nil for none.
    static func token(_ session: Session, catalog: (services: [CatalogService], url: String)?) -> String {
        let domain = JSONWriting.object(["id": text(IdentityRequest.domain.id), "name": text(IdentityRequest.domain.name)])
        let user = JSONWriting.object([
            "id": text(session.user), "name": text(session.name), "domain": domain, "password_expires_at": "null",
        ])
        let project = JSONWriting.object(["id": text(session.project), "name": text(session.projectName), "domain": domain])
        let roles = session.role.openStackNames.map { JSONWriting.object(["id": text($0), "name": text($0)]) }
        let token = JSONWriting.object([
            "methods": JSONWriting.list([text(session.credential == nil ? "password" : "application_credential")]), "user": user,
            "project": project, "is_domain": "false", "roles": JSONWriting.list(roles),
            "audit_ids": JSONWriting.list([text(session.tokenName)]), "issued_at": time(session.issued),
            "expires_at": time(session.expires),
            "application_credential": session.credential.map { JSONWriting.object(["id": text($0), "restricted": "true"]) },
            "catalog": catalog.map { catalog in JSONWriting.list(catalog.services.map { service($0, catalog.url) }) },
        ])
        return JSONWriting.object(["token": token])
    }

    private static func service(_ service: CatalogService, _ url: String) -> String {
        let endpoints = ["public", "internal"].map { interface in
            JSONWriting.object([
                "id": text("\(service.type)-\(interface)"), "interface": text(interface), "region": text("RegionOne"),
                "region_id": text("RegionOne"), "url": text(url + service.path),
            ])
        }
        return JSONWriting.object([
            "id": text(service.type), "type": text(service.type), "name": text(service.name), "endpoints": JSONWriting.list(endpoints),
        ])
    }

    /// Projects.
    static func projects(_ projects: [Project], _ url: String) -> String {
        let links = JSONWriting.object(["self": text(url + "/v3/projects"), "previous": "null", "next": "null"])
        return JSONWriting.object(["projects": JSONWriting.list(projects.map { object(of: $0, url) }), "links": links])
    }

    /// A project.
    static func project(_ project: Project, _ url: String) -> String { JSONWriting.object(["project": object(of: project, url)]) }

    private static func object(of project: Project, _ url: String) -> String {
        JSONWriting.object([
            "id": text(project.id), "name": text(project.name), "description": text(""), "domain_id": text(IdentityRequest.domain.id),
            "parent_id": text(IdentityRequest.domain.id), "enabled": "true", "is_domain": "false", "tags": "[]",
            "links": JSONWriting.object(["self": text("\(url)/v3/projects/\(project.id)")]),
        ])
    }

    /// An error.
    static func error(_ status: Int, _ title: String, _ message: String) -> String {
        JSONWriting.object([
            "error": JSONWriting.object(["code": "\(status)", "title": text(title), "message": text(message)])
        ])
    }

    private static func text(_ text: String) -> String { JSONWriting.string(text) }

    private static func time(_ time: Timestamp) -> String {
        var bytes: [UInt8] = []
        time.append(to: &bytes, separator: "T", fractionDigits: 6)
        return text(String(decoding: bytes, as: UTF8.self) + "Z")
    }
}

extension Role {
    /// What OpenStack calls it, with the roles that it implies.
    package var openStackNames: [String] {
        switch self {
        case .viewer: ["reader"]
        case .operator: ["member", "reader"]
        case .admin: ["admin", "member", "reader"]
        }
    }
}
