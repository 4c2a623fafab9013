import Glibc
import IPVSDriver
import LBaaS
import Testing

@Suite("The host")
struct HostTests {
    private static let nodest = "net.ipv4.vs.expire_nodest_conn"
    private static let quiescent = "net.ipv4.vs.expire_quiescent_template"

    @Test("has its switches set once, and only where they differ")
    func switches() throws {
        let bench = try Bench(switches: FakeSwitches([Self.nodest: "1"]))
        try bench.start([])
        #expect(bench.switches.takeWritten() == ["\(Self.quiescent)=1"])
        #expect(bench.lines.take() == ["info set a switch of the kernel name=\(Self.quiescent) value=1 was=0"])
        try bench.start([])
        #expect(bench.switches.takeWritten() == [])
        bench.switches[Self.nodest] = "0"
        try bench.start([])
        #expect(bench.switches.takeWritten() == ["\(Self.nodest)=1"])
    }

    @Test("has them set off where that is asked for")
    func switchesOff() throws {
        let section = ["expire_nodest_conn": "no", "expire_quiescent_template": "no"]
        let bench = try Bench(section, switches: FakeSwitches([Self.nodest: "1", Self.quiescent: "1"]))
        try bench.start([])
        #expect(Set(bench.switches.takeWritten()) == ["\(Self.nodest)=0", "\(Self.quiescent)=0"])
    }

    @Test("may have switches that cannot be set, which is told, or none")
    func readOnlySwitches() throws {
        let bench = try Bench(switches: FakeSwitches([Self.nodest: "1"], isReadOnly: true))
        try bench.start([balancer("a")])
        let line = try #require(bench.lines.take().first)
        #expect(line.hasPrefix("warning a switch of the kernel cannot be set; set it with sysctl"))
        #expect(line.hasSuffix("name=\(Self.quiescent) value=1 is=0"))
        let none = FakeSwitches(isReadOnly: true)
        (none[Self.nodest], none[Self.quiescent]) = (nil, nil)
        let bare = try Bench(switches: none)
        try bare.start([balancer("a")])
        #expect(bare.lines.take() == [])
    }

