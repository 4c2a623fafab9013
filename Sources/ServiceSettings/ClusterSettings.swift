package import DaemonSupport
package import Etcd
import HostSystem

/// What `[cluster]` says: which etcd the hosts of a cluster share, and what this host is there.
package struct ClusterSettings: Equatable, Sendable {
    /// The members of etcd; none where this host is alone.
    package var endpoints: [EtcdEndpoint] = []
    /// A file of PEM certificates of the authorities that etcd's certificates are verified by; nil for those of the system.
    package var authorities: String?
    /// The file of the certificate that this host shows to etcd.
    package var certificate: String?
    /// The file of its key.
    package var key: String?
    /// Who logs in to etcd; nil where its authentication is off.
    package var user: String?
    /// The file that has the password.
    package var passwordFile: String?
    /// The name of the cluster, which is a part of all keys.
    package var name = "default"
    /// The id of this host; nil for the host name.
    package var host: String?
    /// T: the seconds of silence until another host takes over.
    package var takeover = 5.0
    /// Whether the virtual IPs are given up when the worker stops.
    package var releasesOnStop = true

    /// No cluster.
    package init() {}

    /// The id of this host.
    package var hostID: String { host ?? hostName() }
}

/// The settings of a program that has a section `[cluster]`.
package protocol ClusteredSettings: ProgramSettings {
    /// The section.
    var cluster: ClusterSettings { get set }
}

extension ClusterSettings {
    /// The settings of the section that name the etcd.
    ///
    /// - Parameter purpose: what the etcd is for, and what is without one.
    package static func etcdTable<Settings: ClusteredSettings>(of _: Settings.Type, purpose: String) -> [Setting<Settings>] {
        [
            Setting("cluster", "etcd", "URL", purpose, list: \.cluster.endpoints, .endpoint),
            Setting(
                "cluster", "etcd_ca", "FILE", "the authorities that etcd's certificates are verified by; without it, the system's",
                optional: \.cluster.authorities, .path),
            Setting("cluster", "etcd_cert", "FILE", "the certificate that is shown to etcd", optional: \.cluster.certificate, .path),
            Setting("cluster", "etcd_key", "FILE", "the key of that certificate", optional: \.cluster.key, .path),
            Setting("cluster", "etcd_user", "NAME", "the user of etcd", optional: \.cluster.user, .text),
            Setting(
                "cluster", "etcd_password_file", "FILE", "the file with the user's password", optional: \.cluster.passwordFile, .path),
            Setting("cluster", "name", "NAME", "the name of the cluster", \.cluster.name, .part(of: "a name of a cluster")),
        ]
    }

    /// How etcd is reached. A file of a password is read.
    ///
    /// - Throws: what cannot be used.
    package func etcd() throws(StartupFailure) -> EtcdConfiguration {
        var etcd = EtcdConfiguration(endpoints: endpoints)
        etcd.authorities = authorities
        if let certificate, let key { etcd.certificate = (certificate, key) }
        if let user, let passwordFile {
            let password = try PasswordFile.read(passwordFile, of: "[cluster] etcd_password_file")
            etcd.user = .init(name: user, password: password)
        }
        return etcd
    }

    /// Looks for keys that need another one.
    ///
    /// - Parameter file: the configuration file, for the places of the mistakes; nil where there is none.
    /// - Throws: all that is wrong.
    package func check(in file: ConfigurationFile?) throws(StartupFailure) {
        func place(_ key: String, _ sentence: String) -> StartupFailure {
            guard let file, let line = file.line(section: "cluster", key: key) else { return StartupFailure(.config, sentence) }
            return file.failure(line, sentence)
        }
        var mistakes = Mistakes()
        let needed = [
            ("etcd_cert", certificate, "etcd_key", key), ("etcd_key", key, "etcd_cert", certificate),
            ("etcd_user", user, "etcd_password_file", passwordFile), ("etcd_password_file", passwordFile, "etcd_user", user),
        ]
        for (name, value, other, otherValue) in needed where value != nil && otherValue == nil {
            mistakes.add(place(name, "\(name): it needs \(other) too"))
        }
        let isSecure = endpoints.contains(where: \.isSecure)
        if isSecure, endpoints.contains(where: { !$0.isSecure }) {
            mistakes.add(place("etcd", "etcd: some endpoints are https, and others http: the cluster is not protected; use one of both"))
        }
        if !isSecure {
            for (name, value) in [("etcd_ca", authorities), ("etcd_cert", certificate)] where value != nil {
                mistakes.add(place(name, "\(name): no endpoint is https; write https://HOST:PORT in etcd"))
            }
        }
        try mistakes.check()
    }
}

extension ValueForm where Value == EtcdEndpoint {
    /// A member of etcd.
    package static var endpoint: Self {
        Self { text throws(BadValue) in
            do throws(EtcdError) { return try EtcdEndpoint(text) } catch { throw BadValue(error.message) }
        } write: {
            $0.description
        }
    }
}

extension ValueForm where Value == String {
    /// A part of the keys in etcd: what identifies a host or a cluster.
    package static func part(of what: String) -> Self {
        Self { text throws(BadValue) in
            let isPart = (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }
            guard isPart else {
                throw BadValue("'\(text)' is not \(what): 1 to 255 printable characters of ASCII, no blank, no slash")
            }
            return text
        } write: {
            $0
        }
    }
}
