import DaemonSupport
import JobQueue
import LBaaS
import ServiceSettings

/// The settings of the server. The command line, the configuration file and the help all come from this one table.
enum SettingsTable {
    /// Every setting, in the order of the help.
    static let all = server + cluster + daemon

    private static let server: [Setting<Settings>] = [
        Setting(
            "server", "listen", option: "listen", "ADDRESS:PORT", "where the server listens; needs TLS where it is not loopback",
            optional: \.listener.listen, .address()),
        Setting("server", "tls_cert", "FILE", "the certificate of the server", optional: \.listener.certificate, .path),
        Setting("server", "tls_key", "FILE", "the key of the certificate", optional: \.listener.key, .path),
        Setting(
            "server", "public_url", "URL", "where clients reach the server; without it, by the name that they use",
            optional: \.publicURL, .publicURL),
        Setting(
            "server", "trusted_proxies", "ADDRESS", "proxies before the server, which name clients in X-Forwarded-For",
            list: \.trustedProxies, .addresses),
        Setting(
            "server", "store", option: "store", "STORE", "what the fleet is kept in: sqlite:FOLDER, etcd (of [cluster]), or memory",
            \.store, .store),
        Setting(
            "server", "threads", "N", "how many requests wait for the store at a time",
            \.threads, .wholeNumber(1...256)),
        Setting(
            "server", "shutdown_timeout", option: "shutdown-timeout", "SECONDS", "how long requests in hand may take after SIGTERM",
            \.shutdownTimeout, .seconds(atLeast: 0)),
        Setting(
            "auth", "token_validity", "SECONDS", "how long a token is valid",
            \.tokenValidity, .wholeNumber(60...31_536_000)),
        Setting(
            "auth", "session_limit", "SECONDS", "how long a session of a browser lasts at most, however much it is used",
            \.sessionLimit, .wholeNumber(60...31_536_000)),
        Setting(
            "auth", "hash_ops", "N", "how often the memory of a password's hash is gone through",
            \.hashOperations, .wholeNumber(1...100)),
        Setting("auth", "hash_memory", "MIB", "the memory of a password's hash in MiB", \.hashMemory, .wholeNumber(1...1024)),
        Setting(
            "gearman", "servers", option: "server", "HOST:PORT", "a job server, IPv6 in brackets; may be given several times",
            list: \.jobServers, .address(defaultPort: JobServer.defaultPort)),
    ]

    private static let cluster = ClusterSettings.etcdTable(
        of: Settings.self, purpose: "the members of etcd that the store is in, where `store` is etcd")

    private static let daemon = Settings.daemonTable(section: "server")
}

/// What the server's command line and configuration file may say.
func serverDefinition(defaultFile: String = "/etc/lbaas/server.conf") -> ProgramDefinition<Settings> {
    ProgramDefinition(
        name: "lbaas-server",
        summary: "Serves the API of a fleet of load-balancer workers, and drives them through Gearman job servers.",
        defaultFile: defaultFile, settings: SettingsTable.all, commands: [UserCommand.definition, FleetCommand.definition],
        sectionKinds: [.init(GroupSection.prefix, isPrefix: true, keys: GroupSection.keys)])
}
