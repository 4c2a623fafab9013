import HostSystem
import JSON

/// A kubeconfig: how kubectl and its like reach a cluster.
package enum Kubeconfig {
    /// Reads the server of the current context of a file.
    ///
    /// - Throws: `unreadable` and `configuration`, with a sentence that names the file.
    package static func read(_ path: String) throws(KubernetesError) -> APIServer {
        let text = try readSmallFile(path)
        guard let tokenizer = JSONTokenizer() else { throw KubernetesError(.exhausted, "there is no memory for a reader of JSON") }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
        do throws(KubernetesError) {
            guard let document = try YAMLText.documents(text).first else { throw KubernetesError(.configuration, "it is empty") }
            let parts = try tokenizer.read(document) { root throws(FieldError) in try Parts(root.object()) }
            return try server(parts, folder)
        } catch {
            throw KubernetesError(.configuration, "\(path): \(error)")
        }
    }

    /// What the current context names.
    private struct Parts {
        var server: String
        var authority: (file: String?, data: String?)
        var serverName: String?
        var acceptsAnyCertificate: Bool
        var proxy: String?
        var certificate: (file: String?, data: String?) = (nil, nil)
        var key: (file: String?, data: String?) = (nil, nil)
        var token: String?
        var tokenFile: String?
        /// What of the user cannot be used.
        var refusal: String?

        init(_ root: JSONValue) throws(FieldError) {
            guard let name = try root.textField("current-context"), !name.isEmpty else { throw root.wrong("has no current-context") }
            let context = try Self.named(name, in: "contexts", of: root, "context")
            guard let clusterName = try context.textField("cluster") else { throw context.wrong("names no cluster") }
            let cluster = try Self.named(clusterName, in: "clusters", of: root, "cluster")
            guard let url = try cluster.textField("server", most: 4096) else { throw cluster.wrong("has no server") }
            server = url
            authority = try Self.source("certificate-authority", "certificate-authority-data", of: cluster)
            serverName = try cluster.textField("tls-server-name")
            acceptsAnyCertificate = try cluster.booleanField("insecure-skip-tls-verify") ?? false
            proxy = try cluster.textField("proxy-url", most: 4096)
            guard let userName = try context.textField("user"), !userName.isEmpty else { return }
            let user = try Self.named(userName, in: "users", of: root, "user")
            certificate = try Self.source("client-certificate", "client-certificate-data", of: user)
            key = try Self.source("client-key", "client-key-data", of: user)
            token = try user.textField("token", most: 1 << 16)
            tokenFile = try user.textField("tokenFile", most: 4096)
            if user.field("exec") != nil || user.field("auth-provider") != nil {
                refusal = "user '\(userName)' gets its credentials from a program (exec or auth-provider), which is not run here"
            } else if user.field("username") != nil || user.field("password") != nil {
                refusal = "user '\(userName)' has a password, which API servers do not take any more"
            }
            if refusal != nil { refusal? += ": use a token, tokenFile or client-certificate" }
        }

        private static func named(
            _ name: String, in list: StaticString, of root: JSONValue, _ part: StaticString
        ) throws(FieldError) -> JSONValue {
            for entry in try root.listField(list, most: 1000) where try entry.object().textField("name") == name {
                guard let value = try entry.objectField(part) else { throw entry.wrong("has no \(part)") }
                return value
            }
            throw .invalid("\(list): there is none with the name '\(name)'")
        }

        private static func source(
            _ file: StaticString, _ data: StaticString, of object: JSONValue
        ) throws(FieldError) -> (file: String?, data: String?) {
            (try object.textField(file, most: 4096), try object.textField(data, most: 1 << 20))
        }
    }

    private static func server(_ parts: Parts, _ folder: String) throws(KubernetesError) -> APIServer {
        if let refusal = parts.refusal { throw KubernetesError(.configuration, refusal) }
        var server = try APIServer(url: parts.server)
        server.authorities = try pem(parts.authority, "certificate-authority", folder)
        server.serverName = parts.serverName
        server.acceptsAnyCertificate = parts.acceptsAnyCertificate
        server.proxy = parts.proxy
        let certificate = try pem(parts.certificate, "client-certificate", folder)
        let key = try pem(parts.key, "client-key", folder)
        switch (certificate, key) {
        case (let certificate?, let key?): server.certificate = try (sameKind(certificate, key), sameKind(key, certificate))
        case (nil, nil): break
        default: throw KubernetesError(.configuration, "there is a client-certificate without its client-key, or the other way")
        }
        // As kubectl has it, a file goes before a token.
        server.token = parts.tokenFile.map { .file(absolute($0, folder)) } ?? parts.token.map { .text($0) }
        return server
    }

    /// Data go before a file.
    private static func pem(
        _ source: (file: String?, data: String?), _ name: String, _ folder: String
    ) throws(KubernetesError) -> APIServer.PEM? {
        if let data = source.data, !data.isEmpty {
            guard let text = Base64.decode(String(data.filter { !$0.isWhitespace })) else {
                throw KubernetesError(.configuration, "\(name)-data is not base64")
            }
            return .text(text)
        }
        guard let file = source.file, !file.isEmpty else { return nil }
        return .file(absolute(file, folder))
    }

    /// Both as texts where one is a text.
    private static func sameKind(_ pem: APIServer.PEM, _ other: APIServer.PEM) throws(KubernetesError) -> APIServer.PEM {
        if case .file(let path) = pem, case .text = other { return .text(try readSmallFile(path)) }
        return pem
    }

    private static func absolute(_ path: String, _ folder: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }
}
