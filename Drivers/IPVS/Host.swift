import LBaaS

/// What the host must be like beside the kernel's table: switches, timeouts, daemons.
struct Host: Sendable {
    let settings: Settings
    let switches: KernelSwitches
    let log: Log
    private let idleLog: RepeatedLog

    /// The host of a driver.
    init(settings: Settings, switches: KernelSwitches, log: Log) {
        (self.settings, self.switches, self.log) = (settings, switches, log)
        idleLog = RepeatedLog(log)
    }

    /// Makes the host as the settings say. What is so already is not touched.
    ///
    /// - Throws: where the kernel cannot.
    func prepare(_ kernel: any Kernel) throws(KernelFailure) {
        for (name, value) in settings.sysctls { set(name, value) }
        try setTimeouts(kernel)
        try tellOfIdleConnections(kernel)
        if let daemons = settings.daemons { try setDaemons(daemons, kernel) }
    }

    /// Why this host does not forward what NAT needs forwarded; nil where it does, or where that cannot be told.
    func forwardingFault(_ family: AddressFamily) -> String? {
        let name = family == .v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"
        guard switches.read(name) == "0" else { return nil }
        return "NAT needs this host to forward packets, and \(name) is 0: set it with 'sysctl -w \(name)=1', and for ever in /etc/sysctl.d"
    }

    private func set(_ name: String, _ wanted: Bool?) {
        guard let wanted else { return }
        let full = "net.ipv4.vs.\(name)"
        let value = wanted ? "1" : "0"
        guard let found = switches.read(full), found != value else { return }
        if switches.write(full, value) {
            log.write(.info, "set a switch of the kernel", [("name", full), ("value", value), ("was", found)])
        } else {
            log.write(
                .warning, "a switch of the kernel cannot be set; set it with sysctl, or tell the driver to leave it",
                [("name", full), ("value", value), ("is", found)])
        }
    }

    private func setTimeouts(_ kernel: any Kernel) throws(KernelFailure) {
        let wanted = settings.timeouts
        if wanted == ConnectionTimeouts() { return }
        let found = try kernel.timeouts()
        let isSet = { (wanted: UInt32, found: UInt32) in wanted == 0 || wanted == found }
        if isSet(wanted.tcp, found.tcp), isSet(wanted.tcpFin, found.tcpFin), isSet(wanted.udp, found.udp) { return }
        try kernel.setTimeouts(wanted)
        log.write(
            .info, "set the timeouts of connections",
            [("tcp", "\(wanted.tcp)"), ("tcp_fin", "\(wanted.tcpFin)"), ("udp", "\(wanted.udp)"), ("unchanged", "0")])
    }

    /// Warns where the kernel forgets idle connections before the programs of this host, and of its pods, ask by keepalives whether the other
    /// side is still there: then such a connection is reset when it is used again.
    private func tellOfIdleConnections(_ kernel: any Kernel) throws(KernelFailure) {
        let name = "net.ipv4.tcp_keepalive_time"
        guard let keepalive = switches.read(name).flatMap({ UInt32($0) }) else { return }
        let timeout = try kernel.timeouts().tcp
        if timeout >= keepalive { return idleLog.end() }
        idleLog.write(
            .warning,
            "idle TCP connections are forgotten before their first keepalive is sent; where they must last, set tcp_timeout to more than "
                + "\(name), or that to less",
            [("tcp_timeout", "\(timeout)"), ("tcp_keepalive_time", "\(keepalive)")])
    }

    private func setDaemons(_ wanted: [SyncDaemon], _ kernel: any Kernel) throws(KernelFailure) {
        for role in SyncDaemon.Role.allCases {
            let found = try kernel.daemons().first { $0.role == role }
            let daemon = wanted.first { $0.role == role }
            if let found, let daemon, found.isAs(daemon) { continue }
            if let found {
                try kernel.stopDaemon(found)
                log.write(.info, "stopped a synchronization daemon", [("role", "\(role)"), ("interface", found.interface)])
            }
            if let daemon {
                do {
                    try kernel.startDaemon(daemon)
                } catch {
                    throw KernelFailure(
                        .other,
                        "the synchronization daemon (\(role)) does not start on the interface \(daemon.interface): \(error.message); look whether the interface is there and up",
                        number: error.number)
                }
                log.write(.info, "started a synchronization daemon", [("role", "\(role)"), ("interface", daemon.interface)])
            }
        }
    }
}
