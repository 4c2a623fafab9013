import JobQueue

/// The settings. The command line, the configuration file and the help all come from this one table.
enum SettingsTable {
    /// Every setting, in the order of the help.
    static let all: [Setting] = [
        Setting(
            "worker", "driver", option: "driver", "NAME", "the driver of the load balancer; --list-drivers names them",
            \.driver, .text),
        Setting(
            "gearman", "servers", option: "server", "HOST:PORT", "a job server, IPv6 in brackets; may be given several times",
            list: \.servers, .address(defaultPort: JobServer.defaultPort)),
        Setting(
            "gearman", "function", option: "function", "NAME", "the Gearman function to serve; without it, the host name",
            optional: \.function, .function),
        Setting(
            "gearman", "concurrency", option: "concurrency", "N", "how many connections to each job server take jobs",
            \.concurrency, .wholeNumber(1...1024)),
        Setting(
            "gearman", "reconnect_sleep", option: "reconnect-sleep", "SECONDS", "the longest time between two tries to reach a job server",
            \.reconnectSleep, .seconds(atLeast: 0.1)),
        Setting(
            "gearman", "keepalive", "true|false", "whether idle connections are probed, so that a dead one is noticed",
            \.heartbeat.isOn, .truth),
        Setting(
            "gearman", "keepidle", "SECONDS", "how long a connection is idle before it is probed",
            \.heartbeat.idle, .seconds(atLeast: 0.1)),
        Setting(
            "gearman", "keepintvl", "SECONDS", "how long to wait for the answer to a probe, times keepcnt",
            \.heartbeat.interval, .seconds(atLeast: 0.1)),
        Setting(
            "gearman", "keepcnt", "N", "how many such times to wait before the connection counts as dead",
            \.heartbeat.count, .wholeNumber(1...100)),
        Setting(
            "worker", "state_dir", option: "state-dir", "DIRECTORY", "where the state is kept; 'none' keeps it in memory",
            \.stateDirectory, .textOrNone),
        Setting(
            "worker", "shutdown_timeout", option: "shutdown-timeout", "SECONDS", "how long jobs in hand may take after SIGTERM",
            \.shutdownTimeout, .seconds(atLeast: 0)),
        Setting(
            "worker", "diagnostics_target", option: "diagnostics-target", "HOST:PORT", "what the network probe of DIAGNOSTICS connects to",
            optional: \.diagnosticsTarget, .address()),
        Setting(
            "health", "programs", "PATH", "the programs that monitors of type EXEC may run",
            list: \.checkPrograms, .path),
        Setting(
            "health", "ca_file", "FILE", "the authorities that checks by TLS trust; without it, the system's",
            optional: \.checkAuthorities, .path),
        Setting(
            "DEFAULT", "log_level", option: "log-level", "LEVEL", "the least level to log: debug, info, warning or error",
            \.logLevel, .name),
        Setting(
            "DEFAULT", "log_format", option: "log-format", "FORMAT", "how log lines are written: text or json",
            \.logFormat, .name),
        Setting(
            "worker", "pid", option: "pid", "FILE", "the file to keep the process id in",
            optional: \.pidFile, .text),
        Setting(
            "DEFAULT", "user", option: "user", "NAME", "the user to become, when started as root",
            optional: \.user, .text),
        Setting(
            "DEFAULT", "group", option: "group", "NAME", "the group to become; without it, the user's own groups",
            optional: \.group, .text),
    ]

    /// The sections of the configuration file, without those of the drivers.
    static let sections = ["DEFAULT", "gearman", "worker", "health"]

    /// The setting of a key in the configuration file.
    static func setting(section: String, key: String) -> Setting? {
        all.first { $0.section == section && $0.key == key }
    }
}

/// Encryption to the job server, which the original offered and this program refuses.
enum TLS {
    /// Whether a key of `[gearman]` asks for it.
    static func isAsked(key: String) -> Bool { ["ssl_ca", "ssl_cert", "ssl_key"].contains(key) }

    /// Whether a word of the command line asks for it.
    static func isAsked(argument: String) -> Bool { argument.hasPrefix("--ssl") }

    /// Why it is refused, and what to do instead.
    static let refusal = """
        no job server of Debian's has TLS, and a certificate that nobody looks at is worse than none; \
        run a TLS tunnel such as stunnel and point --server at it
        """
}
