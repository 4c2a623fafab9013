import JobMessages
import LBaaS
import Testing

/// The fields of a load balancer that are right, and their defaults.
@Suite struct LoadBalancerFieldTests {
    @Test(arguments: ["CREATE", "UPDATE"]) func defaults(action: String) throws {
        let list = try loadBalancers(#"{"hpcs_action":""# + action + #"","loadBalancers":[{"protocol":"HTTP","nodes":[]}]}"#)
        #expect(list == [LoadBalancer(id: LoadBalancerID("http"), serviceProtocol: .http, port: 80)])
    }

    @Test func nullIsAbsent() throws {
        let nulls = [
            "id", "name", "port", "address", "algorithm", "monitor", "options", "forwarding", "tunnel", "quorum", "hysteresis",
            "sorry_server",
        ].map { "\"\($0)\":null" }.joined(separator: ",")
        #expect(
            try loadBalancer(#"{"protocol":"HTTP","nodes":[],"# + nulls + "}")
                == LoadBalancer(id: LoadBalancerID("http"), serviceProtocol: .http, port: 80))
        let inner = """
            "options":{"client_timeout":null,"server_timeout":null,"connect_timeout":null,"connect_retries":null},\
            "sessionPersistence":{"type":"SOURCE_IP","timeout":null},\
            "forwarding":"TUNNEL","tunnel":{"type":"GRE","port":null,"checksum":null}
            """
        var expected = LoadBalancer(id: LoadBalancerID("web"), serviceProtocol: .http, port: 80)
        expected.sessionPersistence = .sourceIP(timeout: 300)
        expected.forwarding = .tunnel(Tunnel(kind: .gre))
        #expect(try loadBalancer(http(inner)) == expected)
    }

    @Test(arguments: ServiceProtocol.allCases) func protocols(serviceProtocol: ServiceProtocol) throws {
        for spelling in [serviceProtocol.rawValue, serviceProtocol.rawValue.lowercased(), serviceProtocol.rawValue.capitalized] {
            let text = #"{"protocol":""# + spelling + #"","port":5,"nodes":["# + node() + "]}"
            let read = try loadBalancer(text)
            #expect(read.serviceProtocol == serviceProtocol)
            #expect(read.port == 5)
            #expect(read.id.text == serviceProtocol.rawValue.lowercased())
        }
    }

    @Test(arguments: [
        ("1", 1), ("65535", 65535), (#""1""#, 1), (#""65535""#, 65535), (#""00080""#, 80), (#""\u0038\u0030""#, 80), ("null", 80),
    ]) func port(text: String, port: UInt16) throws {
        #expect(try loadBalancer(http(#""port":"# + text)).port == port)
    }

    @Test(arguments: ["0.0.0.0", "10.1.2.3", "::", "fd00::1", "FD00:0:0::1", "::ffff:1.2.3.4"]) func address(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(try loadBalancer(http(#""address":""# + text + #"""#)).address == address)
    }

    @Test(arguments: Algorithm.allCases) func algorithms(algorithm: Algorithm) throws {
        for spelling in [algorithm.rawValue, algorithm.rawValue.lowercased()] {
            #expect(try loadBalancer(http(#""algorithm":""# + spelling + #"""#)).algorithm == algorithm)
        }
    }

    @Test(arguments: [
        ("{}", [30_000, 30_000, 30_000, 3]),
        (#"{"client_timeout":1,"server_timeout":2,"connect_timeout":3,"connect_retries":4}"#, [1, 2, 3, 4]),
        (#"{"client_timeout":"1","server_timeout":"2","connect_timeout":"3","connect_retries":"4"}"#, [1, 2, 3, 4]),
        (#"{"connect_retries":0}"#, [30_000, 30_000, 30_000, 0]),
        (#"{"client_timeout":2147483647,"connect_retries":"2147483647"}"#, [2_147_483_647, 30_000, 30_000, 2_147_483_647]),
    ]) func options(text: String, expected: [UInt32]) throws {
        let timeouts = try loadBalancer(http(#""options":"# + text)).timeouts
        #expect([timeouts.client, timeouts.server, timeouts.connect, timeouts.connectRetries] == expected)
    }

    @Test(arguments: [
        ("null", SessionPersistence.none), (#"{"type":"SOURCE_IP"}"#, .sourceIP(timeout: 300)),
        (#"{"type":"source_ip","timeout":1}"#, .sourceIP(timeout: 1)), (#"{"timeout":"7","type":"SOURCE_IP"}"#, .sourceIP(timeout: 7)),
        (#"{"type":"HTTP_COOKIE"}"#, .httpCookie), (#"{"type":"http_Cookie","x":1}"#, .httpCookie),
    ]) func sessionPersistence(text: String, expected: SessionPersistence) throws {
        #expect(try loadBalancer(http(#""sessionPersistence":"# + text)).sessionPersistence == .some(expected))
    }

    @Test(arguments: [
        (#""forwarding":"NAT""#, Forwarding.nat), (#""forwarding":"nat","tunnel":null"#, .nat), (#""forwarding":"Direct""#, .direct),
        (#""forwarding":"TUNNEL""#, .tunnel(Tunnel(kind: .ipip))),
        (#""tunnel":{"type":"ipip"},"forwarding":"tunnel""#, .tunnel(Tunnel(kind: .ipip))),
        (#""forwarding":"TUNNEL","tunnel":{"type":"IPIP","checksum":false}"#, .tunnel(Tunnel(kind: .ipip))),
        (#""forwarding":"TUNNEL","tunnel":{"type":"GRE","checksum":true}"#, .tunnel(Tunnel(kind: .gre, checksum: true))),
        (#""forwarding":"TUNNEL","tunnel":{"type":"GUE","port":1}"#, .tunnel(Tunnel(kind: .gue, port: 1))),
        (
            #""forwarding":"TUNNEL","tunnel":{"type":"GUE","port":"65535","checksum":true}"#,
            .tunnel(Tunnel(kind: .gue, port: 65535, checksum: true))
        ),
    ]) func forwarding(text: String, expected: Forwarding) throws {
        #expect(try loadBalancer(http(text)).forwarding == expected)
    }

    @Test(
        arguments: [
            (#""quorum":1"#, 1, 0), (#""quorum":"5","hysteresis":"2""#, 5, 2), (#""hysteresis":0,"quorum":2147483647"#, 2_147_483_647, 0),
            (#""quorum":7,"hysteresis":2147483647"#, 7, 2_147_483_647),
        ] as [(String, UInt32, UInt32)]) func quorum(text: String, quorum: UInt32, hysteresis: UInt32) throws
    {
        let read = try loadBalancer(http(text))
        #expect(read.quorum == quorum)
        #expect(read.hysteresis == hysteresis)
    }

    @Test(arguments: [
        (#"{"address":"10.0.0.9","port":8080}"#, "10.0.0.9:8080"), (#"{"port":"1","address":"fd00::1"}"#, "[fd00::1]:1"),
        (#"{"port":65535,"address":"sorry.example_1-x"}"#, "sorry.example_1-x:65535"),
    ]) func sorryServer(text: String, expected: String) throws {
        #expect(try loadBalancer(http(#""sorry_server":"# + text)).sorryServer?.description == expected)
    }

    @Test func fieldsInAnyOrderAndOfEveryKind() throws {
        let text = """
            {"nodes":[{"backup":"TRUE","weight":"256","id":7,"port":"8080","address":"web.example","condition":"draining"}],\
            "sorry_server":{"address":"::1","port":9},"hysteresis":1,"quorum":2,"forwarding":"direct",\
            "sessionPersistence":{"type":"HTTP_COOKIE"},"options":{"connect_retries":9},"algorithm":"maglev","address":"10.0.0.1",\
            "port":"443","protocol":"https","name":"shop"}
            """
        var expected = LoadBalancer(id: LoadBalancerID("shop"), serviceProtocol: .https, address: .v4(0x0A00_0001), port: 443)
        expected.algorithm = .maglev
        expected.timeouts.connectRetries = 9
        expected.sessionPersistence = .httpCookie
        expected.forwarding = .direct
        expected.quorum = 2
        expected.hysteresis = 1
        expected.sorryServer = Endpoint(host: .address(.v6(high: 0, low: 1)), port: 9)
        expected.nodes = [
            Node(id: "7", address: .name("web.example"), port: 8080, weight: 256, isBackup: true, condition: .draining)
        ]
        #expect(try loadBalancer(text) == expected)
    }
}
