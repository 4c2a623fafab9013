import DaemonSupport
import JobQueue
import LBaaS
import ServiceSettings

/// Everything that an operator can set, with the values that hold where nothing is set.
struct Settings: ClusteredSettings, DaemonSettings, Equatable {
    /// The name of the driver.
    var driver = "haproxy"
    /// The job servers; none where jobs come by the API alone.
    var servers = [JobServer(host: "localhost", port: JobServer.defaultPort)]
    /// The Gearman function to serve; nil stands for the host name.
    var function: String?
    /// How many connections each take jobs.
    var concurrency = 4
    /// The longest time between two tries to reach a job server, in seconds.
    var reconnectSleep = 5.0
    /// How long jobs in hand may take after SIGTERM, in seconds.
    var shutdownTimeout = 30.0
    /// Where the committed state is kept; nil keeps it in memory.
    var stateDirectory: String? = "/var/lib/lbaas"
    /// What the network probe of DIAGNOSTICS connects to; nil leaves the probe out.
    var diagnosticsTarget: JobServer?
    /// How a connection finds out that its job server is gone.
    var heartbeat = Heartbeat()
    /// The least level that is logged.
    var logLevel = LogLevel.info
    /// How a log line is written.
    var logFormat = LogFormat.text
    /// The programs that checks of nodes may run.
    var checkPrograms: [String] = []
    /// A file of PEM certificates of authorities, for checks that name none; nil for the system's.
    var checkAuthorities: String?
    /// Among which hosts the virtual IPs are shared.
    var cluster = ClusterSettings()
    /// The API.
    var api = APISettings()
    /// The metrics.
    var metrics = MetricsSettings()
    /// The file that holds the process id.
    var pidFile: String?
    /// The user to become, a name or a number.
    var user: String?
    /// The group to become, a name or a number.
    var group: String?
    /// The configuration file that was read, if any.
    var configurationFile: String?
    /// The sections of that file that drivers, notifiers and services have, by their names.
    var sections: [String: Section] = [:]
}

/// The heartbeat of a connection to a job server.
struct Heartbeat: Sendable, Equatable {
    /// Whether there is one.
    var isOn = true
    /// How long a connection is idle before it asks, in seconds.
    var idle = 10.0
    /// How long one answer may take, in seconds.
    var interval = 3.0
    /// How many such intervals may pass.
    var count = 2

    /// How long an answer may take before the connection counts as dead, in seconds.
    var patience: Double { interval * Double(count) }
}

extension Settings {
    /// What the chosen driver is made from.
    var driverConfiguration: DriverConfiguration { configuration(of: "worker:\(driver)") }

    /// What a driver or a notifier is made from.
    func configuration(of section: String) -> DriverConfiguration {
        DriverConfiguration((sections[section]?.values ?? [:]).mapValues(\.text))
    }

    /// What a driver or a notifier does not accept, with the place in the configuration file.
    func startupFailure(_ failure: DriverConfiguration.Failure, in name: String) -> StartupFailure {
        let section = sections[name]
        guard let path = configurationFile, let line = section?.values[failure.key]?.line ?? section?.line else {
            return StartupFailure(.config, "[\(name)] \(failure.key): \(failure.message)")
        }
        let text = section?.values[failure.key]?.text ?? ""
        return StartupFailure(.config, "\(path):\(line): \(failure.key): \(failure.message)\(commentHint(text))")
    }
}
