public import LBaaS

extension HAProxyDriver {
    /// What `--driver haproxy` needs to know.
    public static let registration = DriverRegistration(
        name: "haproxy",
        summary: "haproxy 2.6: HTTP, TCP and GALERA, changed while it runs wherever that can be",
        keys: Key.allCases.map { ($0.rawValue, $0.meaning) },
        make: { configuration, log throws(DriverConfiguration.Failure) in try HAProxyDriver(configuration, log: log) },
        check: { configuration throws(DriverConfiguration.Failure) in try Settings(configuration).checkWithHAProxy() }
    )
}
