import BGPNotifier
import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What a router knows: a real ExaBGP, peered with BIRD.
    @Suite struct Routing {
        @Test func anAddressIsThereWhileAServiceOfItIsUp() async throws {
            try await withNetwork { network, trial in
                let notifier = try trial.notifier()
                notifier.begin([.of(.up, "10.9.0.1"), .of(.up, "fd09::1", id: "six"), .of(.down, "10.9.0.2", id: "two")])
                try await network.bird.has(["10.9.0.1", "fd09::1"])
                let details = try await network.bird.details()
                #expect(details.contains("BGP.med: 100") && details.contains("BGP.community: (65000,1)"))
                #expect(details.contains("BGP.large_community: (64496, 1, 2)") && details.contains("BGP.next_hop: fd00::9"))

                let before = try await network.bird.routes()
                notifier.notify([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.1", id: "other", port: 443), .of(.up, "10.9.0.2", id: "two")])
                try await network.bird.has(["10.9.0.1", "10.9.0.2", "fd09::1"])
                notifier.notify([.of(.down, "10.9.0.1"), .of(.down, "10.9.0.2", id: "two"), .of(.down, "fd09::1", id: "six")])
                #expect(notifier.flush(within: .seconds(60)))
                try await network.bird.has(["10.9.0.1"])
                // It was not touched while other things were.
                #expect(try await network.bird.routes().isSubset(of: before))
                notifier.notify([.of(.down, "10.9.0.1", id: "other", port: 443)])
                #expect(notifier.flush(within: .seconds(60)))
                try await network.bird.has([])
                #expect(notifier.stop(within: .seconds(60)))
            }
        }

        @Test func aRestartOfTheWorkerTouchesNothingButWhatChanged() async throws {
            try await withNetwork { network, trial in
                let first = try trial.notifier()
                first.begin([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two")])
                try await network.bird.has(["10.9.0.1", "10.9.0.2"])
                let before = try await network.bird.routes()
                #expect(first.stop(within: .seconds(60)))
                let second = try trial.notifier()
                second.begin([.of(.up, "10.9.0.1"), .of(.down, "10.9.0.2", id: "two")])
                #expect(second.flush(within: .seconds(60)))
                try await network.bird.has(["10.9.0.1"])
                #expect(try await network.bird.routes().isSubset(of: before))
                #expect(second.stop(within: .seconds(60)))
            }
        }

        @Test(arguments: [SIGTERM, SIGKILL])
        func afterARestartOfExaBGPWhatHoldsIsAnnouncedAnew(signal: Int32) async throws {
            try await withNetwork { network, trial in
                let notifier = try trial.notifier()
                notifier.begin([.of(.up, "10.9.0.1")])
                try await network.bird.has(["10.9.0.1"])
                network.exabgp.send(signal)
                _ = try await network.exabgp.end()
                try await network.bird.has([])
                try await eventually("the notifier knows") { trial.record.contains("ExaBGP lost") }
                notifier.notify([.of(.down, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two")])
                #expect(!notifier.flush(within: .seconds(20)))
                try network.startExaBGP()
                try await network.bird.has(["10.9.0.2"])
                #expect(notifier.stop(within: .seconds(60)))
            }
        }

        @Test func aRouterThatWasAwayLearnsWhatHolds() async throws {
            try await withNetwork { network, trial in
                let notifier = try trial.notifier()
                notifier.begin([.of(.up, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two"), .of(.up, "10.9.0.3", id: "three")])
                try await network.bird.has(["10.9.0.1", "10.9.0.2", "10.9.0.3"])
                network.router.send(SIGKILL)
                _ = try await network.router.end()
                notifier.notify([.of(.down, "10.9.0.1"), .of(.down, "10.9.0.2", id: "two"), .of(.up, "10.9.0.4", id: "four")])
                notifier.notify([.of(.up, "10.9.0.2", id: "two")])
                #expect(notifier.flush(within: .seconds(60)))
                try network.startRouter()
                try await network.bird.has(["10.9.0.2", "10.9.0.3", "10.9.0.4"])
                #expect(notifier.stop(within: .seconds(60)))
            }
        }

        @Test func anExaBGPThatHangsHoldsUpNobodyAndIsToldLater() async throws {
            try await withNetwork { network, trial in
                let notifier = try trial.notifier(["timeout": "1"])
                notifier.begin([.of(.up, "10.9.0.1")])
                try await network.bird.has(["10.9.0.1"])
                network.exabgp.send(SIGSTOP)
                notifier.notify([.of(.down, "10.9.0.1"), .of(.up, "10.9.0.2", id: "two")])
                let start = ContinuousClock.now
                #expect(!notifier.flush(within: .milliseconds(200)))
                #expect(ContinuousClock.now - start < .seconds(200))
                try await eventually("the notifier gives up") { trial.record.contains("ExaBGP did not answer") }
                network.exabgp.send(SIGCONT)
                try await network.bird.has(["10.9.0.2"])
                #expect(notifier.stop(within: .seconds(60)))
            }
        }

        @Test func aNewRouterIsToldAndAnOperatorsRouteIsLeftAlone() async throws {
            try await withNetwork { network, trial in
                let notifier = try trial.notifier(["resync_interval": "1"])
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
                #expect(notifier.flush(within: .seconds(60)))
                try await second.has([])
                try await network.bird.has(["198.51.100.7"])
                #expect(notifier.stop(within: .seconds(60)))
            }
        }

        @Test(arguments: [1, 2])
        func afterRandomChangesTheRoutesAreExactlyThoseThatShouldBe(seed: UInt64) async throws {
            try await withNetwork { network, trial in
                var generator = SeededGenerator(seed: seed)
                var notifier = try trial.notifier()
                var up: Set<Service> = []
                notifier.begin([])
                try await eventually("ExaBGP is reached") { trial.record.contains("ExaBGP connected") }
                for round in 1...300 {
                    let last = Int.random(in: 1...20, using: &generator)
                    let kind: ServiceEvent.Kind = Bool.random(using: &generator) ? .up : .down
                    let event = ServiceEvent.of(kind, "10.9.0.\(last)", id: "\(Int.random(in: 1...3, using: &generator))")
                    if kind == .up { up.insert(event.service) } else { up.remove(event.service) }
                    notifier.notify([event])
                    if Int.random(in: 0..<4, using: &generator) == 0 { #expect(notifier.flush(within: .seconds(60))) }
                    if round % 100 == 0 {
                        #expect(notifier.stop(within: .seconds(60)))
                        notifier = try trial.notifier()
                        notifier.begin(up.map { .of(.up, $0.listener.address?.description, id: $0.loadBalancer.text) })
                    }
                }
                try await network.bird.has(Set(up.compactMap { $0.listener.address?.description }))
                #expect(notifier.stop(within: .seconds(60)))
            }
        }
    }
}

/// A network, and what notifiers for it log.
private struct Trial {
    let network: Network
    let record = LogRecord()

    func notifier(_ section: [String: String] = [:]) throws -> BGPNotifier {
        // Whoever writes to a pipe that nobody reads is told so, as in the worker.
        signal(SIGPIPE, SIG_IGN)
        return try BGPNotifier(DriverConfiguration(network.section.merging(section) { _, own in own }), log: record.log)
    }
}

/// Runs a test with a router and an ExaBGP of its own.
private func withNetwork(_ body: (Network, Trial) async throws -> Void) async throws {
    try await withRig { rig in
        let network = try Network(rig)
        try await body(network, Trial(network: network))
    }
}
