import HTTPClient

/// The address of one member of a cluster.
package struct EtcdEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// `http://HOST:PORT` or `https://HOST:PORT`, an IPv6 address in brackets.
    package let description: String
    /// Whether connections use TLS.
    package let isSecure: Bool

    /// Reads an address: `http` or `https`, a host, and a port, which is 2379 where none is given. Nothing may follow.
    ///
    /// - Throws: `configuration`.
    package init(_ text: String) throws(EtcdError) {
        let form = "an etcd endpoint is http://HOST:PORT or https://HOST:PORT"
        do throws(ServerURL.Fault) {
            let url = try ServerURL(text)
            isSecure = url.isSecure
            description = "\(url.isSecure ? "https" : "http")://\(url.host):\(url.port ?? 2379)"
        } catch {
            throw switch error {
            case .characters: EtcdError(.configuration, "\(String(reflecting: text)) has characters that no URL has: \(form)")
            case .form: EtcdError(.configuration, "'\(text)' is not the URL of a server: \(form)")
            case .excess: EtcdError(.configuration, "'\(text)' has more than a host and a port: \(form)")
            }
        }
    }
}

/// Which cluster a client uses, and what a request may cost.
package struct EtcdConfiguration: Sendable {
    /// A name and a password of etcd's own authentication.
    package struct User: Sendable {
        /// The name.
        package var name: String
        /// The password.
        package var password: String

        /// A user.
        package init(name: String, password: String) { (self.name, self.password) = (name, password) }
    }

    /// The members, of which any serves all requests.
    package var endpoints: [EtcdEndpoint]
    /// The file of certificates that those of the members are verified by, in PEM; nil for those of the system.
    package var authorities: String?
    /// The files of the certificate that this client shows and of its key, in PEM; nil for none.
    package var certificate: (file: String, key: String)?
    /// Who logs in; nil where authentication is off.
    package var user: User?
    /// The longest time that a request may take in all, on as many endpoints as it needs.
    package var requestLimit: Duration = .seconds(5)
    /// The longest time that one endpoint may take, after which the next is asked.
    package var endpointLimit: Duration = .seconds(1)
    /// The largest answer, and the largest message of a watch, in bytes.
    package var largestAnswer = 16 << 20
    /// The most requests under way at a time; others wait.
    package var mostConnections = 8

    /// A cluster of these members.
    package init(endpoints: [EtcdEndpoint]) { self.endpoints = endpoints }
}

extension HTTPClientOptions {
    /// How the members of a cluster are reached.
    init(_ configuration: EtcdConfiguration) {
        self.init(largestAnswer: configuration.largestAnswer)
        authorities = configuration.authorities
        certificate = configuration.certificate
    }
}

extension HTTPTransfer {
    /// Prepares a request.
    ///
    /// - Parameters:
    ///   - limit: the longest time that the whole of it may take; nil for no limit.
    ///   - answerLimit: the time that etcd is told to take at most; nil for no limit.
    ///   - connectLimit: the longest time for a connection.
    func prepare(
        _ endpoint: EtcdEndpoint, _ path: StaticString, _ text: String, token: String?, limit: Duration?, answerLimit: Duration?,
        connectLimit: Duration
    ) {
        var fields = ["Content-Type: application/json"]
        if let answerLimit { fields.append("Grpc-Timeout: \(max(1, answerLimit.wholeMilliseconds))m") }
        if let token { fields.append("Authorization: \(token)") }
        prepare("POST", "\(endpoint)\(path)", fields: fields, body: Array(text.utf8), limit: limit, connectLimit: connectLimit)
    }
}
