import BGPNotifier
import Foundation
import Glibc
import LBaaS
import Synchronization
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What a router knows: a real ExaBGP, peered with BIRD.
    @Suite struct Routing {
        @Test func anAddressIsThereWhileAServiceOfItIsUp() async throws {
            try await withNetwork { network in
                let notifier = try network.notifier()
                notifier.begin([.of(.up, "10.9.0.1"), .of(.up, "fd09::1", id: "six"), .of(.down, "10.9.0.2", id: "two")])
                try await network.bird.has(["10.9.0.1", "fd09::1"])
                let details = try await network.bird.details()
                #expect(details.contains("BGP.med: 100") && details.contains("BGP.community: (65000,1)"))
                #expect(details.contains("BGP.large_community: (64496, 1, 2)") && details.contains("BGP.next_hop: fd00::9"))

                let before = try await network.bird.routes()
                notifier.notify([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.1", id: "other", port: 443), .of(.up, "10.9.0.2", id: "two")])
                try await network.bird.has(["10.9.0.1", "10.9.0.2", "fd09::1"])
                notifier.notify([.of(.down, "10.9.0.1"), .of(.down, "10.9.0.2", id: "two"), .of(.down, "fd09::1", id: "six")])
                #expect(notifier.flush(within: .seconds(20)))
                try await network.bird.has(["10.9.0.1"], within: 2)
                // It was not touched while other things were.
                #expect(try await network.bird.routes().isSubset(of: before))
                notifier.notify([.of(.down, "10.9.0.1", id: "other", port: 443)])
                #expect(notifier.flush(within: .seconds(20)))
                try await network.bird.has([], within: 2)
                #expect(notifier.stop(within: .seconds(20)))
            }
        }

        @Test func aRestartOfTheWorkerTouchesNothingButWhatChanged() async throws {
            try await withNetwork { network in
                let first = try network.notifier()
                first.begin([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two")])
                try await network.bird.has(["10.9.0.1", "10.9.0.2"])
                let before = try await network.bird.routes()
                #expect(first.stop(within: .seconds(20)))
                let second = try network.notifier()
                second.begin([.of(.up, "10.9.0.1"), .of(.down, "10.9.0.2", id: "two")])
                #expect(second.flush(within: .seconds(20)))
                try await network.bird.has(["10.9.0.1"])
                #expect(try await network.bird.routes().isSubset(of: before))
                #expect(second.stop(within: .seconds(20)))
            }
        }

        @Test(arguments: [SIGTERM, SIGKILL])
        func afterARestartOfExaBGPWhatHoldsIsAnnouncedAnew(signal: Int32) async throws {
            try await withNetwork { network in
                let notifier = try network.notifier()
                notifier.begin([.of(.up, "10.9.0.1")])
                try await network.bird.has(["10.9.0.1"])
                network.exabgp.send(signal)
                _ = try await network.exabgp.end()
                try await network.bird.has([])
                try await eventually("the notifier knows") { network.record.contains("ExaBGP lost") }
                notifier.notify([.of(.down, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two")])
                #expect(!notifier.flush(within: .seconds(20)))
                try network.startExaBGP()
                try await network.bird.has(["10.9.0.2"])
                #expect(notifier.stop(within: .seconds(20)))
            }
        }

        @Test func aRouterThatWasAwayLearnsWhatHolds() async throws {
            try await withNetwork { network in
                let notifier = try network.notifier()
                notifier.begin([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two"), .of(.up, "10.9.0.3", id: "three")])
                try await network.bird.has(["10.9.0.1", "10.9.0.2", "10.9.0.3"])
                network.router.send(SIGKILL)
                _ = try await network.router.end()
                notifier.notify([.of(.down, "10.9.0.1"), .of(.down, "10.9.0.2", id: "two"), .of(.up, "10.9.0.4", id: "four")])
                notifier.notify([.of(.up, "10.9.0.2", id: "two")])
                #expect(notifier.flush(within: .seconds(20)))
                try network.startRouter()
                try await network.bird.has(["10.9.0.2", "10.9.0.3", "10.9.0.4"])
                #expect(notifier.stop(within: .seconds(20)))
            }
        }

        @Test func anExaBGPThatHangsHoldsUpNobodyAndIsToldLater() async throws {
            try await withNetwork { network in
                let notifier = try network.notifier(["timeout": "1"])
                notifier.begin([.of(.up, "10.9.0.1")])
                try await network.bird.has(["10.9.0.1"])
                network.exabgp.send(SIGSTOP)
                notifier.notify([.of(.down, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two")])
                let start = ContinuousClock.now
                #expect(!notifier.flush(within: .milliseconds(200)))
                #expect(ContinuousClock.now - start < .seconds(10))
                try await eventually("the notifier gives up") { network.record.contains("ExaBGP did not answer") }
                network.exabgp.send(SIGCONT)
                try await network.bird.has(["10.9.0.2"])
                #expect(notifier.stop(within: .seconds(20)))
            }
        }

        @Test func aNewRouterIsToldAndAnOperatorsRouteIsLeftAlone() async throws {
            try await withNetwork { network in
                let notifier = try network.notifier(["resync_interval": "1"])
                notifier.begin([.of(.up, "10.9.0.1")])
                try await network.bird.has(["10.9.0.1"])
                let client = try await network.speaker.client("announce", "route", "198.51.100.7/32", "next-hop", "10.0.0.9")
                #expect(client == .exit(0))
                try await network.bird.has(["10.9.0.1", "198.51.100.7"])

                let second = try Bird(network.rig, address: "127.0.0.3", port: network.bird.port)
                _ = try second.start()
                try network.speaker.configure([network.bird, second])
                network.exabgp.send(SIGUSR1)
                try await second.has(["10.9.0.1"])
                notifier.notify([.of(.down, "10.9.0.1")])
                #expect(notifier.flush(within: .seconds(20)))
                try await second.has([])
                try await network.bird.has(["198.51.100.7"])
                #expect(notifier.stop(within: .seconds(20)))
            }
        }

        @Test(arguments: [1, 2])
        func afterRandomChangesTheRoutesAreExactlyThoseThatShouldBe(seed: UInt64) async throws {
            try await withNetwork { network in
                var generator = SeededGenerator(seed: seed)
                var notifier = try network.notifier()
                var up: Set<Service> = []
                notifier.begin([])
                try await eventually("ExaBGP is reached") { network.record.contains("ExaBGP connected") }
                for round in 1...300 {
                    let last = Int.random(in: 1...20, using: &generator)
                    let kind: ServiceEvent.Kind = Bool.random(using: &generator) ? .up : .down
                    let event = ServiceEvent.of(kind, "10.9.0.\(last)", id: "\(Int.random(in: 1...3, using: &generator))")
                    if kind == .up { up.insert(event.service) } else { up.remove(event.service) }
                    notifier.notify([event])
                    if Int.random(in: 0..<4, using: &generator) == 0 { #expect(notifier.flush(within: .seconds(20))) }
                    if round % 100 == 0 {
                        #expect(notifier.stop(within: .seconds(20)))
                        notifier = try network.notifier()
                        notifier.begin(up.map { .of(.up, $0.listener.address?.description, id: $0.loadBalancer.text) })
                    }
                }
                try await network.bird.has(Set(up.compactMap { $0.listener.address?.description }))
                #expect(notifier.stop(within: .seconds(20)))
            }
        }
    }
}

/// A router, ExaBGP peered with it, and what notifiers log.
private final class Network: Sendable {
    let rig: Rig
    let bird: Bird
    let speaker: ExaBGP
    let record = LogRecord()
    private let processes: Mutex<(router: ChildProcess, exabgp: ChildProcess)>

    init(_ rig: Rig) throws {
        // Whoever writes to a pipe that nobody reads is told so, as in the worker.
        signal(SIGPIPE, SIG_IGN)
        self.rig = rig
        bird = try Bird(rig, address: "127.0.0.2", port: try freePort())
        speaker = try ExaBGP(rig, peers: [bird])
        processes = Mutex((try bird.start(), try speaker.start()))
    }

    var router: ChildProcess { processes.withLock { $0.router } }
    var exabgp: ChildProcess { processes.withLock { $0.exabgp } }

    func startRouter() throws {
        let started = try bird.start()
        processes.withLock { $0.router = started }
    }

    func startExaBGP() throws {
        let started = try speaker.start()
        processes.withLock { $0.exabgp = started }
    }

    func notifier(_ section: [String: String] = [:]) throws -> BGPNotifier {
        let usual = [
            "pipe_in": speaker.commands, "pipe_out": speaker.answers, "next_hop": "10.0.0.9", "next_hop_v6": "fd00::9", "med": "100",
            "communities": "65000:1 64496:1:2",
        ]
        return try BGPNotifier(DriverConfiguration(usual.merging(section) { _, own in own }), log: record.log)
    }
}

/// Runs a test with a router and an ExaBGP of its own.
private func withNetwork(_ body: (Network) async throws -> Void) async throws {
    try await withRig { rig in try await body(try Network(rig)) }
}
