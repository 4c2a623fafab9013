import Etcd
import Foundation
import Glibc
import Synchronization
import TestSupport

/// A cluster of Debian's etcd with its data in memory. The ports are free ones.
package final class EtcdCluster: Sendable {
    /// How the members are started, besides where they listen and what their names are.
    package struct Options: Sendable {
        /// How many members.
        package var members = 1
        /// The certificates of the members; nil for no TLS.
        package var certificates: EtcdCertificates?
        /// Further arguments of etcd.
        package var arguments: [String] = []

        /// One member without TLS, or so many.
        package init(members: Int = 1, certificates: EtcdCertificates? = nil, arguments: [String] = []) {
            (self.members, self.certificates, self.arguments) = (members, certificates, arguments)
        }
    }

    /// The members' addresses, in order.
    package let endpoints: [EtcdEndpoint]
    private let options: Options
    private let folder: TemporaryFolder
    private let ports: [(client: UInt16, peer: UInt16)]
    private let processes: Mutex<[ChildProcess?]>

    private init(_ options: Options) throws {
        self.options = options
        // A member takes 123 MB at once, and writes each change to the disk.
        folder = try FileManager.default.fileExists(atPath: "/dev/shm") ? TemporaryFolder(in: "/dev/shm") : TemporaryFolder()
        ports = try (0..<options.members).map { _ in (try freePort(), try freePort()) }
        let scheme = options.certificates == nil ? "http" : "https"
        endpoints = try ports.map { try EtcdEndpoint("\(scheme)://127.0.0.1:\($0.client)") }
        processes = Mutex(Array(repeating: nil, count: options.members))
    }

    /// Runs a body while the members run. Few members run at a time, for the memory that they take: the others wait.
    package static func run(_ options: Options = Options(), _ body: (EtcdCluster) async throws -> Void) async throws {
        try await eventually("memory for \(options.members) members of etcd") {
            running.withLock { $0.begin(options.members) }
        }
        defer { running.withLock { $0.end(options.members) } }
        let cluster = try EtcdCluster(options)
        let outcome: (any Error)?
        do {
            for member in cluster.endpoints.indices { try cluster.start(member) }
            try await cluster.isReady()
            try await body(cluster)
            outcome = nil
        } catch {
            outcome = error
        }
        for process in cluster.processes.withLock({ $0 }) { await process?.destroy() }
        if let outcome { throw outcome }
    }

    private static let running = Mutex(Running())

    /// What runs at a time: some single members, and one cluster of several.
    private struct Running: Sendable {
        private var members = 0
        private var clusters = 0

        mutating func begin(_ count: Int) -> Bool {
            if members > 0, members + count > 6 || (count > 1 && clusters > 0) { return false }
            members += count
            if count > 1 { clusters += 1 }
            return true
        }

        mutating func end(_ count: Int) {
            members -= count
            if count > 1 { clusters -= 1 }
        }
    }

    /// What a client needs to use it. With one member a request waits long for its answer, for no other could give it: a busy machine writes
    /// some megabytes in more than a second.
    package var configuration: EtcdConfiguration {
        var configuration = EtcdConfiguration(endpoints: endpoints)
        configuration.authorities = options.certificates?.authority
        if endpoints.count == 1 { (configuration.endpointLimit, configuration.requestLimit) = (.seconds(20), .seconds(30)) }
        return configuration
    }

    /// The ports of the members for clients, in order.
    package var clientPorts: [UInt16] { ports.map(\.client) }

    /// Starts a member, for the first time or again with its data.
    package func start(_ member: Int) throws {
        let scheme = options.certificates == nil ? "http" : "https"
        let (client, peer) = ("\(scheme)://127.0.0.1:\(ports[member].client)", "http://127.0.0.1:\(ports[member].peer)")
        let data = folder.file("m\(member)")
        let state = FileManager.default.fileExists(atPath: data) ? "existing" : "new"
        let process = try ChildProcess(
            "/usr/bin/etcd",
            [
                "--name", "m\(member)", "--data-dir", data, "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", peers,
                "--initial-cluster-state", state, "--heartbeat-interval", "50", "--election-timeout", "500", "--bcrypt-cost", "4",
                "--logger", "zap", "--log-outputs", "stderr", "--log-level", "warn",
            ] + (options.certificates?.serverArguments ?? []) + options.arguments,
            folder: folder.path, output: folder.file("m\(member).out"), errors: folder.file("m\(member).log"))
        processes.withLock { $0[member] = process }
    }

    /// The members as they know each other.
    private var peers: String {
        ports.enumerated().map { "m\($0.offset)=http://127.0.0.1:\($0.element.peer)" }.joined(separator: ",")
    }

    /// Saves what the cluster has, for `restore`.
    package func saveSnapshot() async throws { try await control("snapshot", "save", folder.file("snapshot")) }

    /// Gives a member that does not run the data that were saved. All members are restored before one is started.
    package func restore(_ member: Int) async throws {
        let data = folder.file("m\(member)")
        try FileManager.default.removeItem(atPath: data)
        try await control(
            "snapshot", "restore", folder.file("snapshot"), "--name", "m\(member)", "--data-dir", data, "--initial-cluster", peers,
            "--initial-advertise-peer-urls", "http://127.0.0.1:\(ports[member].peer)")
    }

    /// Waits until every member serves requests.
    package func isReady() async throws {
        for (member, endpoint) in endpoints.enumerated() {
            var configuration = configuration
            configuration.endpoints = [endpoint]
            // With authentication or client certificates only a refusal is to be had, which is an answer too.
            let client = try EtcdClient(configuration)
            try await eventually("member \(member) of etcd") {
                if let end = processes.withLock({ $0[member] })?.ended { throw Failure("etcd ended with \(end): \(log(of: member))") }
                return try await onThread {
                    do {
                        _ = try client.range(.key("/"), within: .seconds(1))
                        return true
                    } catch let error as EtcdError {
                        return ![.unreachable, .timedOut, .unavailable].contains(error.code) || error.message.contains("clientAuth")
                    }
                }
            }
        }
    }

    /// Whether a member runs.
    package func isRunning(_ member: Int) -> Bool { processes.withLock { $0[member] }.map { $0.ended == nil } ?? false }

    /// Ends a member at once.
    package func kill(_ member: Int) async {
        let process = processes.withLock { $0[member] }
        await process?.destroy()
    }

    /// Stops a member: it takes connections and answers nothing.
    package func freeze(_ member: Int) async throws {
        guard let process = processes.withLock({ $0[member] }) else { return }
        process.send(SIGSTOP)
        // Its threads stop one by one.
        try await eventually("the stop of member \(member)") {
            let threads = "/proc/\(process.pid)/task"
            return try FileManager.default.contentsOfDirectory(atPath: threads).allSatisfy { thread in
                let state = try String(contentsOfFile: "\(threads)/\(thread)/stat", encoding: .utf8)
                return state.split(separator: ")").last?.hasPrefix(" T") ?? false
            }
        }
    }

    /// Lets a member go on.
    package func thaw(_ member: Int) { processes.withLock { $0[member] }?.send(SIGCONT) }

    /// The place of the leader among the members that answer.
    package func leader() async throws -> Int {
        let client = try EtcdClient(configuration)
        var leader: Int?
        try await eventually("a leader") {
            leader = try await onThread {
                client.endpoints.firstIndex { (try? client.status(of: $0, within: .milliseconds(500)))?.isLeader ?? false }
            }
            return leader != nil
        }
        guard let leader else { throw Failure("no leader") }
        return leader
    }

    /// Runs a command of etcdctl on all members that are named, by default the first, and answers what it writes.
    @discardableResult
    package func control(_ arguments: String..., on members: [Int] = [0]) async throws -> String {
        let endpoints = members.map { self.endpoints[$0].description }.joined(separator: ",")
        let words = ["--endpoints", endpoints] + (options.certificates?.clientArguments ?? []) + arguments
        return try await onThread { try runProgram("/usr/bin/etcdctl", words) }
    }

    /// Puts bytes until the database of the cluster is full, which `--quota-backend-bytes` limits.
    package func fill() async throws {
        let client = try EtcdClient(configuration)
        try await eventually("a full database") {
            try await onThread {
                do throws(EtcdError) {
                    try client.put("/big", [UInt8](repeating: 7, count: 1 << 20))
                    return false
                } catch {
                    return error.code == .noSpace
                }
            }
        }
    }

    /// Makes room in a full database of a cluster with one member, and lets it take changes again.
    package func makeRoom() async throws {
        let client = try EtcdClient(configuration)
        let revision = try await onThread { try client.range(.key("/big")).revision }
        try await control("compaction", "\(revision)")
        try await control("defrag")
        try await control("alarm", "disarm")
    }

    /// Turns authentication on, with the users `root` and `lbaas`, whose passwords are `secret`. `lbaas` may use keys below `/lbaas/`.
    package func turnOnAuthentication() async throws {
        for user in ["root", "lbaas"] { try await control("user", "add", "\(user):secret") }
        try await control("user", "grant-role", "root", "root")
        try await control("role", "add", "lbaas")
        try await control("role", "grant-permission", "lbaas", "--prefix=true", "readwrite", "/lbaas/")
        try await control("user", "grant-role", "lbaas", "lbaas")
        try await control("auth", "enable")
    }

    /// What a member has logged.
    package func log(of member: Int) -> String {
        (try? String(contentsOfFile: folder.file("m\(member).log"), encoding: .utf8)) ?? ""
    }
}
