import LBaaS
import Testing

@testable import IPVSDriver

@Suite("The section [worker:ipvs]")
struct SettingsTests {
    private func failure(_ section: [String: String]) -> String? {
        do {
            _ = try Settings(DriverConfiguration(section))
            return nil
        } catch {
            return "\(error.key): \(error.message)"
        }
    }

    @Test("may be empty")
    func empty() throws {
        let settings = try Settings(DriverConfiguration())
        #expect(settings.services == ServiceDefaults())
        #expect(settings.services.hashFlags == .fallback)
        #expect((settings.resyncInterval, settings.drainTimeout) == (.seconds(30), .seconds(30)))
        #expect(!settings.isExclusive)
        #expect(settings.timeouts == ConnectionTimeouts())
        #expect(settings.daemons == nil)
        #expect(settings.sysctls.map(\.value) == [true, true])
    }

    @Test("says all there is to say")
    func full() throws {
        let settings = try Settings(
            DriverConfiguration([
                "resync_interval": "86400", "drain_timeout": "86400", "exclusive": "YES", "one_packet": "yes", "hash_fallback": "no",
                "hash_port": "Yes", "upper_threshold": "2147483647", "lower_threshold": "2147483647", "persistence_prefix_v4": "24",
                "persistence_prefix_v6": "64", "expire_quiescent_template": "no", "expire_nodest_conn": "no", "tcp_timeout": "2678400",
                "tcp_fin_timeout": "1", "udp_timeout": "2", "sync": "BOTH", "sync_interface": "a23456789012345", "sync_id": "255",
                "sync_group": "ff02::81", "sync_port": "65535", "sync_ttl": "255", "sync_maxlen": "65507",
            ]))
        var services = ServiceDefaults()
        (services.onePacket, services.hashFlags) = (true, .hashPort)
        (services.upperThreshold, services.lowerThreshold) = (2_147_483_647, 2_147_483_647)
        (services.persistencePrefixV4, services.persistencePrefixV6) = (24, 64)
        #expect(settings.services == services)
        #expect((settings.resyncInterval, settings.drainTimeout) == (.seconds(86400), .seconds(86400)))
        #expect(settings.isExclusive)
        #expect(settings.timeouts == ConnectionTimeouts(tcp: 2_678_400, tcpFin: 1, udp: 2))
        #expect(settings.sysctls.map(\.name) == ["expire_quiescent_template", "expire_nodest_conn"])
        #expect(settings.sysctls.map(\.value) == [false, false])
        var daemon = SyncDaemon(role: .master, interface: "a23456789012345")
        (daemon.id, daemon.port, daemon.timeToLive, daemon.maximumLength) = (255, 65535, 255, 65507)
        daemon.group = .v6(high: 0xFF02 << 48, low: 0x81)
        var backup = daemon
        backup.role = .backup
        #expect(settings.daemons == [daemon, backup])
    }

    @Test(
        "runs the daemons that it names",
        arguments: [("none", []), ("master", [.master]), ("Backup", [.backup])] as [(String, [SyncDaemon.Role])])
    func daemons(name: String, roles: [SyncDaemon.Role]) throws {
        let settings = try Settings(DriverConfiguration(["sync": name, "sync_interface": "eth0"]))
        #expect(settings.daemons?.map(\.role) == roles)
    }

    @Test(
        "refuses numbers that are none, or out of range",
        arguments: [
            ("resync_interval", 1, 86400), ("drain_timeout", 0, 86400), ("upper_threshold", 0, 2_147_483_647),
            ("lower_threshold", 0, 2_147_483_647), ("persistence_prefix_v4", 1, 32), ("persistence_prefix_v6", 1, 128),
            ("tcp_timeout", 1, 2_678_400), ("tcp_fin_timeout", 1, 2_678_400), ("udp_timeout", 1, 2_678_400), ("sync_id", 0, 255),
            ("sync_port", 1, 65535), ("sync_ttl", 1, 255), ("sync_maxlen", 1, 65507),
        ])
    func numbers(key: String, low: Int, high: Int) {
        let rest = ["sync": "both", "sync_interface": "eth0", "upper_threshold": "2147483647"]
        for value in ["", " ", "x", "1.5", "-1", "٣", "\(low - 1)", "\(high + 1)", "99999999999999999999"] {
            #expect(
                failure(rest.merging([key: value]) { $1 }) == "\(key): \(quoted(value)) is not a number from \(low) to \(high)", "\(value)")
        }
        // The upper threshold must not be below the lower one, which is 0 here.
        for value in [low, high] { #expect(failure(rest.merging([key: "\(value)"]) { $1 }) == nil, "\(value)") }
    }

    @Test(
        "refuses what is neither yes nor no",
        arguments: ["exclusive", "one_packet", "hash_fallback", "hash_port", "expire_quiescent_template", "expire_nodest_conn"])
    func yesNo(key: String) {
        for value in ["", "maybe", "1", "true"] { #expect(failure([key: value]) == "\(key): \(quoted(value)) is neither yes nor no") }
        for value in ["yes", "no", "No"] { #expect(failure([key: value]) == nil) }
    }

    @Test("refuses what does not go together")
    func combinations() {
        #expect(failure(["lower_threshold": "5"]) == "lower_threshold: 5 is above upper_threshold, which is 0")
        #expect(failure(["lower_threshold": "5", "upper_threshold": "4"]) == "lower_threshold: 5 is above upper_threshold, which is 4")
        #expect(failure(["sync": "all"]) == "sync: 'all' is none of master, backup, both and none")
        let interface = "sync_interface: name the interface, 1 to 15 characters, that the daemons talk over"
        for section in [["sync": "both"], ["sync": "both", "sync_interface": ""], ["sync": "both", "sync_interface": "a234567890123456"]] {
            #expect(failure(section) == interface)
        }
        for group in ["10.0.0.1", "all", "fd00::1"] {
            #expect(
                failure(["sync": "both", "sync_interface": "eth0", "sync_group": group])
                    == "sync_group: \(quoted(group)) is not a multicast address")
        }
    }

    @Test(
        "refuses what is said of daemons where none is named",
        arguments: ["sync_interface", "sync_id", "sync_group", "sync_port", "sync_ttl", "sync_maxlen"])
    func daemonWithoutName(key: String) {
        let reason = "means nothing without sync; set sync to master, backup, both or none, or leave this out"
        #expect(failure([key: "1"]) == "\(key): \(reason)")
        #expect(failure([key: "1", "sync": "none"]) == nil)
    }

    @Test("is known to the worker by all its keys, each with a meaning, and makes a driver")
    func registration() throws {
        let registration = IPVSDriver.registration
        #expect(registration.name == "ipvs")
        #expect(registration.keys.map(\.name) == Key.allCases.map(\.rawValue))
        #expect(registration.keys.allSatisfy { !$0.meaning.isEmpty })
        #expect(try registration.make(DriverConfiguration(["drain_timeout": "9"]), .silent).upkeep.drainTimeout == .seconds(9))
        #expect(throws: DriverConfiguration.Failure.self) { try registration.make(DriverConfiguration(["drain_timeout": "x"]), .silent) }
    }
}
