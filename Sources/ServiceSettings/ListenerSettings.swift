import DaemonSupport
package import HTTPServer
import HostSystem
package import JobQueue
package import LBaaS

/// Where a program listens by TCP, and the files of TLS.
package struct ListenerSettings: Sendable, Equatable {
    /// The address and port; nil for none.
    package var listen: JobServer?
    /// PEM files: the certificate, its key, the authorities of clients.
    package var certificate: String?
    package var key: String?
    package var clientAuthorities: String?

    /// A listener.
    package init(listen: JobServer? = nil, certificate: String? = nil, key: String? = nil, clientAuthorities: String? = nil) {
        (self.listen, self.certificate, self.key, self.clientAuthorities) = (listen, certificate, key, clientAuthorities)
    }

    /// Takes it that something is wrong with a key: the key and a sentence.
    package typealias Refusal = (_ key: String, _ sentence: String) -> Void

    /// The most bytes of a file of TLS.
    private static let largestFile = 1 << 20

    /// The texts of TLS; nil where there is none, or the files cannot be used.
    package func tls(_ refuse: Refusal) -> TCPListener.TLS? {
        let texts = [("tls_cert", certificate), ("tls_key", key), ("tls_client_ca", clientAuthorities)].map { name, path in
            path.flatMap { Self.read($0, name, refuse) }
        }
        if certificate == nil, key != nil { refuse("tls_key", "there is no tls_cert beside it; set both, or neither") }
        if key == nil, certificate != nil { refuse("tls_cert", "there is no tls_key beside it; set both, or neither") }
        if certificate == nil, clientAuthorities != nil {
            refuse("tls_client_ca", "certificates of clients need tls_cert and tls_key")
        }
        guard let certificate = texts[0], let key = texts[1] else { return nil }
        let made = TCPListener.TLS(certificate: certificate, key: key, authorities: texts[2])
        if let objection = made.objection {
            refuse("tls_cert", "the files of tls_cert, tls_key and tls_client_ca cannot be used together: \(objection)")
        }
        return made
    }

    /// Checks the address: that it is one, and a loopback address where there is no TLS.
    package func checkAddress(_ refuse: Refusal) {
        guard let listen else { return }
        guard let address = IPAddress(listen.host) else {
            return refuse("listen", "'\(listen.host)' is not an IPv4 or IPv6 address; write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6")
        }
        if !address.isLoopback, certificate == nil {
            refuse(
                "listen", "\(listen.host) is not a loopback address, so tls_cert and tls_key are needed: tokens would be sent in clear text"
            )
        }
    }

    /// The text of a file; nil where it cannot be read.
    package static func read(_ path: String, _ key: String, _ refuse: Refusal) -> String? {
        let reason: String
        do throws(RegularFile.Failure) {
            return String(decoding: try RegularFile.read(path, limit: largestFile).bytes, as: UTF8.self)
        } catch {
            switch error {
            case .unreadable(let code): reason = errorText(code)
            case .notRegular: reason = "it is not a regular file"
            case .tooLarge(let limit): reason = "it has more than \(limit) bytes"
            }
        }
        refuse(key, "\(path) cannot be read: \(reason)")
        return nil
    }
}

extension IPAddress {
    /// Whether it is one of this host alone.
    package var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}