    @Test("has the timeouts of connections set where they differ, and the others left")
    func timeouts() throws {
        let bench = try Bench(["tcp_timeout": "1800", "udp_timeout": "300"])
        for _ in 0..<2 { try bench.start([]) }
        bench.kernel.alter { state in
            #expect(state.commands == ["timeouts 1800 0 300"])
            #expect(state.timeouts == ConnectionTimeouts(tcp: 1800, tcpFin: 120, udp: 300))
        }
        let untouched = try Bench()
        try untouched.start([])
        untouched.kernel.alter { #expect($0.commands == []) }
        let same = try Bench(["tcp_timeout": "900", "tcp_fin_timeout": "120", "udp_timeout": "300"])
        try same.start([])
        same.kernel.alter { #expect($0.commands == []) }
    }

    @Test("is told of where idle connections are forgotten before their first keepalive, once as long as that is so")
    func idleConnections() throws {
        let keepalive = "net.ipv4.tcp_keepalive_time"
        func warnings(_ section: [String: String]) throws -> [String] {
            let bench = try Bench(section, switches: FakeSwitches([Self.nodest: "1", Self.quiescent: "1", keepalive: "7200"]))
            for _ in 0..<2 { try bench.start([]) }
            var lines = bench.lines.take().filter { $0.hasPrefix("warning") }
            for value in ["600", "7200"] {
                bench.switches[keepalive] = value
                try bench.start([])
                lines += bench.lines.take()
            }
            return lines.map { String($0.drop { $0 != "=" }) }
        }
        let told = "=900 tcp_keepalive_time=7200"
        #expect(try warnings([:]) == [told, told])
        #expect(try warnings(["tcp_timeout": "7200"]) == [])
        #expect(try warnings(["tcp_timeout": "7199"]).count == 2)
    }

    private static let sync = ["sync": "both", "sync_interface": "eth0", "sync_id": "7"]

    /// What is told of daemons, given those that run.
    private func commands(_ section: [String: String], running: [SyncDaemon] = []) throws -> [String] {
        let bench = try Bench(section)
        bench.kernel.alter { $0.daemons = running }
        for _ in 0..<2 { try bench.start([]) }
        var commands: [String] = []
        bench.kernel.alter { commands = $0.commands }
        return commands
    }

    private func daemon(_ role: SyncDaemon.Role, _ change: (inout SyncDaemon) -> Void = { _ in }) -> SyncDaemon {
        var daemon = SyncDaemon(role: role, interface: "eth0")
        daemon.id = 7
        change(&daemon)
        return daemon
    }

    @Test("has the daemons started that are not there, and those stopped that are other ones")
    func daemons() throws {
        #expect(try commands(Self.sync) == ["start master on eth0", "start backup on eth0"])
        #expect(try commands(Self.sync, running: [daemon(.backup)]) == ["start master on eth0"])
        var explicit = Self.sync
        explicit.merge(["sync_group": "224.0.0.81", "sync_port": "8848", "sync_ttl": "1"]) { $1 }
        for section in [Self.sync, explicit] { #expect(try commands(section, running: [daemon(.master), daemon(.backup)]) == []) }
        let others = [
            daemon(.master) { $0.id = 8 }, daemon(.master) { $0.interface = "eth1" }, daemon(.master) { $0.port = 9 },
            daemon(.master) { $0.timeToLive = 2 }, daemon(.master) { $0.group = .v4(0xE000_0052) },
        ]
        for other in others {
            #expect(
                try commands(Self.sync, running: [other, daemon(.backup)]) == ["stop master on \(other.interface)", "start master on eth0"])
        }
    }

    @Test("has daemons started anew of which the longest message alone is another one, once")
    func longestMessage() throws {
        func commands(_ length: String, _ group: String = "224.0.0.81", running: UInt16...) throws -> [String] {
            let daemons = zip(SyncDaemon.Role.allCases, running).map { role, length in
                daemon(role) {
                    $0.maximumLength = length
                    $0.group = IPAddress(group)
                }
            }
            return try self.commands(Self.sync.merging(["sync_maxlen": length, "sync_group": group]) { $1 }, running: daemons)
        }
        #expect(try commands("1400", running: 1400, 1400) == [])
        #expect(try commands("1400", running: 1400, 1472) == ["stop backup on eth0", "start backup on eth0"])
        // A backup takes 1024 bytes at least, and there is room for the headers.
        #expect(try commands("500", running: 500, 1024) == [])
        #expect(try commands("65507", running: 65507, 65507) == [])
        #expect(try commands("65507", "ff02::81", running: 65487, 65487) == [])
    }

    @Test("keeps its daemons where nothing is said of them, and loses them where none are wanted")
    func otherDaemons() throws {
        let running = [daemon(.master), daemon(.backup)]
        #expect(try commands([:], running: running) == [])
        #expect(try commands(["sync": "none"], running: running) == ["stop master on eth0", "stop backup on eth0"])
        #expect(try commands(["sync": "Master", "sync_interface": "eth0", "sync_id": "7"], running: running) == ["stop backup on eth0"])
    }

    @Test("whose daemon does not start keeps the worker from starting, and not from repairing the table later")
    func daemonFails() throws {
        let sentence =
            "the synchronization daemon (master) does not start on the interface none0: No such device; look whether the interface is there and up"
        let bench = try Bench(["sync": "master", "sync_interface": "none0"])
        #expect(message { try bench.driver.observe(expecting: []) } == sentence)
        let later = try Bench(["sync": "master", "sync_interface": "eth0"])
        let a = balancer("a")
        try later.start([a])
        _ = later.lines.take()
        later.kernel.alter { state in
            state.services = [:]
            state.daemons = []
            state.startFailure = KernelFailure(.other, "No such device", number: ENODEV)
        }
        #expect(try later.start([a]) == ["a"])
        #expect(later.lines.take().contains { $0.hasPrefix("error") && $0.contains("does not start on the interface eth0") })
        // Once, and again when it has been over.
        try later.start([a])
        #expect(later.lines.take() == [])
        later.kernel.alter { $0.startFailure = nil }
        try later.start([a])
        later.kernel.alter { state in
            state.daemons = []
            state.startFailure = KernelFailure(.other, "No such device", number: ENODEV)
        }
        try later.start([a])
        #expect(later.lines.take().contains { $0.contains("does not start on the interface eth0") })
    }

    @Test("must have IPVS, and let this process see it", arguments: [false, true])
    func kernel(isMissing: Bool) throws {
        let bench = try Bench()
        let failure = KernelFailure(isMissing ? .missing : .forbidden, "no IPVS for you", number: EPERM)
        bench.kernel.alter { if isMissing { $0.openFailure = failure } else { $0.failure = failure } }
        #expect(message { try bench.driver.observe(expecting: []) } == "no IPVS for you")
        #expect(bench.apply(.create(balancer("a"))) != nil)
        bench.kernel.alter { state in
            #expect(state.services.isEmpty)
            (state.openFailure, state.failure) = (nil, nil)
        }
        #expect(try bench.start([balancer("a")]) == ["a"])
    }

    @Test("must forward packets of the family, where nodes are reached by NAT")
    func forwarding() throws {
        let (v4, v6) = (balancer("a"), balancer("b", [node(1, isV6: true)], at: "fd00::9"))
        let others = [
            balancer("c", port: 81) { $0.forwarding = .direct }, balancer("d", port: 82) { $0.forwarding = .tunnel(Tunnel(kind: .ipip)) },
            suspended(balancer("e", port: 83)),
        ]
        func failures(_ name: String) throws -> [String?] {
            let bench = try Bench(switches: FakeSwitches([name: "0"]))
            try bench.start([])
            return bench.outcomes(([v4, v6] + others).map { .create($0) }).map { $0.failure?.message }
        }
        func sentence(_ name: String) -> String {
            "NAT needs this host to forward packets, and \(name) is 0: set it with 'sysctl -w \(name)=1', and for ever in /etc/sysctl.d"
        }
        let (name, name6) = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
        #expect(try failures(name) == [sentence(name), nil, nil, nil, nil])
        #expect(try failures(name6) == [nil, sentence(name6), nil, nil, nil])
        let switches = FakeSwitches()
        switches[name] = nil
        #expect(try Bench(switches: switches).apply(.create(v4)) == nil)
    }

    @Test("is asked again whether it forwards with each look at the table, and where it did not")
    func forwardingChanges() throws {
        let (a, b) = (balancer("a"), balancer("b", port: 81))
        let bench = try Bench(running: [a])
        bench.switches["net.ipv4.ip_forward"] = "0"
        #expect(bench.apply(.create(b)) == nil)
        #expect(try bench.start([a, b]) == [])
        let changed = balancer("a", [node(3)])
        #expect(bench.apply(.update(from: a, to: changed))?.contains("ip_forward is 0") == true)
        // Nothing was touched, and it is known.
        #expect(bench.kernel.services[a.key]?.destinations.count == 2)
        #expect(try bench.driver.observe(possible: [a, changed]).running == [a])
        #expect(try bench.driver.observe(possible: [a, changed]).altered == [])
        #expect(bench.apply(.delete(b), .update(from: a, to: suspended(a))) == nil)
        bench.switches["net.ipv4.ip_forward"] = "1"
        #expect(bench.apply(.update(from: suspended(a), to: changed)) == nil)
    }

    @Test("need not forward for what only takes away, or is there already, and that is told once until it is over")
    func forwardingForLess() throws {
        let name = "net.ipv4.ip_forward"
        let a = balancer("a", [node(1), node(2), node(3)])
        let bench = try Bench(running: [a])
        bench.switches[name] = "0"
        try bench.start([a])
        _ = bench.lines.take()
        let fewer = balancer("a", [node(1), node(2, .draining)]) { $0.leaving = [a.leaving(3)] }
        let rest = balancer("a", [node(1, weight: 7), node(2, .disabled)])
        #expect(bench.apply(.update(from: a, to: fewer)) == nil)
        #expect(bench.apply(.update(from: fewer, to: rest)) == nil)
        #expect(bench.kernel.services[a.key]?.destinations == [place(1): nat(7)])
        bench.kernel.alter(.deleteService(a.key))
        #expect(try bench.start([rest]) == ["a"])
        #expect(bench.kernel.services[a.key]?.destinations == [place(1): nat(7)])
        let lines = bench.lines.take()
        #expect(lines.count == 1)
        #expect(lines[0].hasPrefix("error NAT needs this host to forward packets, and \(name) is 0"))
        for more in [a, balancer("a", [node(1)], port: 81)] {
            #expect(bench.apply(.update(from: rest, to: more))?.contains("\(name) is 0") == true)
        }
        bench.switches[name] = "1"
        #expect(bench.apply(.update(from: rest, to: a)) == nil)
        bench.switches[name] = "0"
        try bench.start([a])
        #expect(bench.apply(.update(from: a, to: rest)) == nil)
        #expect(bench.lines.take() == lines)
    }
}
