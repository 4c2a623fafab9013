import DaemonSupport
import FleetAuth
import Glibc
import HTTPServer
import HostSystem
import JobQueue
import LBaaS
import ServiceSettings

/// The wiring: makes the services from the settings, and runs them.
enum Server {
    /// Serves until a signal ends it.
    ///
    /// - Returns: how the process ends.
    static func run(_ settings: Settings, version: String) throws(StartupFailure) -> ExitCode {
        useOneHeap()
        // Before the first thread, for each takes over what its maker blocks.
        let signals = try Signals()
        // What is made is for this user alone, and a narrower mask of the unit's stays.
        umask(umask(0o077) | 0o077)
        let output = try LogOutput(style: LogOutput.style(settings.logFormat))
        defer { output.flush(within: .seconds(1)) }
        let log = output.log(level: settings.logLevel)
        // The key of the certificate may be for root alone.
        let listener = try settings.tcpListener(in: nil)
        try Privileges.look(user: settings.user, group: settings.group)?.assume()
        // As the user that removes it at the end.
        let pidFile = try makePidFile(settings)
        let monitor = ProgressMonitor()
        let parts = try FleetParts(settings, log: log)
        warnOfEmptiness(parts)
        let id = DispatchService.makeID()
        // It follows the cache from its beginning.
        let dispatch = DispatchService(parts, id: id)
        let services: [any DaemonService] = [
            CacheService(parts.cache), dispatch, WorkService(parts.work), WebService(parts, listener),
        ]
        var daemon = Daemon(signals: signals, monitor: monitor, stopTimeout: .seconds(settings.shutdownTimeout), log: log)
        let exitCode = try daemon.run(services) {
            log.write(
                .info, "started",
                [
                    ("version", version), ("id", id), ("store", ValueForm<StoreChoice>.store.write(settings.store)),
                    ("servers", settings.jobServers.map(\.description).joined(separator: " ")), ("groups", String(parts.groups.count)),
                ])
        }
        pidFile?.remove()
        return exitCode
    }

    private static func makePidFile(_ settings: Settings) throws(StartupFailure) -> PidFile? {
        guard let path = settings.pidFile else { return nil }
        return try PidFile(path)
    }

    /// Logs what makes the server useless, and is likely forgotten. A store that does not answer now is no reason not to start.
    private static func warnOfEmptiness(_ parts: FleetParts) {
        if (try? parts.accounts.isEmpty()) == true {
            parts.log.write(
                .warning, "there is no user, so nobody can log in; run lbaas-server user add NAME --role admin, which asks for a password")
        }
        if parts.groups.isEmpty {
            parts.log.write(.warning, "there is no [group:NAME] in the configuration file, so no load balancer can be made")
        }
    }

    /// Reads and checks the command line and the configuration file.
    ///
    /// - Throws: all mistakes.
    static func read(arguments: [String], of program: ProgramDefinition<Settings>) throws(StartupFailure) -> Invocation<Settings> {
        try program.read(arguments: arguments) { settings, _, file, isCheck throws(StartupFailure) in
            var mistakes = Mistakes()
            mistakes.collect { () throws(StartupFailure) in try settings.cluster.check(in: file) }
            mistakes.collect { () throws(StartupFailure) in try settings.checkStore(in: file) }
            mistakes.collect { () throws(StartupFailure) in _ = try settings.groups() }
            if isCheck { mistakes.collect { () throws(StartupFailure) in _ = try settings.tcpListener(in: file) } }
            try mistakes.check()
            if isCheck, settings.store == .etcd { _ = try settings.cluster.etcd() }
        }
    }

    /// What `--check-config` says where there is no configuration file.
    static let noFile = "there is no configuration file; the command line and the defaults are right"
}

extension Settings {
    /// What a key is at fault for, with its place in the configuration file.
    private func failure(_ section: String, _ key: String, _ sentence: String, in file: ConfigurationFile?) -> StartupFailure {
        guard let file, let line = file.line(section: section, key: key) else {
            return StartupFailure(.config, "\(configurationFile.map { "\($0): " } ?? "")[\(section)] \(key): \(sentence)")
        }
        return file.failure(line, "\(key): \(sentence)")
    }

    /// Where the server listens. The files of TLS are read.
    ///
    /// - Parameter file: the configuration file, for the lines of mistakes.
    func tcpListener(in file: ConfigurationFile?) throws(StartupFailure) -> TCPListener {
        var mistakes = Mistakes()
        let refuse: ListenerSettings.Refusal = { mistakes.add(failure("server", $0, $1, in: file)) }
        let tls = listener.tls(refuse)
        listener.checkAddress(refuse)
        try mistakes.check()
        guard let listen = listener.listen else { throw StartupFailure(.config, "[server] listen is missing") }
        var listener = TCPListener(address: listen.host, port: listen.port)
        listener.tls = tls
        if !trustedProxies.isEmpty {
            listener.trustedProxies = TrustedProxies { [trustedProxies] text in
                IPAddress(text).map { address in trustedProxies.contains { $0.contains(address) } } ?? false
            }
            // All clients come from the address of a proxy.
            listener.connectionsPerAddress = 0
        }
        return listener
    }

    /// Checks that a store in etcd has an etcd.
    fileprivate func checkStore(in file: ConfigurationFile?) throws(StartupFailure) {
        if store == .etcd, cluster.endpoints.isEmpty {
            throw failure("server", "store", "etcd: the section [cluster] has no etcd; name its members there", in: file)
        }
    }
}
