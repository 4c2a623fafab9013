import DaemonSupport
import JobQueue
import KnownDrivers
import KnownNotifiers
import LBaaS
import ServiceSettings

/// The settings of the worker. The command line, the configuration file and the help all come from this one table.
enum SettingsTable {
    /// Every setting, in the order of the help.
    static let all = own + cluster + daemon + APISettings.table + MetricsSettings.table

    private static let own: [Setting<Settings>] = [
        Setting(
            "worker", "driver", option: "driver", "NAME", "the driver of the load balancer; --list-drivers names them",
            \.driver, .text),
        Setting(
            "gearman", "servers", option: "server", "HOST:PORT", "a job server, IPv6 in brackets; may be given several times",
            list: \.servers, .address(defaultPort: JobServer.defaultPort), mayBeEmpty: true),
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
    ]

    private static let cluster: [Setting<Settings>] =
        ClusterSettings.etcdTable(
            of: Settings.self, purpose: "the members of etcd by which hosts share virtual IPs; without it, this host is alone") + [
            Setting(
                "cluster", "host", "ID", "the id of this host, which no other has; without it, the host name",
                optional: \.cluster.host, .part(of: "an id of a host")),
            Setting(
                "cluster", "takeover", "SECONDS", "how long a host is silent before another takes over",
                \.cluster.takeover, .takeover),
            Setting(
                "cluster", "release_on_stop", "true|false", "whether the virtual IPs are given up when the worker stops",
                \.cluster.releasesOnStop, .truth),
        ]

    private static let daemon = Settings.daemonTable(section: "worker")
}

/// What the worker's command line and configuration file may say, with these drivers and notifiers.
func workerDefinition(
    drivers: [DriverRegistration] = KnownDrivers.all, notifiers: [NotifierRegistration] = KnownNotifiers.all,
    defaultFile: String = "/etc/lbaas/lbaas.conf"
) -> ProgramDefinition<Settings> {
    ProgramDefinition(
        name: "lbaas-worker",
        summary: "Takes load-balancer jobs from Gearman job servers and makes a load balancer of this host be what they ask for.",
        defaultFile: defaultFile, settings: SettingsTable.all,
        requests: [
            .init(listDrivers, "name the drivers, and end"),
            .init(releaseVirtualIPs, needsSettings: true, "give up the virtual IPs that a worker left which crashed, and end"),
            .init(cleanup, needsSettings: true, "remove what a worker served of a Kubernetes cluster, and end"),
        ],
        sectionKinds: drivers.map { .init("worker:\($0.name)", keys: $0.keys.map(\.name)) }
            + notifiers.map { .init("notifier:\($0.name)", keys: $0.keys.map(\.name)) }
            + [
                .init(VirtualIPSection.prefix, isPrefix: true, keys: VirtualIPSection.keys, furtherKeys: VirtualIPSection.numberedKeys),
                .init(KubernetesSection.sectionName, keys: KubernetesSection.keys),
                .init(ServiceSection.prefix, isPrefix: true, keys: ServiceSection.keys),
            ],
        refusals: [
            // Encryption to the job server, which the original offered.
            .init(
                optionPrefix: "ssl", section: "gearman", keys: ["ssl_ca", "ssl_cert", "ssl_key"],
                reason: "no job server of Debian's has TLS, and a certificate that nobody looks at is worse than none; "
                    + "run a TLS tunnel such as stunnel and point --server at it")
        ])
}

/// The option that names the drivers.
let listDrivers = "list-drivers"

/// The option that gives up what a crashed worker left.
let releaseVirtualIPs = "release-virtual-ips"

/// The option that removes what was served of a cluster.
let cleanup = "cleanup"

/// Refuses a driver that this program does not have, and says where its name came from.
func checkDriver(
    _ settings: Settings, options: CommandLineOptions<Settings>, file: ConfigurationFile?, drivers: [DriverRegistration] = KnownDrivers.all
) throws(StartupFailure) {
    if drivers.contains(where: { $0.name == settings.driver }) { return }
    let known = drivers.isEmpty ? "there are none" : "the drivers are \(drivers.map(\.name).joined(separator: ", "))"
    if options.has(option: "driver") {
        throw StartupFailure(.usage, "--driver: '\(settings.driver)' is not a driver of this program; \(known)")
    }
    if let file, let line = file.line(section: "worker", key: "driver") {
        throw file.failure(line, "driver: '\(settings.driver)' is not a driver of this program; \(known)")
    }
    throw StartupFailure(.usage, "--driver: '\(settings.driver)', the default, is not a driver of this program; \(known)")
}
