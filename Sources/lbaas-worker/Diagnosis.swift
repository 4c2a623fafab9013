import Requests
import JobQueue

/// What DIAGNOSTICS finds out: whether the job servers and the network can be reached.
struct Diagnosis: Sendable {
    /// How long all of it may take, in seconds: clients wait for 5.
    private static let timeout = 4.0

    private let servers: [JobServer]
    private let target: JobServer?

    init(_ settings: Settings) {
        servers = settings.servers
        target = settings.diagnosticsTarget
    }

    /// Asks everyone at the same time. Without a target for the network a job server that answers shows that there is one.
    @Sendable func run() -> Outcome {
        let probes = servers.map { Probe.jobServer($0) } + (target.map { [.tcp($0)] } ?? [])
        let reached = Probe.run(probes, timeout: Self.timeout)
        let jobServers = zip(servers, reached).map { (host: $0.host, port: $0.port, isReachable: $1) }
        let network = target == nil ? reached.contains(true) : reached.last ?? false
        return .diagnosed(jobServers: jobServers, network: network)
    }
}
