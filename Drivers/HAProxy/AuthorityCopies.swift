import Glibc
import HostSystem
import LBaaS
import Synchronization

/// The driver's own copies of the files of authorities that monitors name, which haproxy reads in their place.
///
/// haproxy refuses a configuration that names a file which it cannot read, and with it the changes of all others. So a file is copied
/// before a load, and where it cannot be used any more, what was read of it last holds. haproxy is told the folder of the copy: of a folder
/// it loads what it can, so whatever is in it, it makes no load fail. An empty one trusts nobody.
final class AuthorityCopies: Sendable {
    private let base: BaseConfiguration
    private let log: Log
    /// The files that could not be used the last time.
    private let broken = Mutex<Set<String>>([])

    /// How long all files together may take to be read.
    private static let longestRead: Duration = .seconds(2)

    init(_ base: BaseConfiguration, log: Log) {
        self.base = base
        self.log = log
    }

    /// Brings the copies for these load balancers up to date.
    ///
    /// - Returns: the files of which there is no copy and that cannot be used. Their folders are empty.
    func refresh(for loadBalancers: some Sequence<LoadBalancer>) throws(ApplianceError) -> Set<String> {
        let deadline = Deadline(in: Self.longestRead)
        var missing: Set<String> = []
        for path in Set(loadBalancers.compactMap(\.namedAuthorities)) {
            try makeFolder(base.authorities(path))
            var last: [UInt8]?
            do throws(ApplianceError) {
                let copy = copy(of: path)
                last = try copy.read()
                let bytes = try contents(of: path, until: deadline)
                if bytes != last || !copy.isPrivate { try copy.write(bytes) }
                broken.withLock { _ = $0.remove(path) }
            } catch {
                if last == nil { missing.insert(path) }
                tell(error.message, of: path, hasCopy: last != nil)
            }
        }
        return missing
    }

    private func contents(of path: String, until deadline: Deadline) throws(ApplianceError) -> [UInt8] {
        do throws(CertificateFiles.Failure) {
            return try CertificateFiles.contents(of: path, within: deadline.rest).get()
        } catch {
            throw ApplianceError(.system, error.description)
        }
    }

    /// Takes the copies away that none of these load balancers has.
    func keep(for loadBalancers: some Sequence<LoadBalancer>) {
        let kept = Set(loadBalancers.compactMap(\.namedAuthorities).map { base.authorities($0) })
        for folder in folders where !kept.contains(folder) {
            unsafe unlink(folder + Self.name)
            unsafe unlink(folder + Self.name + ".new")
            unsafe rmdir(folder)
        }
        if kept.isEmpty { unsafe rmdir(base.authoritiesFolder) }
    }

    private static let name = "/authorities.pem"

    private func copy(of path: String) -> WholeFile { WholeFile(path: base.authorities(path) + Self.name) }

    /// The folders of the copies that there are.
    private var folders: [String] {
        guard let stream = unsafe opendir(base.authoritiesFolder) else { return [] }
        defer { unsafe closedir(stream) }
        var folders: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { folders.append(base.authoritiesFolder + "/" + name) }
        }
        return folders
    }

    private func tell(_ failure: String, of path: String, hasCopy: Bool) {
        guard broken.withLock({ $0.insert(path).inserted }) else { return }
        log.write(
            .warning,
            "a file of certificates of authorities cannot be used; "
                + (hasCopy ? "what was read of it last holds" : "the checks that need it fail until it can"),
            [("file", path), ("error", failure)])
    }
}

extension LoadBalancer {
    /// The file of authorities that its monitor names; nil where it needs none.
    var namedAuthorities: String? {
        guard let monitor, monitor.kind == .https || monitor.kind == .tls, monitor.tls.isVerified else { return nil }
        return monitor.tls.authorities
    }
}

extension BaseConfiguration {
    /// Where the copies of files of authorities are. They outlive a restart of the host.
    var authoritiesFolder: String { WholeFile(path: configurationFile).folder + "/ca" }

    /// The folder of the copy of one file, which is what haproxy is told.
    func authorities(_ path: String) -> String { authoritiesFolder + "/" + Digest.name(of: path) }
}
