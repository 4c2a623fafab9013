import Glibc
import HostSystem
import Kubernetes
import LBaaS
import Synchronization

/// The files in the state folder that have the objects of the cluster as they were last, so that a start without an API server goes on serving,
/// and what of them was served, so that a start with another configuration or other addresses of the host removes what it does not serve.
final class ClusterSnapshot: Sendable {
    private let path: String
    private let servedPath: String
    /// What was noted as served since `forgetNoted` was called last.
    private let noted = Mutex<[UInt8]>([])

    /// So many bytes of objects are read and written at a time.
    private static let part = 1 << 16
    /// The most bytes of what was served.
    private static let largestServed = 256 << 20

    /// - Parameter folder: the state folder.
    init(folder: String) { (path, servedPath) = (folder + "/kubernetes.json", folder + "/kubernetes-served") }

    /// Whether there is one.
    var exists: Bool { [path, servedPath].contains { (path: String) in unsafe access(path, F_OK) == 0 } }

    /// How many bytes it has; 0 where there is none.
    var size: Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Reads the objects.
    ///
    /// - Parameter receive: gets them one after another.
    /// - Returns: whether there are some.
    /// - Throws: where it cannot be read, with a sentence. Then what `receive` got is not all.
    func read(_ receive: (ClusterObject) -> Void) throws(KubernetesError) -> Bool {
        let file = Descriptor(owning: unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))
        if file.number < 0, errno == ENOENT { return false }
        guard file.number >= 0 else { throw failure("cannot open \(path)") }
        do throws(KubernetesError) {
            var reader = try ManifestText.Reader()
            var part = [UInt8](repeating: 0, count: Self.part)
            while true {
                let count = unsafe Glibc.read(file.number, &part, part.count)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { throw failure("cannot read it") }
                if count == 0 { break }
                try reader.read(part[..<count], receive)
            }
            try reader.end()
            return true
        } catch {
            throw KubernetesError(error.code, "\(path): \(error.message)")
        }
    }

    /// Reads what was served: load balancers without nodes, none where there is no such file.
    ///
    /// - Parameter isLeftOut: of which it is not asked, by identity and firewall mark.
    /// - Throws: where it cannot be read, with a sentence.
    func served(except isLeftOut: (LoadBalancerID, UInt32?) -> Bool = { _, _ in false }) throws(KubernetesError) -> [LoadBalancer] {
        let text: [UInt8]
        do throws(RegularFile.Failure) {
            text = try RegularFile.read(servedPath, limit: Self.largestServed).bytes
        } catch {
            if error == .unreadable(ENOENT) { return [] }
            throw KubernetesError(.unreadable, "\(servedPath) cannot be read: \(error.words)")
        }
        var found: Set<LoadBalancer> = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            // Mostly it is served still: then no more than this is read of it.
            let fields = line.split(separator: UInt8(ascii: " "))
            guard fields.count == 4 || fields.count == 5 else { continue }
            let mark = fields.count == 5 ? UInt32(String(decoding: fields[4], as: UTF8.self)) : nil
            if isLeftOut(LoadBalancerID(String(decoding: fields[0], as: UTF8.self)), mark) { continue }
            if let balancer = LoadBalancer(line: String(decoding: line, as: UTF8.self)) { found.insert(balancer) }
        }
        return Array(found)
    }

    /// Notes load balancers before they are served. A crash of this process loses none; one of the host does, and what it served with them.
    ///
    /// A failure is not told: `write` will fail, too.
    func note(serving loadBalancers: [LoadBalancer]) {
        let text = Self.lines(loadBalancers)
        if text.isEmpty { return }
        noted.withLock { noted in
            noted += text
            let file = Descriptor(owning: unsafe open(servedPath, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0o600))
            if file.number >= 0 { try? write(text, to: file.number) }
        }
    }

    /// Takes it that what was noted is among the load balancers of the next `write`.
    func forgetNoted() { noted.withLock { $0 = [] } }

    /// Writes the objects of a table, and what is served of them. What is there is replaced as a whole, the objects when they are on disk.
    ///
    /// - Throws: where it cannot be written, with a sentence.
    func write(_ table: ClusterTable, serving loadBalancers: [LoadBalancer]) throws(KubernetesError) {
        let served = Self.lines(loadBalancers)
        try noted.withLock { noted throws(KubernetesError) in
            try replace(servedPath) { file throws(KubernetesError) in try write(served + noted, to: file) }
        }
        try replace(path) { file throws(KubernetesError) in
            try ManifestText.write(table, inPartsOf: Self.part) { text throws(KubernetesError) in try write(text, to: file) }
            guard fsync(file) == 0 else { throw failure("cannot write \(path)") }
        }
    }

    private static func lines(_ loadBalancers: [LoadBalancer]) -> [UInt8] { Array(loadBalancers.compactMap(\.line).joined().utf8) }

    private func replace(_ path: String, by write: (Int32) throws(KubernetesError) -> Void) throws(KubernetesError) {
        let new = path + ".new"
        let file = Descriptor(owning: unsafe open(new, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o600))
        guard file.number >= 0 else { throw failure("cannot open \(new)") }
        try write(file.number)
        guard unsafe rename(new, path) == 0 else { throw failure("cannot rename \(new)") }
    }

    private func write(_ text: [UInt8], to file: Int32) throws(KubernetesError) {
        var place = 0
        while place < text.count {
            let count = unsafe text.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress?.advanced(by: place), text.count - place)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("cannot write what is kept of the cluster")
            }
            place += count
        }
    }

    /// Removes them.
    func remove() { for path in [path, servedPath] { unsafe unlink(path) } }

    private func failure(_ what: String) -> KubernetesError {
        KubernetesError(.unreadable, "\(what): \(HostSystem.errorText(errno))")
    }
}

extension LoadBalancer {
    /// Its identity and where it listens: `k8s:shop/web/80-tcp/10.96.0.10 tcp 10.96.0.10 80`, and a mark where it has one.
    fileprivate var line: String? {
        guard let address else { return nil }
        return "\(id.text) \(listener.transport.rawValue) \(address) \(port)\(firewallMark.map { " \($0)" } ?? "")\n"
    }

    /// A load balancer without nodes; nil where the line is none.
    fileprivate init?(line: String) {
        let fields = line.split(separator: " ")
        guard fields.count == 4 || fields.count == 5, let address = IPAddress(String(fields[2])), let port = UInt16(fields[3]) else {
            return nil
        }
        let transports: [Substring: ServiceProtocol] = ["tcp": .tcp, "udp": .udp, "sctp": .sctp]
        guard let transport = transports[fields[1]] else { return nil }
        self.init(id: LoadBalancerID(String(fields[0])), serviceProtocol: transport, address: address, port: port)
        if fields.count == 5 {
            guard let mark = UInt32(fields[4]) else { return nil }
            firewallMark = mark
        }
    }
}
