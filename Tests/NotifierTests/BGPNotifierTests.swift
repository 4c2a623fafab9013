import BGPNotifier
import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing

/// A notifier and the folder of its pipes.
private struct Bench {
    let folder: TemporaryFolder
    let record = LogRecord()

    init() throws {
        // Whoever writes to a pipe that nobody reads is told so, as in the worker.
        signal(SIGPIPE, SIG_IGN)
        folder = try TemporaryFolder()
    }

    func notifier(_ section: [String: String] = [:]) throws -> BGPNotifier {
        let pipes = ["pipe_in": folder.file("exabgp.in"), "pipe_out": folder.file("exabgp.out")]
        return try BGPNotifier(DriverConfiguration(pipes.merging(section) { _, own in own }), log: record.log)
    }
}

@Suite("The notifier that talks to ExaBGP", .timeLimit(.minutes(15)))
struct BGPNotifierTests {
    private let wait = Duration.seconds(300)

    @Test("announces once what is up, with its attributes, and withdraws it with the same ones")
    func commands() throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder)
        let notifier = try bench.notifier([
            "next_hop": "10.0.0.9", "next_hop_v6": "fd00::9", "med": "100", "communities": "65000:1 no-export 64496:1:2",
            "neighbors": "192.0.2.1, 192.0.2.2",
        ])
        notifier.begin([.of(.up, "10.9.0.1"), .of(.down, "10.9.0.2", id: "b")])
        #expect(notifier.flush(within: wait))
        notifier.notify([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.1", id: "c", port: 443)])
        notifier.notify([.of(.up, "fd09::1", id: "d")])
        #expect(notifier.flush(within: wait))
        notifier.notify([.of(.down, "10.9.0.1"), .of(.down, "10.9.0.1", id: "c", port: 443)])
        #expect(notifier.flush(within: wait))
        let attributes = "med 100 community [ 65000:1 no-export ] large-community [ 64496:1:2 ]"
        #expect(
            exabgp.commands == [
                "neighbor 192.0.2.1 , neighbor 192.0.2.2 announce route 10.9.0.1/32 next-hop 10.0.0.9 \(attributes)",
                "neighbor 192.0.2.1 , neighbor 192.0.2.2 announce route fd09::1/128 next-hop fd00::9 \(attributes)",
                "neighbor 192.0.2.1 , neighbor 192.0.2.2 withdraw route 10.9.0.1/32 next-hop 10.0.0.9 \(attributes)",
            ])
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("has a withdrawal done when it says that it was handed on", arguments: 0..<20)
    func flushed(round: Int) throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder)
        let notifier = try bench.notifier()
        notifier.begin([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.2", id: "b")])
        notifier.notify([.of(.down, "10.9.0.2", id: "b")])
        #expect(notifier.flush(within: wait))
        #expect(exabgp.routes == ["10.9.0.1/32"])
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("announces 3000 addresses")
    func many() throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder)
        let notifier = try bench.notifier()
        notifier.begin((0..<3000).map { .of(.up, "10.9.\($0 >> 8).\($0 & 255)", id: "\($0)") })
        #expect(notifier.flush(within: wait))
        #expect(exabgp.routes.count == 3000)
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("withdraws what a worker before it left and what is down now, and touches nothing else")
    func restart() throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder, routes: ["10.9.0.1/32", "10.9.0.2/32", "198.51.100.7/32", "10.9.0.0/24"])
        let notifier = try bench.notifier()
        notifier.begin([.of(.up, "10.9.0.1"), .of(.down, "10.9.0.2", id: "b")])
        #expect(notifier.flush(within: wait))
        #expect(exabgp.routes == ["10.9.0.0/24", "10.9.0.1/32", "198.51.100.7/32"])
        #expect(exabgp.commands == ["withdraw route 10.9.0.2/32 next-hop self", "announce route 10.9.0.1/32 next-hop self"])
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("is not confused by answers that somebody else left unread")
    func foreignAnswers() throws {
        let bench = try Bench()
        let unread = [
            "exabgp 4.2.21", "done", "error", "done", "neighbor 192.0.2.1 ipv4 unicast 10.9.0.2/32 next-hop self", "done", "error",
        ]
        let exabgp = try FakeExaBGP(in: bench.folder, unread: unread + Array(repeating: "done", count: 40))
        let notifier = try bench.notifier()
        notifier.begin([.of(.up, "10.9.0.1"), .of(.down, "10.9.0.2", id: "b")])
        #expect(notifier.flush(within: wait))
        #expect(exabgp.commands == ["announce route 10.9.0.1/32 next-hop self"])
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("announces anew what holds when ExaBGP comes, goes and comes back, and nobody waits meanwhile")
    func reconnects() async throws {
        let bench = try Bench()
        let notifier = try bench.notifier()
        notifier.begin([.of(.up, "10.9.0.1")])
        try await eventually("the log says that there is none") { bench.record.contains("ExaBGP does not run") }
        #expect(!notifier.flush(within: wait))
        let first = try FakeExaBGP(in: bench.folder)
        try await eventually("the first one is told") { first.routes == ["10.9.0.1/32"] }
        // Its end before its last answer would be no new loss: it was not connected then.
        try await eventually("it is connected") { bench.record.contains("ExaBGP connected") }
        first.end()
        try await eventually("it is known to be gone") { bench.record.contains("reason=ExaBGP is gone") }
        notifier.notify([.of(.down, "10.9.0.1"), .of(.up, "10.9.0.2", id: "b")])
        let start = ContinuousClock.now
        #expect(!notifier.flush(within: wait))
        #expect(ContinuousClock.now - start < wait)
        let second = try FakeExaBGP(in: bench.folder, routes: ["10.9.0.1/32"])
        try await eventually("the second one is told") { second.routes == ["10.9.0.2/32"] }
        #expect(notifier.flush(within: wait))
        #expect(notifier.stop(within: wait))
        #expect(bench.record.lines.filter { $0.hasPrefix("warning") }.count == 2)
        second.end()
    }

    @Test("waits no longer than it may for an ExaBGP that is stuck, and goes on when it is not any more")
    func stuck() async throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder)
        let notifier = try bench.notifier(["timeout": "1"])
        notifier.begin([.of(.up, "10.9.0.1")])
        #expect(notifier.flush(within: wait))
        exabgp.become(.mute)
        notifier.notify([.of(.down, "10.9.0.1")])
        #expect(!notifier.flush(within: .milliseconds(50)))
        try await eventually("it is given up") { bench.record.contains("exabgp.api.ack is not true") }
        #expect(exabgp.routes == ["10.9.0.1/32"])
        exabgp.become(.right)
        try await eventually("it is told") { exabgp.routes.isEmpty }
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("puts right what somebody else changed, and tells a new peer")
    func resync() async throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder)
        let notifier = try bench.notifier(["resync_interval": "1", "own_addresses": "10.9.0.0/24"])
        notifier.begin([.of(.up, "10.9.0.1")])
        #expect(notifier.flush(within: wait))
        exabgp.change { $0 = ["10.9.0.7/32"] }
        try await eventually("it is put right") { exabgp.routes == ["10.9.0.1/32"] }
        exabgp.forgetCommands()
        exabgp.addPeer("192.0.2.2")
        try await eventually("the new peer is told") { exabgp.commands == ["announce route 10.9.0.1/32 next-hop self"] }
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("logs what ExaBGP refuses, and tries it again")
    func refused() async throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder, mood: .refusing)
        let notifier = try bench.notifier(["resync_interval": "1"])
        notifier.begin([.of(.up, "10.9.0.1")])
        #expect(notifier.flush(within: wait))
        #expect(
            bench.record.contains("ExaBGP refuses a route; its own log says why, and it is tried again command=announce route 10.9.0.1/32"))
        exabgp.become(.right)
        try await eventually("it is tried again") { exabgp.routes == ["10.9.0.1/32"] }
        #expect(notifier.stop(within: wait))
        exabgp.end()
    }

    @Test("leaves its routes when it is stopped, or takes them away, as configured", arguments: [("no", ["10.9.0.1/32"]), ("yes", [])])
    func stopped(withdrawOnStop: String, left: [String]) throws {
        let bench = try Bench()
        let exabgp = try FakeExaBGP(in: bench.folder)
        let notifier = try bench.notifier(["withdraw_on_stop": withdrawOnStop])
        notifier.begin([.of(.up, "10.9.0.1")])
        #expect(notifier.flush(within: wait))
        #expect(notifier.stop(within: wait))
        #expect(exabgp.routes == left)
        exabgp.end()
    }

    @Test("announces nothing where it is silent, or the address is, and says what it cannot announce")
    func silent() throws {
        for section in [["silent": "yes"], ["silent_addresses": "10.9.0.0/24 fd09::/64"]] {
            let bench = try Bench()
            let exabgp = try FakeExaBGP(in: bench.folder, routes: ["10.9.0.1/32"])
            let notifier = try bench.notifier(section)
            notifier.begin([.of(.up, "10.9.0.1"), .of(.up, "fd09::1", id: "b")])
            #expect(notifier.flush(within: wait))
            #expect(exabgp.routes == [])
            #expect(!bench.record.contains("next_hop_v6"))
            #expect(notifier.stop(within: wait))
            exabgp.end()
        }
        let bench = try Bench()
        let notifier = try bench.notifier()
        notifier.begin([.of(.up, "fd09::1", id: "b")])
        #expect(bench.record.contains("warning bgp notifier: an address of IPv6 is not announced: set next_hop_v6 load_balancer=b"))
        // There is no ExaBGP to tell.
        #expect(!notifier.stop(within: wait))
    }

    @Test("does not take a file for a pipe")
    func noPipe() async throws {
        let bench = try Bench()
        try Data().write(to: URL(fileURLWithPath: bench.folder.file("exabgp.in")))
        let notifier = try bench.notifier()
        notifier.begin([.of(.up, "10.9.0.1")])
        try await eventually("the log says so") { bench.record.contains("exabgp.in' is not a named pipe: remove it") }
        #expect(!notifier.stop(within: wait))
    }

    @Test(
        "refuses a value that it does not know, and says what is right",
        arguments: [
            ("pipe_in", "exabgp.in", "'exabgp.in' is not a full path: begin it with /"),
            ("next_hop", "fd00::1", "'fd00::1' is neither self nor an IPv4 address"),
            ("next_hop", "0.0.0.0", "'0.0.0.0' is neither self nor an IPv4 address"),
            ("next_hop_v6", "10.0.0.1", "'10.0.0.1' is neither self nor an IPv6 address"),
            ("med", "-1", "'-1' is not a number from 0 to 4294967295"),
            (
                "communities", "65000:65536",
                "'65000:65536' is not a community: use 65000:1, 64496:1:2 or one of no-export, no-advertise, no-export-subconfed"
            ),
            ("neighbors", "router", "'router' is not an address"),
            ("silent", "maybe", "'maybe' is neither yes nor no"),
            ("silent_addresses", "10.9.0.1/24", "'10.9.0.1/24' is neither an address nor a range such as 10.9.0.0/24 or fd09::/64"),
            ("own_addresses", "all", "'all' is neither an address nor a range such as 10.9.0.0/24 or fd09::/64"),
            ("resync_interval", "0", "'0' is not a number from 1 to 86400"),
        ])
    func wrongValues(key: String, value: String, message: String) throws {
        let failure = #expect(throws: DriverConfiguration.Failure.self) {
            _ = try BGPNotifier(DriverConfiguration([key: value]), log: .silent)
        }
        #expect(failure?.key == key)
        #expect(failure?.message == message)
    }
}
