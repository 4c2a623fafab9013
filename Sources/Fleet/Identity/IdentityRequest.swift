import FleetAuth
import JSON

/// Why a request is not one of OpenStack's Identity API: what is wrong, and where.
struct IdentityFault: Error, Equatable {
    /// The status of HTTP.
    let status: Int
    let message: String

    static func malformed(_ message: String) -> IdentityFault { IdentityFault(status: 400, message: message) }
}

/// The body of `POST /v3/auth/tokens`: who asks for a token, and for which project.
struct IdentityRequest: Hashable {
    /// By what a user is named.
    enum UserName: Hashable {
        case id(String)
        case name(String)
    }

    /// By what somebody is recognised.
    enum Method: Hashable {
        case password(UserName, String)
        case credential(id: String, secret: String)
        case namedCredential(String, UserName, secret: String)
    }

    let method: Method
    /// The project that the token is for; nil for that of the user.
    let project: ProjectName?

    /// The one domain, which all users and projects are in.
    static let domain = (id: "default", name: "Default")

    init(_ root: JSONValue) throws(IdentityFault) {
        let auth = try root.object("auth", in: "")
        let identity = try auth.object("identity", in: "auth.")
        let methods = identity.elements(of: "methods").compactMap(\.string)
        switch methods {
        case ["password"]: method = try Self.password(try identity.object("password", in: "auth.identity."))
        case ["application_credential"]:
            method = try Self.credential(try identity.object("application_credential", in: "auth.identity."))
        case []: throw .malformed("auth.identity.methods is not a list with a method: password or application_credential")
        default:
            throw IdentityFault(
                status: 401,
                message: "the method \(methods.joined(separator: ", ")) is not supported: password or application_credential is")
        }
        project = try Self.scope(auth["scope"])
    }

    private static func password(_ password: JSONValue) throws(IdentityFault) -> Method {
        let place = "auth.identity.password."
        let user = try password.object("user", in: place)
        return .password(try userName(user, in: place + "user."), try user.required("password", in: place + "user."))
    }

    private static func credential(_ credential: JSONValue) throws(IdentityFault) -> Method {
        let place = "auth.identity.application_credential."
        let secret = try credential.required("secret", in: place)
        if let id = credential.text("id") { return .credential(id: id, secret: secret) }
        let name = try credential.required("name", in: place)
        return .namedCredential(name, try userName(try credential.object("user", in: place), in: place + "user."), secret: secret)
    }

    private static func userName(_ user: JSONValue, in place: String) throws(IdentityFault) -> UserName {
        if let id = user.text("id") { return .id(id) }
        let name = try user.required("name", in: place)
        try checkDomain(user["domain"], in: place)
        return .name(name)
    }

    private static func scope(_ scope: JSONValue?) throws(IdentityFault) -> ProjectName? {
        guard let scope, !scope.isNull, scope.string != "unscoped", scope["unscoped"] == nil else { return nil }
        guard let project = scope["project"], project.isObject else {
            throw IdentityFault(status: 401, message: "a token can only be for a project: auth.scope.project is not an object")
        }
        if let id = project.text("id") { return .id(id) }
        let name = try project.required("name", in: "auth.scope.project.")
        try checkDomain(project["domain"], in: "auth.scope.project.")
        return .name(name)
    }

    private static func checkDomain(_ domain: JSONValue?, in place: String) throws(IdentityFault) {
        guard let domain, domain.isObject else { throw .malformed("\(place)domain is not an object with an id or a name") }
        if domain.text("id") == Self.domain.id || domain.text("name")?.lowercased() == Self.domain.id { return }
        throw IdentityFault(status: 401, message: "\(place)domain: there is only the domain '\(Self.domain.id)'")
    }
}

extension JSONValue {
    fileprivate func object(_ name: StaticString, in place: String) throws(IdentityFault) -> JSONValue {
        guard let value = isObject ? self[name] : nil, value.isObject else { throw .malformed("\(place)\(name) is not an object") }
        return value
    }

    fileprivate func required(_ name: StaticString, in place: String) throws(IdentityFault) -> String {
        guard let text = text(name) else { throw .malformed("\(place)\(name) is not a text") }
        return text
    }
}
