import HostSystem
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Why nodes do not serve, in haproxy's words.
@Suite struct StatusTests {
    @Test func aFailedCheckIsToldInHAProxysWords() async throws {
        try await withBench { bench in
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            let start = Clock.now()
            bench.run(
                balancer(port: try freePort(), to: one, two) {
                    $0.monitor = monitor(.http) { ($0.delay, $0.timeout, $0.attempts, $0.expectedCodes) = (1, 20, 1, [201...299]) }
                },
                balancer("closed", port: try freePort(), to: three))
            try waitUntil("it is down") { try bench.status("shop") == ["one": false, "two": false] }
            let wrong = try bench.status("shop", "one")
            #expect(wrong.reason?.hasPrefix("Layer7 wrong status, code: 200") == true, "\(wrong)")
            let since = try #require(wrong.since)
            // haproxy counts whole seconds.
            #expect(since.microseconds > start.microseconds - 2_000_000 && since <= Clock.now())
            #expect(try bench.status("closed", "three").reason == nil)
            three.stop()
            try waitUntil("it is down") { try bench.status("closed") == ["three": false] }
            try waitUntil("it is logged") {
                bench.logged.contains {
                    $0.contains("Server closed/three is DOWN, reason: Layer4 connection problem") && $0.contains("load_balancer=closed")
                }
            }
            let refused = try bench.status("closed", "three")
            #expect(refused.reason == "Layer4 connection problem, info: \"Connection refused\"", "\(refused)")
        }
    }

    @Test func whatSomebodyDidByHandIsToldAsThat() async throws {
        try await withBench { bench in
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            bench.run(balancer(port: try freePort(), to: one, two, three) { $0.nodes[2].condition = .disabled })
            _ = try bench.ask("disable server shop/one")
            _ = try bench.ask("set server shop/two state drain")
            let (disabled, drained) = (try bench.status("shop", "one"), try bench.status("shop", "two"))
            #expect(!disabled.isUp && disabled.reason == "it was disabled by hand")
            #expect(!drained.isUp && drained.isSound && drained.reason == "it was drained by hand")
            #expect(try bench.status("shop", "three").reason == nil)
            bench.forget()
            try bench.settle()
            #expect(bench.logged.contains { $0.contains("server 'one' of backend 'shop' was disabled by hand; it is enabled again") })
            #expect(bench.logged.contains { $0.contains("server 'two' of backend 'shop' was drained by hand; it is enabled again") })
            #expect(!bench.logged.contains { $0.contains("'three'") })
            #expect(try bench.status("shop") == ["one": true, "two": true, "three": false])
        }
    }

    /// A command, and what the driver says of it.
    @Test(arguments: [
        ("set server shop/one weight 7", "was given weight 7 by hand; it gets 1 again"),
        ("set server shop/one addr 127.0.0.9 port 9", "was moved to 127.0.0.9:9 by hand; it is moved back to"),
        ("enable server shop/two", "was enabled by hand; it is disabled again"),
        ("del server shop/two", "was removed by hand; it is added again"),
        ("add server shop/four 127.0.0.1:1;enable server shop/four", "was added by hand; it is taken out"),
    ])
    func eachChangeByHandIsNamed(_ command: String, _ words: String) async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            bench.run(balancer(port: try freePort(), to: one, two) { $0.nodes[1].condition = .disabled })
            for command in command.split(separator: ";") { _ = try bench.ask(String(command)) }
            bench.forget()
            try bench.settle()
            #expect(bench.logged.count { $0.contains(words) } == 1, "\(bench.logged)")
            bench.forget()
            #expect(try bench.settle() == [])
            #expect(!bench.logged.contains { $0.contains("by hand") })
        }
    }

    @Test func whatANodeAnsweredIsReadWhateverItHas() throws {
        let text = """
            # pxname,svname,scur,bout,status,bck,lastchg,iid,type,check_status,check_code,last_chk,check_desc,more
            web,s1,0,7,DOWN,0,12,20000000,2,L7STS,503,"a ""b"", c
            d",Layer7 wrong status,x
            web,s2,0,7,DOWN 1/2,0,3,20000000,2,* L7OK,200,,Layer7 check passed,x
            web,s3,0,7,no check,0,3,20000000,2,,,,,x

            """
        let rows = StatisticsRow.rows(text, withChecks: true)
        #expect(rows.map(\.server.text) == ["s1", "s2", "s3"])
        #expect(rows[0].check?.words == "Layer7 wrong status, code: 503, info: \"a \"b\", c\nd\"")
        #expect(rows[0].check?.secondsSinceChange == 12 && rows[0].check?.isPassed == false)
        #expect(rows[1].check?.isPassed == true && rows[1].check?.words == "Layer7 check passed, code: 200")
        #expect(rows[2].check == nil && rows[2].isUp)
        #expect(StatisticsRow.rows(text).map(\.check) == [nil, nil, nil])
    }
}
