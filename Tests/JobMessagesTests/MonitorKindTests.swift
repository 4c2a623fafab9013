import JobMessages
import LBaaS
import Testing

/// The fields of a monitor that say where it checks, and those that only some types have.
@Suite struct MonitorKindTests {
    private func read(_ type: String, _ members: String) throws -> Monitor? {
        try loadBalancer(MonitorTests.lb(MonitorTests.monitor(members, type: type))).monitor
    }

    private func refused(_ type: String, _ members: String, nodes: String = "") throws -> String {
        try refusal(create(http(#""monitor":"# + MonitorTests.monitor(members, type: type), nodes: nodes)))
    }

    @Test func place() throws {
        let expected = MonitorTests.expected(.connect) {
            ($0.address, $0.source, $0.port) = (.v6(high: 0xFD00 << 48, low: 1), .v6(high: 0xFD00 << 48, low: 9), 99)
        }
        #expect(try read("CONNECT", #""address":"fd00::1","source":"fd00:0::9","port":99"#) == expected)
    }

    @Test(arguments: [Monitor.Kind.https, .tls]) func tls(kind: Monitor.Kind) throws {
        #expect(try read(kind.rawValue, #""verify":true,"ca_file":null,"server_name":null"#) == MonitorTests.expected(kind))
        #expect(MonitorTests.expected(kind).tls.isVerified)
        #expect(try read(kind.rawValue, #""verify":false"#) == MonitorTests.expected(kind) { $0.tls.isVerified = false })
        #expect(
            try read(kind.rawValue, #""ca_file":"/etc/ca.pem","server_name":"shop.example""#)
                == MonitorTests.expected(kind) { ($0.tls.authorities, $0.tls.serverName) = ("/etc/ca.pem", "shop.example") })
    }

    @Test(
        arguments: [
            ("", [], nil), (#""send":"ping""#, Array("ping".utf8), nil), (#""send":"0x00fF0a""#, [0, 255, 10], nil),
            (#""send":"0x","expect":"0x""#, [], []), (#""send":"\u0000é","expect":"""#, [0, 0xC3, 0xA9], []),
            (#""expect":"0X1""#, [], Array("0X1".utf8)),
        ] as [(String, [UInt8], [UInt8]?)]
    ) func datagrams(members: String, payload: [UInt8], answer: [UInt8]?) throws {
        #expect(try read("UDP", members) == MonitorTests.expected(.udp) { ($0.payload, $0.expectedAnswer) = (payload, answer) })
    }

    @Test func command() throws {
        let read = try read("EXEC", #""command":["/usr/bin/look","-x","","\n"],"port":1,"address":"10.0.0.1""#)
        #expect(
            read
                == MonitorTests.expected(.exec) {
                    ($0.command, $0.port, $0.address) = (["/usr/bin/look", "-x", "", "\n"], 1, .v4(0x0A00_0001))
                })
    }

    /// The reply gives every monitor this path, and clients send back what they got.
    @Test(arguments: Monitor.Kind.allCases) func everyTypeHasThePathOfTheReply(kind: Monitor.Kind) throws {
        let members = kind == .exec ? #""path":"/","command":["/bin/true"]"# : #""path":"/""#
        #expect(try read(kind.rawValue, members)?.path == "/")
    }

    @Test(arguments: [
        ("CONNECT", #""verify":true"#, "verify: true is for type HTTPS, TLS, and this one is CONNECT"),
        ("HTTP", #""ca_file":"/x""#, #"ca_file: "/x" is for type HTTPS, TLS, and this one is HTTP"#),
        ("UDP", #""server_name":"x""#, #"server_name: "x" is for type HTTPS, TLS, and this one is UDP"#),
        ("TLS", #""send":"x""#, #"send: "x" is for type UDP, and this one is TLS"#),
        ("ICMP", #""expect":"""#, #"expect: "" is for type UDP, and this one is ICMP"#),
        ("ICMP", #""port":80"#, "port: 80 is for type CONNECT, HTTP, HTTPS, TLS, UDP, EXEC, and this one is ICMP"),
        ("HTTPS", #""command":[]"#, "command: [] is for type EXEC, and this one is HTTPS"),
        (
            "EXEC", #""source":"10.0.0.1""#,
            #"source: "10.0.0.1" is for type CONNECT, HTTP, HTTPS, TLS, UDP, ICMP, and this one is EXEC"#
        ),
        ("UDP", #""path":"/x""#, #"path: "/x" is for type HTTP, HTTPS, and this one is UDP"#),
        ("TLS", #""method":"GET""#, #"method: "GET" is for type HTTP, HTTPS, CONNECT, and this one is TLS"#),
        ("TLS", #""host":"x""#, #"host: "x" is for type HTTP, HTTPS, CONNECT, and this one is TLS"#),
        ("ICMP", #""expected_codes":200"#, "expected_codes: 200 is for type HTTP, HTTPS, CONNECT, and this one is ICMP"),
        ("CONNECT", #""address":"web.example""#, #"address: "web.example" is not an IPv4 or IPv6 address"#),
        ("CONNECT", #""address":"0.0.0.0""#, #"address: "0.0.0.0" is not the address of one host"#),
        ("CONNECT", #""source":"::""#, #"source: "::" is not the address of one host"#),
        (
            "CONNECT", #""address":"10.0.0.1","source":"fd00::1""#,
            #"source: "fd00::1" is not of the family of 10.0.0.1, which is checked"#
        ),
        ("TLS", #""verify":"no""#, #"verify: "no" is not whether the certificate is verified (true or false)"#),
        ("TLS", #""ca_file":"ca.pem""#, #"ca_file: "ca.pem" is not an absolute path"#),
        ("TLS", #""ca_file":"/a\nb""#, #"ca_file: "/a\nb" has control characters"#),
        ("TLS", #""ca_file":"/x","verify":false"#, #"ca_file: "/x" is for certificates that are verified, and verify is false"#),
        ("TLS", #""server_name":"a b""#, #"server_name: "a b" is not the name of a server"#),
        ("UDP", #""send":"0x0""#, #"send: "0x0" is not bytes in hexadecimal (0x, then two digits for each)"#),
        ("UDP", #""send":"0x-1""#, #"send: "0x-1" is not bytes in hexadecimal (0x, then two digits for each)"#),
        ("UDP", #""expect":"0xzz""#, #"expect: "0xzz" is not bytes in hexadecimal (0x, then two digits for each)"#),
        ("UDP", #""expect":"0x①①""#, #"expect: "0x①①" is not bytes in hexadecimal (0x, then two digits for each)"#),
        ("UDP", #""send":7"#, "send: 7 is not what a datagram holds (a string)"),
        ("EXEC", "", "command: is missing; EXEC needs a program (a list: its path, and its arguments)"),
        ("EXEC", #""command":[]"#, "command: [] names no program"),
        ("EXEC", #""command":"/bin/true""#, #"command: "/bin/true" is not a list"#),
        ("EXEC", #""command":["true"]"#, #"command[0]: "true" is not an absolute path"#),
        ("EXEC", #""command":["/bin/echo",1]"#, "command[1]: 1 is not a word of a command (a string)"),
        ("EXEC", #""command":["/bin/echo","a\u0000b"]"#, #"command[1]: "a\u0000b" has a NUL"#),
    ]) func refusals(type: String, members: String, sentence: String) throws {
        #expect(try refused(type, members) == "loadBalancers[0].monitor.\(sentence)")
    }

    @Test func whatIsTooLong() throws {
        let most = 65_507
        #expect(try read("UDP", #""send":"0x\#(String(repeating: "00", count: most))""#)?.payload.count == most)
        let tooLong = try refused("UDP", #""send":"\#(String(repeating: "x", count: most + 1))""#)
        #expect(tooLong.hasSuffix("x… is more than the 65507 bytes of a datagram"))
        let words = String(repeating: #","""#, count: 65_526)
        #expect(try read("EXEC", #""command":["/bin/true"\#(words)]"#)?.command.count == 65_527)
        #expect(try refused("EXEC", #""command":["/bin/true"\#(words),""]"#).hasSuffix("is longer than 65536 bytes"))
    }

    @Test func aNodeOfAnotherFamilyThanTheSource() throws {
        let six = #"{"id":"six","address":"fd00::1","port":80}"#
        #expect(
            try refused("ICMP", #""source":"10.0.0.9""#, nodes: node() + "," + six)
                == "loadBalancers[0].nodes[1].address: fd00::1 is not of the family of 10.0.0.9, which checks are to come from (monitor.source)"
        )
        let elsewhere = http(
            #""monitor":"# + MonitorTests.monitor(#""source":"10.0.0.9","address":"10.0.0.8""#, type: "ICMP"), nodes: six)
        #expect(try loadBalancer(elsewhere).monitor?.source == .v4(0x0A00_0009))
    }
}
