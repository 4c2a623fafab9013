public import LBaaS

extension IPVSDriver {
    /// What `--driver ipvs` needs to know.
    public static let registration = DriverRegistration(
        name: "ipvs",
        summary: "the kernel's own load balancer, IP Virtual Server, over netlink",
        keys: Key.allCases.map { ($0.rawValue, $0.meaning) },
        make: { configuration, log throws(DriverConfiguration.Failure) in try IPVSDriver(configuration, log: log) }
    )
}
