import CCurl
import HTTPClient

// Sentences for what goes wrong, and what to do about it.

/// What a request is for, as messages name it: `http://10.0.0.1:2379: put of /lbaas/x`.
struct RequestName: Sendable {
    let endpoint: EtcdEndpoint
    /// Such as `put of /lbaas/x`.
    let operation: String

    func error(_ code: EtcdError.Code, _ words: String, mayBeApplied: Bool = false) -> EtcdError {
        EtcdError(code, "\(endpoint): \(operation): \(words)", mayBeApplied: mayBeApplied)
    }
}

/// What a client uses besides endpoints, for the messages about TLS.
struct TLSFiles: Sendable {
    let authorities: String?
    let certificate: (file: String, key: String)?

    init(_ configuration: EtcdConfiguration) { (authorities, certificate) = (configuration.authorities, configuration.certificate) }

    private var own: String { certificate.map { "the client certificate \($0.file)" } ?? "a client without a certificate" }

    /// The alerts of TLS that refuse the certificate of a client.
    private static let alerts = ["bad certificate", "certificate required", "unknown ca", "certificate expired", "certificate unknown"]

    /// Why no answer came.
    func failure(_ code: CURLcode, of request: RequestName, on handle: HTTPTransfer) -> EtcdError {
        let text = handle.errorText(code)
        let mayBeApplied = handle.mayBeSent
        if handle.isTooLarge {
            let words = "the answer is larger than the limit; read fewer keys at a time"
            return request.error(.tooLarge, words, mayBeApplied: mayBeApplied)
        }
        if let alert = Self.alerts.first(where: { text.contains("alert \($0)") }) {
            let words = "etcd does not accept \(own) (\(alert)); use one that is signed by an authority of its trusted-ca-file"
            return request.error(.tls, words)
        }
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            return mayBeApplied
                ? request.error(.timedOut, "no answer came in time", mayBeApplied: true)
                : request.error(.timedOut, "no connection was made in time")
        case CURLE_SSL_CACERT_BADFILE:
            let file = authorities.map { "the file of authorities \($0)" } ?? "the authorities of the system"
            return request.error(.configuration, "\(file) cannot be used: it must be readable and have certificates in PEM")
        case CURLE_SSL_CERTPROBLEM:
            return request.error(
                .configuration,
                "\(own) or its key \(certificate?.key ?? "") cannot be used: both must be readable, in PEM, and belong together (\(text))")
        case CURLE_PEER_FAILED_VERIFICATION:
            let file = authorities ?? "the system's authorities"
            return request.error(
                .tls, "its certificate is not accepted: \(text); it must be signed by an authority of \(file) and name the endpoint's host")
        case CURLE_SSL_CONNECT_ERROR where ["wrong version number", "SSL_ERROR_SYSCALL", "reset by peer"].contains(where: text.contains):
            return request.error(.tls, "no TLS connection: \(text); an endpoint without TLS begins with http://")
        case CURLE_SSL_CONNECT_ERROR: return request.error(.tls, "no TLS connection: \(text)", mayBeApplied: mayBeApplied)
        case CURLE_GOT_NOTHING where !request.endpoint.isSecure:
            return request.error(
                .unreachable, "the connection was closed without an answer; an endpoint with TLS begins with https://", mayBeApplied: true)
        // With TLS 1.3 a server refuses the certificate of a client behind the handshake, and the reason can be lost.
        case _ where request.endpoint.isSecure && (mayBeApplied || text.contains("getpeername")):
            let words = "the connection was closed (\(text)); etcd may not accept \(own)"
            return request.error(.tls, words, mayBeApplied: mayBeApplied)
        default: return request.error(.unreachable, text, mayBeApplied: mayBeApplied)
        }
    }

    /// Why an answer is a refusal.
    ///
    /// - Parameters:
    ///   - number: gRPC's code; nil where the answer is not the gateway's.
    ///   - words: etcd's message.
    func refusal(status: Int, number: Int?, words: String, of request: RequestName) -> EtcdError {
        if words.contains("CommonName of client sending a request against gateway") {
            return request.error(
                .tls,
                "etcd's gateway does not accept \(own), because its subject has a common name (CN) and authentication is on; "
                    + "use a certificate without one, such as with the subject /O=lbaas, and a user with a password")
        }
        if words.contains("HTTP request to an HTTPS server") {
            return request.error(.tls, "it uses TLS; the endpoint begins with https:// then")
        }
        switch number {
        case 16:
            return request.error(.unauthenticated, "\(words); the token is not valid any more")
        case 7: return request.error(.permissionDenied, "\(words); grant the user a role that may do this")
        case 4: return request.error(.timedOut, "etcd did not finish it in time", mayBeApplied: true)
        case 8: return request.error(.noSpace, "\(words); compact and defragment the database, then disarm the alarm")
        case 14 where request.endpoint.isSecure && !words.contains("etcdserver"):
            return request.error(
                .unavailable,
                "\(words); etcd's gateway cannot connect to its own port: the certificate of the server must also be good for clients "
                    + "(extended key usage clientAuth)")
        case 14: return request.error(.unavailable, words, mayBeApplied: true)
        case 11 where words.contains("compacted"): return request.error(.compacted, words)
        case 3 where words.contains("user name is empty"):
            return request.error(.unauthenticated, "authentication is on: a user and a password are needed")
        case 3 where words.contains("authentication failed"):
            return request.error(.unauthenticated, "etcd does not accept the user or the password")
        case 3 where words.contains("too large"): return request.error(.tooLarge, words)
        case 3, 5, 6, 9, 11: return request.error(.invalidRequest, words)
        case 2?, 1?, 10?, 13?: return request.error(.unavailable, words, mayBeApplied: true)
        default: break
        }
        if status == 404 {
            return request.error(.configuration, "it has no JSON gateway: is it etcd 3.4 or later, with enable-grpc-gateway on?")
        }
        return request.error(.invalidAnswer, "status \(status): \(words)", mayBeApplied: true)
    }
}
