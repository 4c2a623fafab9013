import DaemonSupport
import KnownDrivers
import LBaaS
import Testing

@testable import lbaas_worker

@Suite struct ServiceSectionTests {
    /// The services of a file, for the dummy driver.
    private func services(_ file: String) throws -> [LoadBalancer] {
        let settings = try settings(file: file)
        let driver = try #require(KnownDrivers.named("dummy")).make(settings.driverConfiguration, .silent)
        return try settings.services(for: driver)
    }

    /// What is wrong with a file, without the folder.
    private func failure(_ file: String) throws -> StartupFailure {
        let failure = try #require(throws: StartupFailure.self) { try services(file) }
        return withoutFolder(failure)
    }

    @Test func everyFieldOfAJobIsAKey() throws {
        let services = try services(
            """
            [service:web]
            protocol = http
            address = 10.9.0.1
            port = 8080
            algorithm = LEAST_CONNECTIONS
            forwarding = TUNNEL
            tunnel.type = GUE
            tunnel.port = 5555
            tunnel.checksum = true
            sessionPersistence.type = SOURCE_IP
            sessionPersistence.timeout = 60
            quorum = 4
            hysteresis = 1
            panic_percent = 50
            sorry_server.address = 10.0.0.9
            sorry_server.port = 81
            options.client_timeout = 1
            options.server_timeout = 2
            options.connect_timeout = 3
            options.connect_retries = 4
            monitor.type = HTTP
            monitor.delay = 10
            monitor.timeout = 5
            monitor.attempts = 3
            monitor.rise = 2
            monitor.path = /health;really ; not this
            monitor.method = HEAD
            monitor.host = shop.example.org
            monitor.port = 82
            monitor.expected_codes = 200-299,301
            monitor.initial = UP
            monitor.quiesce = true
            monitor.slow_start = 30
            nodes = [
              {"id": "a", "address": "10.0.0.1", "port": 80, "weight": 5, "condition": "DRAINING"}, ; the first
              {"id": 2, "address": "web;2.example.org", "port": "80", "backup": true}]

            [service: db; main]
            protocol = TCP
            port = 3306
            sessionPersistence = null
            nodes = []
            """.replacing("web;2", with: "web-2"))
        var web = LoadBalancer(id: "web", serviceProtocol: .http, address: IPAddress("10.9.0.1"), port: 8080)
        web.algorithm = .leastConnections
        web.forwarding = .tunnel(Tunnel(kind: .gue, port: 5555, checksum: true))
        web.sessionPersistence = .sourceIP(timeout: 60)
        (web.quorum, web.hysteresis, web.panicPercent) = (4, 1, 50)
        web.sorryServer = Endpoint(host: try #require(HostAddress("10.0.0.9")), port: 81)
        (web.timeouts.client, web.timeouts.server, web.timeouts.connect, web.timeouts.connectRetries) = (1, 2, 3, 4)
        var monitor = Monitor(kind: .http)
        (monitor.delay, monitor.timeout, monitor.attempts, monitor.rise) = (10, 5, 3, 2)
        (monitor.path, monitor.method, monitor.host, monitor.port) = ("/health;really", "HEAD", "shop.example.org", 82)
        monitor.expectedCodes = [200...299, 301...301]
        (monitor.initiallyUp, monitor.quiesces, monitor.slowStart) = (true, true, 30)
        web.monitor = monitor
        web.nodes = [
            Node(id: "a", address: .address(.v4(0x0A00_0001)), port: 80, weight: 5, condition: .draining),
            Node(id: "2", address: try #require(HostAddress("web-2.example.org")), port: 80, isBackup: true),
        ]
        var db = LoadBalancer(id: " db; main", serviceProtocol: .tcp, port: 3306)
        db.sessionPersistence = SessionPersistence.none
        #expect(services == [web, db])
    }

    @Test func aFileWithoutAnyHasNone() throws {
        #expect(try services("[worker:dummy]\nfail = delete\n") == [])
    }

    @Test(arguments: [
        ("protocol = TCP\nport = 0\nnodes = []", 3, #"port: "0" is not a port (1 to 65535)"#),
        ("protocol = TCP\nnodes = []", 1, "port: is missing; TCP has no default port"),
        ("port = 1\nprotocol = IPX\nnodes = []", 3, #"protocol: "IPX" is not a protocol (HTTP, HTTPS, TCP, GALERA, UDP, SCTP)"#),
        ("protocol = TCP\nport = 1", 1, "Missing 'nodes' element"),
        ("nodes = []", 1, "Missing required 'protocol' value."),
        ("protocol = TCP\nport = 1\naddress = here\nnodes = []", 4, #"address: "here" is not an IPv4 or IPv6 address"#),
        ("protocol = TCP\nport = 1\naddress =\nnodes = []", 4, #"address: "" is not an IPv4 or IPv6 address"#),
        (
            "protocol = TCP\nport = 1\nnodes = []\nmonitor.type = CONNECT\nmonitor.delay = 5", 5,
            "monitor: Missing monitor value 'timeout'"
        ),
        (
            "protocol = TCP\nport = 1\nmonitor.attempts = 1\nmonitor.timeout = 9\nmonitor.delay = 5\nmonitor.type = CONNECT\nnodes = []", 5,
            #"monitor.timeout: "9" is longer than the delay of 5 s"#
        ),
        (
            "protocol = TCP\nport = 1\nnodes = []\nmonitor.type = CONNECT\nmonitor.delay = 5\nmonitor.timeout = 5\nmonitor.attempts = 1\n"
                + "monitor.quiesce = yes", 9, #"monitor.quiesce: "yes" is not whether a node keeps its connections (true or false)"#
        ),
        ("protocol = TCP\nport = 1\nhysteresis = 2\nnodes = []", 4, #"hysteresis: "2" is a hysteresis without a quorum"#),
        ("protocol = TCP\nport = 1\ntunnel.type = GRE\nnodes = []", 4, #"tunnel: {"type": "GRE"} is a tunnel without forwarding TUNNEL"#),
        (
            "protocol = TCP\nport = 1\nsessionPersistence = SOURCE_IP\nnodes = []", 4,
            #"sessionPersistence: "SOURCE_IP" is not an object"#
        ),
        (
            "protocol = TCP\nport = 1\nsessionPersistence = null\nsessionPersistence.type = SOURCE_IP\nnodes = []", 4,
            "sessionPersistence: appears twice; which one is meant?"
        ),
        ("protocol = TCP\nport = 1\nsorry_server.port = 1\nnodes = []", 4, "sorry_server.address: is missing"),
    ])
    func whatIsWrongIsNamedWithItsLine(keys: String, line: Int, sentence: String) throws {
        #expect(try failure("[service:web]\n\(keys)\n") == StartupFailure(.config, "lbaas.conf:\(line): [service:web] \(sentence)"))
    }

    @Test(arguments: [
        ("a", "nodes: is not a list in JSON: "), ("[", "nodes: is not a list in JSON: "), ("[],", "nodes: is not a list in JSON: "),
        (#"[], "port": 2"#, "nodes: is not a list in JSON: "), ("{}", "nodes: is not a list"), ("[1]", "nodes[0]: 1 is not an object"),
        (#"[{"id": 1, "address": "10.0.0.1"}]"#, "nodes[0]: Missing node 'port'"),
        (#"[{"id": 1, "address": "10.0.0.1", "port": 70000}]"#, "nodes[0].port: 70000 is not a port (1 to 65535)"),
        (
            #"[{"id": 1, "address": "10.0.0.1", "port": 7, "weight": 257}]"#,
            "Failure adding server 1: Server 'weight' 257 exceeds max of 256"
        ),
        (
            #"[{"id": 1, "address": "10.0.0.1", "port": 7, "wieght": 2}]"#,
            "nodes[0].wieght: is no field of a node; its fields are id, address, port, weight, condition, backup"
        ),
    ])
    func wrongNodesAreNamedWithTheirLine(nodes: String, sentence: String) throws {
        let failure = try failure("[service:web]\nprotocol = TCP\nnodes = \(nodes)\nport = 1\n")
        #expect(failure.code == .config)
        #expect(failure.message.hasPrefix("lbaas.conf:3: [service:web] \(sentence)"), "\(failure.message)")
    }

    @Test func aProgramIsAListAndMustBeAllowed() throws {
        func file(_ command: String) -> String {
            """
            [health]
            programs = /bin/true
            [service:web]
            protocol = TCP
            port = 1
            nodes = []
            monitor.type = EXEC
            monitor.delay = 5
            monitor.timeout = 5
            monitor.attempts = 1
            monitor.command = \(command)

            """
        }
        #expect(try services(file(#"["/bin/true", "-x", "a b"]"#)).map(\.monitor?.command) == [["/bin/true", "-x", "a b"]])
        #expect(
            try failure(file(#"["/bin/rm", "-r"]"#)).message
                == "lbaas.conf:11: [service:web] monitor.command[0]: '/bin/rm' is not a program that checks may run on this host; "
                + "allow it by the key programs of the section [health]")
        #expect(try failure(file("/bin/true")).message.hasPrefix("lbaas.conf:11: [service:web] monitor.command: is not a list in JSON: "))
        #expect(try failure(file("{}")).message == "lbaas.conf:11: [service:web] monitor.command: is not a list")
    }

    @Test func unknownKeysAreNamedWithTheirLine() throws {
        for key in ["id", "name", "ports", "monitor", "monitor.kind", "nodes.id", "Port"] {
            let message = try failure("[service:web]\n\n\(key) = 1\n").message
            #expect(message.hasPrefix("lbaas.conf:3: '\(key)' is not a key of [service:web]; its keys are protocol, address, port, "))
        }
        #expect(try failure("[service:]\n").message.hasPrefix("lbaas.conf:1: [service:] is not a section; "))
    }

    @Test func whatTheDriverCannotDoIsNamedWithItsLine() throws {
        let web = "[service:web]\nprotocol = UDP\nport = 53\nquorum = 1\nnodes = []\n[worker:dummy]\nlacks = "
        #expect(
            try failure(web + "UDP").message == "lbaas.conf:2: [service:web] protocol: UDP is beyond the dummy driver")
        #expect(
            try failure(web + "QUORUM").message == "lbaas.conf:4: [service:web] quorum: a quorum is beyond the dummy driver")
    }

    @Test func twoOfThemCannotListenOnOnePlace() throws {
        let file =
            "[service:b]\nprotocol = TCP\nport = 1\nnodes = []\n[service:a]\nprotocol = HTTP\naddress = 10.9.0.1\nport = 1\nnodes = []\n"
        #expect(
            try failure(file).message
                == "lbaas.conf:8: [service:a] would listen on 10.9.0.1:1/tcp, where 'b' listens already; give it another port or address")
    }

    @Test func namesMayBeLongAndAlike() throws {
        let name = String(repeating: "n", count: 200)
        let services = try services(
            "[service:\(name)1]\nprotocol = TCP\nport = 1\nnodes = []\n[service:\(name)2]\nprotocol = TCP\nport = 2\nnodes = []\n")
        #expect(services.map(\.id.text) == [name + "1", name + "2"])
    }

    @Test func indentedKeysAreToldByTheirLines() throws {
        let failure = try #require(throws: StartupFailure.self) {
            try services("[service:web]\n  protocol = TCP\n  port = 1\n  nodes = []\n")
        }
        #expect(
            withoutFolder(failure).messages.first
                == "lbaas.conf:3: this line begins with a blank, so that it continues the value of protocol, line 2; to set port, take away "
                + "the blanks before it")
    }

    @Test func aCommentBehindAValueIsExplained() throws {
        let message = try failure("[service:web]\nprotocol = TCP # plain\nport = 1\nnodes = []\n").message
        #expect(message.hasPrefix("lbaas.conf:2: [service:web] protocol: "))
        #expect(message.hasSuffix("; a # begins no comment here: \(commentAdvice)"))
    }

    @Test(arguments: [
        ("quorum = 4", 4, "quorum: 4 can never be met: the weights of the nodes in service are 3 together"),
        (
            "quorum = 2\nhysteresis = 2", 5,
            "hysteresis: the service comes up with a weight of 2 + 2, and the weights of the nodes in service are 3 together, so that it "
                + "never would"
        ),
    ])
    func aQuorumThatCanNeverBeMetIsAMistake(keys: String, line: Int, sentence: String) throws {
        func file(_ keys: String) -> String {
            """
            [service:web]
            protocol = TCP
            port = 1
            \(keys)
            nodes = [{"id": 1, "address": "10.0.0.1", "port": 7, "weight": 2}, {"id": 2, "address": "10.0.0.2", "port": 7},
              {"id": 3, "address": "10.0.0.3", "port": 7, "weight": 9, "condition": "DISABLED"}]

            """
        }
        func doubts(_ keys: String) throws -> [StartupFailure] {
            let settings = try settings(file: file(keys))
            return settings.doubts(about: try settings.services(for: nil)).map(withoutFolder)
        }
        #expect(try doubts(keys) == [StartupFailure(.config, "lbaas.conf:\(line): [service:web] \(sentence)")])
        #expect(try doubts("quorum = 2\nhysteresis = 1").isEmpty)
    }

    @Test func allMistakesAreToldAtOnce() throws {
        let file = "[service:a]\nport = 0\nprotocol = TCP\nnodes = []\n[service:b]\nprotocol = IPX\nport = 1\nnodes = []\n"
        #expect(try failure(file).messages.map { $0.prefix { $0 != " " } } == ["lbaas.conf:2:", "lbaas.conf:6:"])
    }
}
