import Coordination
import DaemonSupport
import Etcd
import HostSystem
import LBaaS

/// What `[cluster]` says: among which hosts the virtual IPs are shared.
struct ClusterSettings: Equatable {
    /// The members of etcd; none where this host is alone.
    var endpoints: [EtcdEndpoint] = []
    /// A file of PEM certificates of the authorities that etcd's certificates are verified by; nil for those of the system.
    var authorities: String?
    /// The file of the certificate that this host shows to etcd.
    var certificate: String?
    /// The file of its key.
    var key: String?
    /// Who logs in to etcd; nil where its authentication is off.
    var user: String?
    /// The file that has the password.
    var passwordFile: String?
    /// The name of the cluster, which is a part of all keys.
    var name = "default"
    /// The id of this host; nil for the host name.
    var host: String?
    /// T: the seconds of silence until another host takes over.
    var takeover = 5.0
    /// Whether the virtual IPs are given up when the worker stops.
    var releasesOnStop = true

    /// The id of this host.
    var hostID: String { host ?? hostName() }
}

extension ClusterSettings {
    /// The most bytes that a file of a password may have.
    private static let longestPassword = 4096

    /// Who decides about the virtual IPs: this host alone, or the hosts of a cluster. It does nothing before it is started.
    ///
    /// - Throws: what cannot be used. A file of a password is read.
    func coordination(log: Log) throws(StartupFailure) -> any Coordination {
        if endpoints.isEmpty { return SingleHost(host: hostID) }
        var etcd = EtcdConfiguration(endpoints: endpoints)
        etcd.authorities = authorities
        if let certificate, let key { etcd.certificate = (certificate, key) }
        if let user, let passwordFile { etcd.user = .init(name: user, password: try password(passwordFile)) }
        var settings = EtcdCoordination.Settings(etcd: etcd, prefix: "/lbaas/\(name)/vip/", host: hostID)
        settings.takeover = .seconds(takeover)
        settings.log = log
        do throws(CoordinationError) {
            return try EtcdCoordination(settings)
        } catch {
            throw StartupFailure(.config, "[cluster] \(error.message)")
        }
    }

    /// The first line of the file.
    private func password(_ path: String) throws(StartupFailure) -> String {
        let bytes: [UInt8]
        do throws(RegularFile.Failure) {
            bytes = try RegularFile.read(path, limit: Self.longestPassword).bytes
        } catch {
            throw StartupFailure(
                .config, "[cluster] etcd_password_file: \(quoted(path)) cannot be used: \(CertificateFiles.Failure.file(error))")
        }
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty, !line.contains(0), let password = String(validating: line, as: UTF8.self) else {
            throw StartupFailure(
                .config, "[cluster] etcd_password_file: the first line of \(quoted(path)) is no password: it is empty, or no text in UTF-8")
        }
        return password
    }

    /// Looks for keys that need another one.
    ///
    /// - Parameter place: the failure of a key, with its place in the configuration file.
    /// - Throws: all that is wrong.
    func check(_ place: (_ key: String, _ sentence: String) -> StartupFailure) throws(StartupFailure) {
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
    static var endpoint: Self {
        Self { text throws(BadValue) in
            do throws(EtcdError) { return try EtcdEndpoint(text) } catch { throw BadValue(error.message) }
        } write: {
            $0.description
        }
    }
}

extension ValueForm where Value == String {
    /// A part of the keys in etcd: what identifies a host or a cluster.
    static func part(of what: String) -> Self {
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

extension ValueForm where Value == Double {
    /// The takeover time.
    static var takeover: Self {
        let seconds = ValueForm.seconds(atLeast: 1)
        return Self { text throws(BadValue) in
            guard let number = try? seconds.read(text), number <= 60 else {
                throw BadValue("'\(text)' is not a number of seconds from 1 to 60")
            }
            return number
        } write: {
            seconds.write($0)
        }
    }
}
