import HTTPClient
package import HostSystem

/// How the API server of a cluster is reached.
package struct APIServer: Hashable, Sendable {
    /// Something in PEM.
    package enum PEM: Hashable, Sendable {
        /// A file, which is read for each connection.
        case file(String)
        /// The text.
        case text([UInt8])
    }

    /// A bearer token.
    package enum Token: Hashable, Sendable {
        /// The token.
        case text(String)
        /// A file, which is read for each request: tokens of pods change long before they expire.
        case file(String)
    }

    /// Such as `https://10.0.0.1:6443`, perhaps with a path, without a slash at the end.
    package let url: String
    /// The certificates that the server's is verified by; nil for those of the system.
    package var authorities: PEM?
    /// The name that the server's certificate must have; nil for the host of the URL.
    package var serverName: String?
    /// Whether any certificate is accepted.
    package var acceptsAnyCertificate = false
    /// The URL of a proxy; nil for none.
    package var proxy: String?
    /// The certificate that this client shows, and its key.
    package var certificate: (certificate: PEM, key: PEM)? {
        get { ownCertificate.flatMap { certificate in ownKey.map { (certificate, $0) } } }
        set { (ownCertificate, ownKey) = (newValue?.certificate, newValue?.key) }
    }
    private var ownCertificate: PEM?
    private var ownKey: PEM?
    /// The token that requests have.
    package var token: Token?

    private let host: String
    private let port: Int
    private let path: String

    /// A server.
    ///
    /// - Throws: `configuration`, where the URL cannot be that of an API server.
    package init(url text: String) throws(KubernetesError) {
        let form = "an API server is https://HOST:PORT"
        let start = text.utf8.firstIndex(of: UInt8(ascii: "/")).map {
            text.utf8.index($0, offsetBy: 2, limitedBy: text.utf8.endIndex) ?? $0
        }
        let slash = start.flatMap { text.utf8[$0...].firstIndex(of: UInt8(ascii: "/")) } ?? text.utf8.endIndex
        let path = String(text[slash...])
        let parsed: ServerURL
        do throws(ServerURL.Fault) {
            parsed = try ServerURL(String(text[..<slash]))
        } catch {
            throw KubernetesError(.configuration, "'\(text)' is not the URL of a server: \(form)")
        }
        guard parsed.isSecure else { throw KubernetesError(.configuration, "'\(text)' is without TLS: \(form)") }
        let isPath = path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard isPath else { throw KubernetesError(.configuration, "'\(text)' has more than a host, a port and a path: \(form)") }
        host = parsed.host
        port = Int(parsed.port ?? 443)
        self.path = path.hasSuffix("/") ? String(path.dropLast()) : path
        url = "https://\(host):\(port)\(self.path)"
    }

    /// The server for pods of its cluster, with the token and the authorities that pods have.
    ///
    /// The address in the environment of a pod is a cluster address, which this host itself has to serve first. Another URL is better.
    ///
    /// - Parameters:
    ///   - environment: of the process: `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. Not needed where there is a URL.
    ///   - folder: where the token and the authorities are.
    package static func inCluster(
        url: String? = nil, environment: [String: String], folder: String = "/var/run/secrets/kubernetes.io/serviceaccount"
    ) throws(KubernetesError) -> APIServer {
        var server: APIServer
        if let url {
            server = try APIServer(url: url)
        } else {
            guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else {
                throw KubernetesError(
                    .configuration, "in_cluster: there is no KUBERNETES_SERVICE_HOST in the environment: give the URL of the server")
            }
            let port = environment["KUBERNETES_SERVICE_PORT"] ?? "443"
            server = try APIServer(url: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)")
        }
        server.token = .file("\(folder)/token")
        server.authorities = .file("\(folder)/ca.crt")
        return server
    }

    /// The URL of a request, in which TLS finds the name that the certificate must have.
    func url(of target: String) -> String { "https://\(serverName ?? host):\(port)\(path)\(target)" }

    /// The fields of the head of a request.
    ///
    /// - Throws: where the token cannot be read.
    func fields() throws(KubernetesError) -> [String] {
        // To curl's own name the server answers with text for people, of twice the size.
        var fields = ["User-Agent: lbaas-worker", "Accept: application/json"]
        if serverName != nil { fields.append("Host: \(host):\(port)") }
        if let token = try bearer() { fields.append("Authorization: Bearer \(token)") }
        return fields
    }

    private func bearer() throws(KubernetesError) -> String? {
        let text: String
        let source: String
        switch token {
        case nil: return nil
        case .text(let token): (text, source) = (token, "the token")
        case .file(let path): (text, source) = (String(decoding: try readSmallFile(path), as: UTF8.self), path)
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 1, words[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw KubernetesError(.unreadable, "\(source) is not a token: it must be one word")
        }
        return String(words[0])
    }

    /// How connections are made.
    ///
    /// - Parameter largestAnswer: in bytes.
    func options(largestAnswer: Int) -> HTTPClientOptions {
        var options = HTTPClientOptions(largestAnswer: largestAnswer)
        switch authorities {
        case .file(let path): options.authorities = path
        case .text(let text): options.authoritiesText = text
        case nil: break
        }
        switch certificate {
        case (.file(let file), .file(let key))?: options.certificate = (file, key)
        case (.text(let text), .text(let key))?: options.certificateText = (text, key)
        // `Kubeconfig` makes both of one kind.
        default: break
        }
        options.acceptsAnyCertificate = acceptsAnyCertificate
        if let serverName { options.connectTo = "\(serverName):\(port):\(host):\(port)" }
        options.proxy = proxy
        return options
    }
}

/// Reads a file of a configuration, which somebody else chose.
func readSmallFile(_ path: String) throws(KubernetesError) -> [UInt8] {
    do throws(RegularFile.Failure) {
        return try RegularFile.read(path, limit: 1 << 20).bytes
    } catch {
        throw KubernetesError(.unreadable, "\(path) cannot be read: \(error.words)")
    }
}

extension RegularFile.Failure {
    /// Why, in words.
    package var words: String {
        switch self {
        case .unreadable(let code): errorText(code)
        case .notRegular: "it is not a regular file"
        case .tooLarge(let limit): "it has more than \(limit) bytes"
        }
    }
}
