import JobMessages
import LBaaS
import Testing

/// The fields of a load balancer that are wrong: what the client is told.
@Suite struct LoadBalancerRefusalTests {
    /// A value and what is said behind its path.
    @Test(arguments: [
        ("port", "0", "0 is not a port (1 to 65535)"), ("port", "65536", "65536 is not a port (1 to 65535)"),
        ("port", "70000", "70000 is not a port (1 to 65535)"), ("port", "-1", "-1 is not a port (1 to 65535)"),
        ("port", "-80", "-80 is not a port (1 to 65535)"), ("port", "1.5", "1.5 is not a port (1 to 65535)"),
        ("port", "80.0", "80.0 is not a port (1 to 65535)"), ("port", "8e1", "8e1 is not a port (1 to 65535)"),
        ("port", "9223372036854775808", "9223372036854775808 is not a port (1 to 65535)"),
        ("port", "18446744073709551616", "18446744073709551616 is not a port (1 to 65535)"),
        ("port", "18446744073709551696", "18446744073709551696 is not a port (1 to 65535)"),
        ("port", "-18446744073709551536", "-18446744073709551536 is not a port (1 to 65535)"),
        ("port", #""""#, #""" is not a port (1 to 65535)"#), ("port", #"" 80""#, #"" 80" is not a port (1 to 65535)"#),
        ("port", #""+80""#, #""+80" is not a port (1 to 65535)"#), ("port", #""0x50""#, #""0x50" is not a port (1 to 65535)"#),
        ("port", #""٨٠""#, #""٨٠" is not a port (1 to 65535)"#), ("port", #""80\u0000""#, #""80\u0000" is not a port (1 to 65535)"#),
        ("port", #""65616""#, #""65616" is not a port (1 to 65535)"#), ("port", "true", "true is not a port (1 to 65535)"),
        ("port", "[80]", "[80] is not a port (1 to 65535)"),
        ("address", #""""#, #""" is not an IPv4 or IPv6 address"#),
        ("address", #""10.0.0""#, #""10.0.0" is not an IPv4 or IPv6 address"#),
        ("address", #""10.0.0.256""#, #""10.0.0.256" is not an IPv4 or IPv6 address"#),
        ("address", #""web.example""#, #""web.example" is not an IPv4 or IPv6 address"#),
        ("address", #""10.0.0.1\u0000""#, #""10.0.0.1\u0000" is not an IPv4 or IPv6 address"#),
        ("address", "1", "1 is not an address (a string)"), ("address", "[]", "[] is not an address (a string)"),
        ("algorithm", #""BOGUS""#, #""BOGUS" is not an algorithm (\#(algorithms))"#),
        ("algorithm", "1", "1 is not an algorithm (\(algorithms))"),
        ("algorithm", #""""#, #""" is not an algorithm (\#(algorithms))"#),
        ("options", "[]", "[] is not an object"), ("options", "30", "30 is not an object"),
        ("options.client_timeout", "-1", "-1 is not a time in ms (0 to 2147483647)"),
        ("options.server_timeout", "2147483648", "2147483648 is not a time in ms (0 to 2147483647)"),
        ("options.connect_timeout", "1.5", "1.5 is not a time in ms (0 to 2147483647)"),
        ("options.connect_retries", #""x""#, #""x" is not a number of retries (0 to 2147483647)"#),
        ("sessionPersistence", #""SOURCE_IP""#, #""SOURCE_IP" is not an object"#),
        ("sessionPersistence", "false", "false is not an object"),
        ("forwarding", #""BOGUS""#, #""BOGUS" is not a way to forward (NAT, DIRECT, TUNNEL)"#),
        ("forwarding", "1", "1 is not a way to forward (NAT, DIRECT, TUNNEL)"),
        ("quorum", "0", "0 is not a quorum in weight (1 to 2147483647)"),
        ("quorum", "2147483648", "2147483648 is not a quorum in weight (1 to 2147483647)"),
        ("hysteresis", "-1", "-1 is not a hysteresis in weight (0 to 2147483647)"),
        ("hysteresis", "1", "1 is a hysteresis without a quorum"),
        ("suspended", "1", "1 is not whether the load balancer is suspended (true or false)"),
        ("sorry_server", #""10.0.0.1:80""#, #""10.0.0.1:80" is not an object"#),
        ("nodes", "null", "null is not a list"), ("nodes", "{}", "{} is not a list"), ("nodes", #""a""#, #""a" is not a list"#),
        ("id", "true", "true is not an id (a string or a number)"), ("id", "{}", "{} is not an id (a string or a number)"),
        ("name", "[]", "[] is not an id (a string or a number)"),
    ]) func wrongValue(field: String, value: String, complaint: String) throws {
        let parts = field.split(separator: ".")
        let member = parts.count == 1 ? "\"\(field)\":\(value)" : "\"\(parts[0])\":{\"\(parts[1])\":\(value)}"
        let text = #"{"protocol":"HTTP","# + member + (field == "nodes" ? "" : #","nodes":[]"#) + "}"
        #expect(try refusal(create(text)) == "loadBalancers[0].\(field): \(complaint)")
    }

    private static let algorithms =
        "ROUND_ROBIN, LEAST_CONNECTIONS, SOURCE_IP, MAGLEV, SHORTEST_EXPECTED_DELAY, NEVER_QUEUE"

    @Test(arguments: [
        (
            #""sessionPersistence":{}"#,
            "sessionPersistence.type: is to be SOURCE_IP or HTTP_COOKIE; for none, set sessionPersistence to null"
        ),
        (
            #""sessionPersistence":{"type":"NONE"}"#,
            "sessionPersistence.type: is to be SOURCE_IP or HTTP_COOKIE; for none, set sessionPersistence to null"
        ),
        (
            #""sessionPersistence":{"type":"SOURCE_IP","timeout":0}"#,
            "sessionPersistence.timeout: 0 is not a time in s (1 to 2147483647)"
        ),
        (#""tunnel":{"type":"IPIP"}"#, #"tunnel: {"type":"IPIP"} is a tunnel without forwarding TUNNEL"#),
        (#""tunnel":{},"forwarding":"NAT""#, "tunnel: {} is a tunnel without forwarding TUNNEL"),
        (#""tunnel":{},"forwarding":"direct""#, "tunnel: {} is a tunnel without forwarding TUNNEL"),
        (#""forwarding":"TUNNEL","tunnel":[]"#, "tunnel: [] is not an object"),
        (#""forwarding":"TUNNEL","tunnel":{}"#, "tunnel.type: is missing (IPIP, GUE, GRE)"),
        (#""forwarding":"TUNNEL","tunnel":{"type":"VXLAN"}"#, #"tunnel.type: "VXLAN" is not a tunnel type (IPIP, GUE, GRE)"#),
        (#""forwarding":"TUNNEL","tunnel":{"type":"GUE"}"#, "tunnel.port: is missing; a GUE tunnel needs the UDP port of the nodes"),
        (#""forwarding":"TUNNEL","tunnel":{"type":"GUE","port":0}"#, "tunnel.port: 0 is not a port (1 to 65535)"),
        (#""forwarding":"TUNNEL","tunnel":{"type":"GRE","port":7}"#, "tunnel.port: 7 is a port, and only a GUE tunnel has one"),
        (
            #""forwarding":"TUNNEL","tunnel":{"type":"GRE","checksum":1}"#,
            "tunnel.checksum: 1 is not whether there is a checksum (true or false)"
        ),
        (
            #""forwarding":"TUNNEL","tunnel":{"type":"IPIP","checksum":true}"#,
            "tunnel.checksum: true asks for a checksum, and an IPIP tunnel has none"
        ),
        (#""sorry_server":{}"#, "sorry_server.address: is missing"), (#""sorry_server":{"port":80}"#, "sorry_server.address: is missing"),
        (#""sorry_server":{"address":"::1"}"#, "sorry_server.port: is missing"),
        (#""sorry_server":{"address":"::1","port":65536}"#, "sorry_server.port: 65536 is not a port (1 to 65535)"),
        (#""sorry_server":{"address":"a b","port":1}"#, #"sorry_server.address: "a b" is neither an address nor a host name"#),
        (#""sorry_server":{"address":1,"port":1}"#, "sorry_server.address: 1 is not an address (a string)"),
        (#""algorithm":"maglev","algorithm":"maglev""#, "algorithm: appears twice; which one is meant?"),
        (#""options":{"client_timeout":1,"client_timeout":1}"#, "options.client_timeout: appears twice; which one is meant?"),
        (#""sorry_server":{"port":1,"port":1}"#, "sorry_server.port: appears twice; which one is meant?"),
    ]) func wrongCombination(members: String, sentence: String) throws {
        #expect(try refusal(create(http(members))) == "loadBalancers[0].\(sentence)")
        #expect(try refusal(create(http("").replacing("web", with: "b"), http(members))) == "loadBalancers[1].\(sentence)")
    }

    @Test(arguments: ["HTTPS", "TCP", "UDP", "SCTP", "GALERA"], ["", #","port":null"#])
    func portIsRequiredForAllButHTTP(serviceProtocol: String, port: String) throws {
        #expect(
            try refusal(create(#"{"protocol":""# + serviceProtocol.lowercased() + #"","nodes":[]"# + port + "}"))
                == "loadBalancers[0].port: is missing; \(serviceProtocol) has no default port")
    }

    @Test(arguments: [
        ("null", "null"), (#""FTP""#, #""FTP""#), ("80", "80"), (#""""#, #""""#), (#""HTTP ""#, #""HTTP ""#), ("[]", "[]"),
    ]) func wrongProtocol(value: String, shown: String) throws {
        #expect(
            try refusal(create(#"{"nodes":[],"protocol":"# + value + "}"))
                == "loadBalancers[0].protocol: \(shown) is not a protocol (HTTP, HTTPS, TCP, GALERA, UDP, SCTP)")
    }

    @Test(arguments: [
        (#"{"hpcs_action":"UPDATE"}"#, "Missing 'loadBalancers' element", "job"),
        (create("{}"), "Missing 'nodes' element", "loadBalancers[0]"),
        (create(#"{"port":0,"algorithm":5}"#), "Missing 'nodes' element", "loadBalancers[0]"),
        (create(#"{"nodes":[]}"#), "Missing required 'protocol' value.", "loadBalancers[0]"),
        (create(#"{"nodes":null,"port":"x"}"#), "Missing required 'protocol' value.", "loadBalancers[0]"),
        (create(#"{"nodes":[{}],"port":"x"}"#), "Missing required 'protocol' value.", "loadBalancers[0]"),
        (create(http(""), http("").replacing("nodes", with: "Nodes")), "Missing 'nodes' element", "loadBalancers[1]"),
    ]) func missing(job: String, message: String, path: String) throws {
        #expect(reply(job) == badRequest(message, at: path))
        #expect(answer(job).error == "\(path): \(message)")
    }

    @Test(arguments: [
        ("null", "loadBalancers: null is not a list"), ("{}", "loadBalancers: {} is not a list"),
        ("[null]", "loadBalancers[0]: null is not an object"), ("[[]]", "loadBalancers[0]: [] is not an object"),
        (#"["a"]"#, #"loadBalancers[0]: "a" is not an object"#),
    ]) func wrongList(list: String, sentence: String) throws {
        for action in ["CREATE", "UPDATE"] {
            #expect(try refusal(#"{"hpcs_action":""# + action + #"","loadBalancers":"# + list + "}") == sentence)
        }
    }

    /// The value is shown so far as it helps.
    @Test func longValuesAreCut() throws {
        let value = "\"" + String(repeating: "x", count: 5000) + "\""
        #expect(
            try refusal(create(http(#""port":"# + value)))
                == "loadBalancers[0].port: \"\(String(repeating: "x", count: 59))… is not a port (1 to 65535)")
    }

    /// Inside a character too: the reply stays UTF-8.
    @Test(arguments: 0..<4) func longValuesAreCutInsideACharacter(shift: Int) throws {
        let value = "\"" + String(repeating: "x", count: shift) + String(repeating: "😀", count: 50) + "\""
        #expect(try refusal(create(http(#""port":"# + value))).hasPrefix("loadBalancers[0].port: \""))
    }
}
