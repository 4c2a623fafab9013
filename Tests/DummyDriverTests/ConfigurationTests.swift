import DummyDriver
import KnownDrivers
import LBaaS
import Testing

@Suite("The section of the dummy driver")
struct ConfigurationTests {
    private static let operations = "create, update, suspend, enable, delete, observe, status, statistics, archive"

    @Test(
        "refuses a value that it does not know, and says what is right",
        arguments: [
            ("fail", "creat", "'creat' does not begin with an operation: use one of \(operations)"),
            ("fail", "create :bad", "':bad' does not begin with an operation: use one of \(operations)"),
            ("fail", "create:", "'create:' has no id after its colon: leave the colon out to mean every load balancer"),
            ("fail", "observe:a", "'observe:a' has an id, but observe is of the whole appliance: leave the id out"),
            ("slow", "create", "'create' does not end in a time: use OPERATION[:ID]=MILLISECONDS, 1 to 60000"),
            ("slow", "create=0", "'create=0' does not end in a time: use OPERATION[:ID]=MILLISECONDS, 1 to 60000"),
            ("slow", "create=60001", "'create=60001' does not end in a time: use OPERATION[:ID]=MILLISECONDS, 1 to 60000"),
            ("slow", "create=1s", "'create=1s' does not end in a time: use OPERATION[:ID]=MILLISECONDS, 1 to 60000"),
            ("slow", "wait=5", "'wait' does not begin with an operation: use one of \(operations)"),
            ("bytes_per_report", "many", "'many' is not a number of bytes: use 0 to 4294967295"),
            ("bytes_per_report", "-1", "'-1' is not a number of bytes: use 0 to 4294967295"),
            ("archive", "maybe", "'maybe' is neither yes nor no"),
            (
                "lacks", "UDP, WINGS",
                "'WINGS' is nothing a driver can lack: use some of HTTP, HTTPS, TCP, GALERA, UDP, SCTP, ROUND_ROBIN, LEAST_CONNECTIONS, "
                    + "SOURCE_IP, MAGLEV, SHORTEST_EXPECTED_DELAY, NEVER_QUEUE, CONNECT, HTTP_COOKIE, FORWARDING, QUORUM, SORRY_SERVER, "
                    + "EVERY_ADDRESS, HOST_NAMES, ARCHIVE"
            ),
        ])
    func refused(key: String, value: String, message: String) throws {
        let failure = #expect(throws: DriverConfiguration.Failure.self) { try Bench([key: value]) }
        #expect(failure?.key == key)
        #expect(failure?.message == message)
    }

    @Test("makes a driver that can do everything but archive where it is empty")
    func everything() throws {
        let capabilities = try Bench().driver.capabilities
        #expect(capabilities.archive == false)
        #expect(capabilities.protocols.count == ServiceProtocol.allCases.count)
        #expect(capabilities.missing(for: demanding) == nil)
    }

    /// Asks for one thing of every kind.
    private var demanding: LoadBalancer {
        balancer("a") { balancer in
            balancer.serviceProtocol = .udp
            balancer.algorithm = .maglev
            balancer.monitor = Monitor(kind: .connect)
            balancer.sessionPersistence = .httpCookie
            balancer.forwarding = .direct
            balancer.quorum = 1
            balancer.sorryServer = node("sorry").endpoint
            balancer.nodes = [Node(id: "1", address: .name("web.example"), port: 80)]
        }
    }

    @Test(
        "takes out what the driver shall lack",
        arguments: [
            ("UDP", "protocol"), ("maglev", "algorithm"), ("CONNECT", "monitor.type"), ("HTTP_COOKIE", "sessionPersistence.type"),
            ("FORWARDING", "forwarding"), ("QUORUM", "quorum"), ("SORRY_SERVER", "sorry_server"), ("EVERY_ADDRESS", "address"),
            ("HOST_NAMES", "nodes[0].address"), ("SCTP, HOST_NAMES", "nodes[0].address"),
        ])
    func lacks(names: String, field: String) throws {
        #expect(try Bench(["lacks": names]).driver.capabilities.missing(for: demanding)?.field == field)
    }

    @Test("takes a name out wherever the protocol has it")
    func ambiguous() throws {
        let capabilities = try Bench(["lacks": "SOURCE_IP HTTP"]).driver.capabilities
        #expect(!capabilities.algorithms.contains(.sourceIP))
        #expect(!capabilities.sourcePersistence)
        #expect(!capabilities.protocols.contains(.http))
        #expect(!capabilities.monitors.contains(.http))
        #expect(capabilities.monitors.contains(.https))
    }
}

@Suite("Archives of the dummy driver")
struct ArchiveTests {
    private let order = ArchiveOrder(
        loadBalancer: LoadBalancerID("a"), serviceProtocol: .http, basePath: "logs", endpoint: "https://store.example", token: "secret")

    @Test("are refused, for it keeps no logs", arguments: [[:], ["archive": "no"], ["archive": "yes", "lacks": "ARCHIVE"]])
    func refused(section: [String: String]) throws {
        let bench = try Bench(section)
        #expect(!bench.driver.capabilities.archive)
        #expect(message { try bench.driver.archive(order) } == "the dummy driver keeps no logs to archive")
    }

    @Test("are pretended where that is configured, without a word of the token")
    func pretended() throws {
        let bench = try Bench(["archive": "yes"])
        #expect(bench.driver.capabilities.archive)
        try bench.driver.archive(order)
        #expect(bench.logged == ["debug archive the log of 'a' to 'https://store.example', 'logs'"])
    }

    @Test("can fail and be slow")
    func trials() throws {
        let bench = try Bench(["archive": "yes", "fail": "archive:a", "slow": "archive=7"])
        #expect(message { try bench.driver.archive(order) } == "the dummy driver was told to fail archive of 'a'")
        #expect(bench.paused == [.milliseconds(7)])
    }
}

@Suite("Known drivers")
struct KnownDriversTests {
    @Test("are found by name")
    func byName() {
        #expect(KnownDrivers.named("dummy")?.name == "dummy")
        #expect(KnownDrivers.named("Dummy") == nil)
        #expect(KnownDrivers.named("haproxy-of-another-world") == nil)
    }

    @Test("have lower-case names, each once, and say what they and their keys mean")
    func described() {
        #expect(Set(KnownDrivers.all.map(\.name)).count == KnownDrivers.all.count)
        for driver in KnownDrivers.all {
            #expect(driver.name == driver.name.lowercased())
            #expect(!driver.summary.isEmpty)
            #expect(driver.keys.allSatisfy { !$0.meaning.isEmpty })
        }
    }

    @Test("make a driver from a section, or refuse it")
    func make() throws {
        let registration = try #require(KnownDrivers.named("dummy"))
        #expect(registration.keys.map(\.name) == ["fail", "slow", "down", "bytes_per_report", "lacks", "archive", "checks"])
        let driver = try registration.make(DriverConfiguration(["lacks": "UDP"]), .silent)
        #expect(!driver.capabilities.protocols.contains(.udp))
        #expect(throws: DriverConfiguration.Failure.self) { _ = try registration.make(DriverConfiguration(["fail": "?"]), .silent) }
    }
}
