import JobMessages
import LBaaS
import Testing

/// The fields of a monitor.
@Suite struct MonitorTests {
    static func lb(_ monitor: String) -> String { http(#""monitor":"# + monitor) }

    /// A monitor with what it must have, and these members.
    static func monitor(_ members: String, type: String = "HTTP") -> String {
        #"{"type":""# + type + #"","delay":30,"timeout":20,"attempts":3"# + (members.isEmpty ? "" : "," + members) + "}"
    }

    static func expected(_ kind: Monitor.Kind = .http, _ change: (inout Monitor) -> Void = { _ in }) -> Monitor {
        var monitor = Monitor(kind: kind)
        monitor.delay = 30
        monitor.timeout = 20
        monitor.attempts = 3
        change(&monitor)
        return monitor
    }

    @Test func absentAndNull() throws {
        #expect(try loadBalancer(http("")).monitor == nil)
        #expect(try loadBalancer(Self.lb("null")).monitor == nil)
    }

    @Test(arguments: Monitor.Kind.allCases) func types(kind: Monitor.Kind) throws {
        let command = kind == .exec ? ["/bin/true"] : []
        let members = kind == .exec ? #""command":["/bin/true"]"# : ""
        for name in [kind.rawValue, kind.rawValue.lowercased()] {
            #expect(
                try loadBalancer(Self.lb(Self.monitor(members, type: name))).monitor == Self.expected(kind) { $0.command = command })
        }
    }

    @Test func nullMeansTheDefault() throws {
        let read = try loadBalancer(Self.lb(#"{"type":"CONNECT","delay":null,"timeout":null,"attempts":null,"path":null}"#)).monitor
        #expect(read == Monitor(kind: .connect))
        #expect(read?.delay == 30 && read?.timeout == 30 && read?.attempts == 2 && read?.path == "/")
        let timeout = try loadBalancer(Self.lb(#"{"type":"CONNECT","delay":7,"timeout":null,"attempts":null}"#)).monitor?.timeout
        #expect(timeout == 7, "the timeout is as the delay")
        let optional = #""rise":null,"expected_codes":null,"host":null,"port":null,"method":null"#
        #expect(try loadBalancer(Self.lb(Self.monitor(optional))).monitor == Self.expected())
    }

    @Test(arguments: [
        (#"{"type":"HTTP","delay":"30","timeout":"20","attempts":"3"}"#, [30, 20, 3]),
        (#"{"type":"HTTP","delay":1,"timeout":1,"attempts":1}"#, [1, 1, 1]),
        (#"{"type":"HTTP","delay":86400,"timeout":86400,"attempts":1000}"#, [86400, 86400, 1000]),
    ]) func numbers(text: String, expected: [UInt32]) throws {
        let read = try #require(try loadBalancer(Self.lb(text)).monitor)
        #expect([read.delay, read.timeout, read.attempts] == expected)
    }

    /// Compared by their bytes: what Swift takes for equal may look otherwise to a server.
    @Test(arguments: [
        (#""/""#, "/"), (#""""#, "/"), (#""health""#, "/health"), (#""/health?a=b c""#, "/health?a=b c"), (#""\/x""#, "/x"),
        (#""é""#, "/é"),
        (#""/\u0301x""#, "/\u{301}x"),
    ]) func paths(text: String, path: String) throws {
        #expect(try loadBalancer(Self.lb(Self.monitor(#""path":"# + text))).monitor.map { Array($0.path.utf8) } == Array(path.utf8))
    }

    @Test func optionalFields() throws {
        let members = #""rise":"7","expected_codes":"200-299,301","host":"shop.example","port":"8443","method":"HEAD","path":"x""#
        #expect(
            try loadBalancer(Self.lb(Self.monitor(members, type: "https"))).monitor
                == Self.expected(.https) {
                    $0.rise = 7
                    $0.expectedCodes = [200...299, 301...301]
                    $0.host = "shop.example"
                    $0.port = 8443
                    $0.method = "HEAD"
                    $0.path = "/x"
                })
    }

    @Test(
        arguments: [
            ("200", [200...200]), (#""200""#, [200...200]), (#""100-599""#, [100...599]),
            (#""301,200 - 204, 302""#, [301...301, 200...204, 302...302]),
            ("599", [599...599]), ("100", [100...100]),
        ] as [(String, [ClosedRange<UInt16>])]) func expectedCodes(text: String, codes: [ClosedRange<UInt16>]) throws
    {
        #expect(try loadBalancer(Self.lb(Self.monitor(#""expected_codes":"# + text))).monitor?.expectedCodes == codes)
    }

    @Test(arguments: [
        #""""#, #"",""#, #""200,""#, #""-""#, #""200-""#, #""-200""#, #""299-200""#, #""99""#, #""600""#, #""200-600""#, #""99-200""#,
        #""200-201-202""#,
        #""2xx""#, #""65736""#, "99", "600", "-200", "200.0", "2e2", #""+200""#, #""2 0 0""#,
    ]) func badCodes(text: String) throws {
        #expect(
            try refusal(create(Self.lb(Self.monitor(#""expected_codes":"# + text))))
                == #"loadBalancers[0].monitor.expected_codes: \#(text) is not a list of status codes, as in "200-299,301""#)
    }

    @Test(arguments: [
        ("{}", "type"), (#"{"delay":1,"timeout":1,"attempts":1}"#, "type"), (#"{"type":5}"#, "delay"),
        (#"{"type":"PING","timeout":99,"attempts":0}"#, "delay"), (#"{"type":"PING","delay":0,"attempts":0}"#, "timeout"),
        (#"{"type":"PING","delay":0,"timeout":1}"#, "attempts"), (#"{"TYPE":"HTTP"}"#, "type"),
    ]) func requiredInThisOrder(text: String, missing: String) {
        #expect(reply(create(Self.lb(text))) == badRequest("Missing monitor value '\(missing)'", at: "loadBalancers[0].monitor"))
    }

    @Test(arguments: [
        (#""CONNECT""#, #": "CONNECT" is not an object"#), ("[]", ": [] is not an object"), ("true", ": true is not an object"),
        (monitor("", type: "PING"), #".type: "PING" is not a monitor type (CONNECT, HTTP, HTTPS, TLS, UDP, ICMP, EXEC)"#),
        (monitor("").replacing(#""HTTP""#, with: "null"), ".type: null is not a monitor type (CONNECT, HTTP, HTTPS, TLS, UDP, ICMP, EXEC)"),
        (monitor("").replacing("30", with: "0"), ".delay: 0 is not a delay in s (1 to 86400)"),
        (monitor("").replacing("30", with: "86401"), ".delay: 86401 is not a delay in s (1 to 86400)"),
        (monitor("").replacing("30", with: #""1.5""#), #".delay: "1.5" is not a delay in s (1 to 86400)"#),
        (monitor("").replacing("20", with: "0"), ".timeout: 0 is not a timeout in s (1 to 86400)"),
        (monitor("").replacing("20", with: "31"), ".timeout: 31 is longer than the delay of 30 s"),
        (monitor("").replacing("30", with: "19"), ".timeout: 20 is longer than the delay of 19 s"),
        (monitor("").replacing(":3}", with: ":0}"), ".attempts: 0 is not a number of attempts (1 to 1000)"),
        (monitor("").replacing(":3}", with: ":1001}"), ".attempts: 1001 is not a number of attempts (1 to 1000)"),
        (monitor(#""path":1"#), ".path: 1 is not a path (a string)"),
        (monitor(#""path":"/a\nb""#), #".path: "/a\nb" has control characters"#),
        (monitor(#""path":"\u0000""#), #".path: "\u0000" has control characters"#),
        (monitor(#""path":"\u0085""#), #".path: "\u0085" has control characters"#),
        (monitor(#""rise":0"#), ".rise: 0 is not a number of checks (1 to 1000)"),
        (monitor(#""rise":1001"#), ".rise: 1001 is not a number of checks (1 to 1000)"),
        (monitor(#""host":{}"#), ".host: {} is not a host (a string)"),
        (monitor(#""host":"a\r\nb""#), #".host: "a\r\nb" has control characters"#),
        (monitor(#""port":0"#), ".port: 0 is not a port (1 to 65535)"),
        (monitor(#""port":65536"#), ".port: 65536 is not a port (1 to 65535)"),
        (monitor(#""method":"""#), #".method: "" is not a method (capital letters, as in GET)"#),
        (monitor(#""method":"get""#), #".method: "get" is not a method (capital letters, as in GET)"#),
        (monitor(#""method":"GET /""#), #".method: "GET /" is not a method (capital letters, as in GET)"#),
        (monitor(#""method":7"#), ".method: 7 is not a method (a string)"),
        (monitor(#""expected_codes":[200]"#), ".expected_codes: [200] is not a list of status codes (a string)"),
        (monitor(#""delay":30"#), ".delay: appears twice; which one is meant?"),
    ]) func refusals(text: String, sentence: String) throws {
        #expect(try refusal(create(Self.lb(text))) == "loadBalancers[0].monitor\(sentence)")
    }

    /// The original adds the path before it looks at the values.
    @Test(arguments: [
        (monitor(""), monitor(#" "path": "/""#)), (monitor(#""a":{}"#), monitor(#""a":{}, "path": "/""#)),
        (monitor(#""path":null"#), monitor(#""path":null"#)), (monitor(#""path":"x""#), monitor(#""path":"x""#)),
        (monitor("", type: "PING"), monitor(#" "path": "/""#, type: "PING")),
        (monitor("").dropLast() + "\n}", monitor("").dropLast() + "\n, \"path\": \"/\"}"),
    ]) func theReplyGetsAPath(text: String, replied: String) {
        #expect(reply(create(Self.lb(text))).hasPrefix(create(Self.lb(replied)).dropLast()))
    }
}
