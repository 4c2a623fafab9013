public import LBaaS

extension DummyDriver {
    /// What `--driver dummy` needs to know.
    public static let registration = DriverRegistration(
        name: "dummy",
        summary: "an appliance in memory, for trials: carries no traffic, fails and is slow on request",
        keys: Key.allCases.map { ($0.rawValue, $0.meaning) },
        make: { configuration, log throws(DriverConfiguration.Failure) in try DummyDriver(configuration, log: log) }
    )
}

/// The keys of the section `[worker:dummy]`.
enum Key: String, CaseIterable {
    case fail, slow, down
    case bytesPerReport = "bytes_per_report"
    case lacks, archive, checks

    /// What the key means, for `etc/lbaas.conf` and `--help`.
    var meaning: String {
        switch self {
        case .fail: "operations that fail: a list of OPERATION[:ID], such as create:bad; OPERATION is \(Operation.names)"
        case .slow: "operations that take time: a list of OPERATION[:ID]=MILLISECONDS, \(Trials.milliseconds.text)"
        case .down: "ids of nodes that are reported as DOWN"
        case .bytesPerReport: "bytes by which a traffic counter grows each time it is asked for; default 0"
        case .lacks: "what the driver shall not be able to do, by the names of the protocol, such as MAGLEV, UDP or HTTP_COOKIE"
        case .checks: "yes to have the worker check the nodes of load balancers with a monitor, as it does for IPVS; default no"
        case .archive: "yes to pretend that logs are archived; default no"
        }
    }
}
