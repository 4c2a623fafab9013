import LBaaS
import Testing

@testable import HAProxyDriver

@Suite struct SettingsTests {
    @Test func defaults() throws {
        let settings = try Settings(DriverConfiguration())
        #expect(settings.mode == .master)
        #expect(settings.program == "haproxy")
        #expect(settings.base.commandSocket == "/run/lbaas/haproxy/haproxy.sock")
        #expect(settings.base.masterSocket == "/run/lbaas/haproxy/master.sock")
        #expect(settings.base.configurationFile == "/var/lib/lbaas/haproxy/haproxy.cfg")
        #expect(settings.logFolder == "/var/lib/lbaas/haproxy/logs")
        #expect(settings.logLimit == LogCollector.defaultLimit)
        #expect(settings.base.logTarget == "fd@0")
        #expect(settings.resyncInterval == .seconds(30))
        #expect(settings.reloadTimeout == .seconds(30))
    }

    @Test func everythingCanBeSet() throws {
        let settings = try Settings(
            DriverConfiguration([
                "mode": "systemd", "unit": "lb.service", "program": "/opt/haproxy", "run_dir": "/run/x/",
                "config": "/etc/haproxy/haproxy.cfg",
                "resolvers": "10.0.0.53:53, [fd00::53]:5353", "global": "maxconn 10\n  nbthread 2\n", "defaults": "option abortonclose",
                "log_dir": "/srv/logs/", "log_limit": "1048576", "resync_interval": "5", "reload_timeout": "600",
            ]))
        #expect(settings.mode == .systemd(unit: "lb.service"))
        #expect(settings.base.runFolder == "/run/x")
        #expect(settings.base.masterSocket == "/run/haproxy-master.sock")
        #expect(settings.base.nameServers == ["10.0.0.53:53", "[fd00::53]:5353"])
        #expect(settings.base.globalLines == ["maxconn 10", "nbthread 2"])
        #expect(settings.base.defaultsLines == ["option abortonclose"])
        #expect(settings.logFolder == "/srv/logs")
        #expect(settings.logLimit == LogCollector.limits.upperBound)
        #expect(settings.base.logTarget == "/run/x/log.sock")
        #expect(settings.resyncInterval == .seconds(5))
        #expect(settings.reloadTimeout == .seconds(600))
    }

    @Test(arguments: [
        ("mode", "docker", "neither 'master' nor 'systemd'"), ("unit", "x.service", "only mode systemd has a unit"),
        ("run_dir", "run", "is not an absolute path"), ("config", "/a\nb", "has control characters"),
        ("run_dir", "/" + String(repeating: "x", count: 90), "choose a shorter folder"), ("resync_interval", "0", "from 1 to 3600"),
        ("log_dir", "logs", "is not an absolute path"), ("log_limit", "0", "number of MiB from 1 to 1048576"),
        ("reload_timeout", "soon", "from 1 to 600"), ("resolvers", "dns:53", "is not ADDRESS:PORT"),
        ("resolvers", "10.0.0.1", "is not ADDRESS:PORT"),
        ("global", "maxconn 1\nlisten evil", "begins another section"), ("defaults", "global", "begins another section"),
    ])
    func aValueThatIsNotAcceptedIsNamed(_ key: String, _ value: String, _ reason: String) throws {
        let failure = try #require(throws: DriverConfiguration.Failure.self) { try Settings(DriverConfiguration([key: value])) }
        #expect(failure.key == key)
        #expect(failure.message.contains(reason))
    }

    @Test func whatHAProxyCannotDoIsRefused() {
        func refusal(_ change: (inout LoadBalancer) -> Void) -> String? { balancer("b", .http, change).refusal?.field }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.id = LoadBalancerID(String(repeating: "é", count: 101)) } == "id")
        #expect(refusal { $0.nodes[1].id = NodeID(String(repeating: "x", count: 601)) } == "nodes[1].id")
        #expect(refusal { $0.nodes = (0...4095).map { node("\($0)") } } == "nodes")
        #expect(refusal { $0.sessionPersistence = .sourceIP(timeout: 2_147_484) } == "sessionPersistence.timeout")
        #expect(refusal { $0.monitor = monitor(.http) { $0.path = "/a b" } } == "monitor.path")
        #expect(refusal { $0.monitor = monitor(.https) { $0.host = "é" } } == "monitor.host")
        #expect(balancer("b", .tcp) { $0.sessionPersistence = .httpCookie }.refusal?.field == "sessionPersistence.type")
        let missing = Capabilities.haproxy
        for serviceProtocol in [ServiceProtocol.udp, .sctp] {
            #expect(missing.missing(for: balancer("b", serviceProtocol))?.field == "protocol")
        }
        for algorithm in [Algorithm.maglev, .neverQueue, .shortestExpectedDelay] {
            #expect(missing.missing(for: balancer { $0.algorithm = algorithm })?.field == "algorithm")
        }
        for kind in [Monitor.Kind.udp, .icmp, .exec] {
            #expect(missing.missing(for: balancer { $0.monitor = monitor(kind) })?.field == "monitor.type")
        }
        #expect(missing.missing(for: balancer { $0.monitor = monitor(.tls) { $0.source = .v4(1) } })?.field == "monitor.source")
        #expect(missing.missing(for: balancer { $0.forwarding = .nat })?.field == "forwarding")
        #expect(missing.missing(for: balancer { $0.quorum = 1 }) == nil)
    }
}
