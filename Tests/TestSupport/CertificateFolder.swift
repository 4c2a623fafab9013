/// Certificates with their keys, made by openssl, in a folder that ends with this value.
package final class CertificateFolder: Sendable {
    private let folder: TemporaryFolder

    /// An empty folder.
    package init() throws { folder = try TemporaryFolder() }

    /// The file of a certificate, in PEM.
    package func file(_ name: String) -> String { folder.file("\(name).pem") }

    /// The file of the key of a certificate, in PEM.
    package func key(_ name: String) -> String { folder.file("\(name).key") }

    /// Makes an authority.
    package func makeAuthority(_ name: String) throws {
        try make(name, "/CN=\(name)", extensions: "basicConstraints=critical,CA:TRUE")
    }

    /// Makes a certificate.
    ///
    /// - Parameters:
    ///   - subject: such as `/CN=alice`.
    ///   - authority: the name of the certificate that signs it; nil for itself.
    ///   - days: for how long it is good from now on; less than 1 for one that has expired.
    ///   - extensions: such as `subjectAltName=IP:127.0.0.1`.
    package func make(
        _ name: String, _ subject: String, signedBy authority: String? = nil, days: Int = 2, extensions: String...
    ) throws {
        let request = folder.file("\(name).csr")
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key(name)]
        try openssl(["req", "-subj", subject, "-out", request] + key + extensions.flatMap { ["-addext", $0] })
        let signer = authority.map { ["-CA", file($0), "-CAkey", self.key($0), "-CAcreateserial"] } ?? ["-signkey", self.key(name)]
        try openssl(["x509", "-req", "-in", request, "-days", "\(days)", "-copy_extensions", "copyall", "-out", file(name)] + signer)
    }

    private func openssl(_ arguments: [String]) throws { _ = try runProgram("/usr/bin/openssl", arguments) }
}
