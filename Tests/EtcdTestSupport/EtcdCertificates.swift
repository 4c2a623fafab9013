import TestSupport

/// Certificates for a cluster with TLS and for its clients, signed by an authority of their own.
package final class EtcdCertificates: Sendable {
    private let folder: TemporaryFolder
    private let asksClients: Bool

    /// Makes them.
    ///
    /// - Parameters:
    ///   - server: what the extended key usage of the members' certificate is.
    ///   - asksClients: whether the members want a certificate of each client.
    package init(server: String = "serverAuth,clientAuth", asksClients: Bool = false) throws {
        folder = try TemporaryFolder()
        self.asksClients = asksClients
        try make("authority", "/CN=authority", ["-addext", "basicConstraints=critical,CA:TRUE"])
        let signed = ["-CA", authority, "-CAkey", folder.file("authority.key")]
        try make("server", "/CN=etcd", signed + ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=\(server)"])
        try make("named", "/CN=lbaas", signed + ["-addext", "extendedKeyUsage=clientAuth"])
        try make("nameless", "/O=lbaas", signed + ["-addext", "extendedKeyUsage=clientAuth"])
        try make("stranger", "/O=lbaas", [])
    }

    private func make(_ name: String, _ subject: String, _ arguments: [String]) throws {
        let files = ["-keyout", folder.file("\(name).key"), "-out", folder.file("\(name).pem")]
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        _ = try runProgram("/usr/bin/openssl", ["req", "-x509", "-subj", subject] + key + files + arguments)
    }

    /// The certificate of the authority.
    package var authority: String { folder.file("authority.pem") }

    /// A certificate of a client, with its key: `named` has a common name, `nameless` has none, `stranger` is signed by nobody.
    package func client(_ name: String) -> (file: String, key: String) { (folder.file("\(name).pem"), folder.file("\(name).key")) }

    var serverArguments: [String] {
        let files = ["--cert-file", folder.file("server.pem"), "--key-file", folder.file("server.key")]
        return files + (asksClients ? ["--client-cert-auth", "--trusted-ca-file", authority] : [])
    }

    var clientArguments: [String] {
        let (file, key) = client("named")
        return ["--cacert", authority, "--cert", file, "--key", key]
    }
}
