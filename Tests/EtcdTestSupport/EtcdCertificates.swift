import TestSupport

/// Certificates for a cluster with TLS and for its clients, signed by an authority of their own.
package final class EtcdCertificates: Sendable {
    private let folder: CertificateFolder
    private let asksClients: Bool

    /// Makes them.
    ///
    /// - Parameters:
    ///   - server: what the extended key usage of the members' certificate is.
    ///   - asksClients: whether the members want a certificate of each client.
    package init(server: String = "serverAuth,clientAuth", asksClients: Bool = false) throws {
        folder = try CertificateFolder()
        self.asksClients = asksClients
        try folder.makeAuthority("authority")
        try folder.make(
            "server", "/CN=etcd", signedBy: "authority", extensions: "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=\(server)")
        try folder.make("named", "/CN=lbaas", signedBy: "authority", extensions: "extendedKeyUsage=clientAuth")
        try folder.make("nameless", "/O=lbaas", signedBy: "authority", extensions: "extendedKeyUsage=clientAuth")
        try folder.make("stranger", "/O=lbaas")
    }

    /// The certificate of the authority.
    package var authority: String { folder.file("authority") }

    /// A certificate of a client, with its key: `named` has a common name, `nameless` has none, `stranger` is signed by nobody.
    package func client(_ name: String) -> (file: String, key: String) { (folder.file(name), folder.key(name)) }

    var serverArguments: [String] {
        let files = ["--cert-file", folder.file("server"), "--key-file", folder.key("server")]
        return files + (asksClients ? ["--client-cert-auth", "--trusted-ca-file", authority] : [])
    }

    var clientArguments: [String] {
        let (file, key) = client("named")
        return ["--cacert", authority, "--cert", file, "--key", key]
    }
}
