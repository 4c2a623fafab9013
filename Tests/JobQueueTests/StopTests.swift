import HostSystem
import TestSupport
import Testing

@testable import JobQueue

@Suite("The queue, when it is stopped")
struct StopTests {
    private static let soon = Double(Bench.patience)

    @Test("says on each connection that nothing more comes, and closes it when the job server does")
    func idle() throws {
        try Bench.run(connections: 3) { bench in
            var peers = [try bench.onCall()]
            for _ in 0..<2 {
                peers.append(try bench.asking(answer: .noJob))
            }
            #expect(!bench.stop(within: 0))
            var packets: [WirePacket] = []
            for peer in peers {
                packets += try peer.rest()
                // What is on its way still does no harm.
                try peer.send(.noop)
                peer.hangUp()
            }
            #expect(packets.allSatisfy { $0 == .preSleep })
            #expect(bench.stop(within: Self.soon))
            try bench.threadsEnd()
            #expect(bench.events.all == ["connected"])
        }
    }

    @Test("does not wait for ever for a job server that does not hang up")
    func stubborn() throws {
        try Bench.run { bench in
            let peer = try bench.onCall()
            #expect(bench.stop(within: Self.soon))
            try bench.threadsEnd()
            #expect(try peer.rest() == [])
        }
    }

    @Test("answers the job in hand, and asks for no other")
    func inHand() throws {
        let gate = Gate()
        let respond: @Sendable (String) -> JobQueue.Response = { workload in
            if workload == "slow" { gate.pass() }
            return .reply(Array(workload.utf8))
        }
        try Bench.run(respond: respond) { bench in
            let peer = try bench.asking(answer: .assign("H:1", "quick"))
            #expect(try peer.next(2) == [.complete("H:1", "quick"), .preSleep])
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            try peer.send(.assign("H:2", "quick"), .assign("H:3", "slow"))
            try gate.reached()
            // It says so where that takes longer than it may.
            #expect(!bench.stop(within: 0.05))
            gate.open()
            #expect(try peer.rest() == [.complete("H:2", "quick"), .complete("H:3", "slow")])
            peer.hangUp()
            #expect(bench.stop(within: Self.soon))
            #expect(bench.finished.all == [["quick"], ["quick", "slow"]])
        }
    }

    @Test("answers a job that was asked for before and comes later", arguments: [0, 1, 2])
    func asked(count: Int) throws {
        try Bench.run { bench in
            let peer = try bench.asking(answer: .assign("H:1", "first"))
            #expect(try peer.next(2) == [.complete("H:1", "first"), .preSleep])
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            #expect(!bench.stop(within: 0))
            let names = (0..<count).map { "\($0)" }
            try peer.send(names.map { .assign($0, $0) } + Array(repeating: .noJob, count: 2 - count))
            #expect(try peer.rest() == names.map { .complete($0, $0) })
            peer.hangUp()
            #expect(bench.stop(within: Self.soon))
        }
    }

    @Test("takes no job that the first question of a connection gets")
    func beginning() throws {
        try Bench.run { bench in
            let peer = try bench.asking()
            #expect(bench.stop(within: Self.soon))
            try peer.send(.assign("H:1", "job"))
            #expect(try peer.rest() == [])
            try bench.threadsEnd()
            #expect(bench.groups.all == [])
            #expect(bench.events.all == [])
        }
    }

    @Test("tells of no loss any more")
    func silence() throws {
        try Bench.run { bench in
            let peer = try bench.asking()
            #expect(bench.stop(within: Self.soon))
            peer.hangUp()
            try bench.threadsEnd()
            #expect(bench.events.all == [])
        }
    }

    @Test("ends its threads where there is no job server, too")
    func absent() throws {
        try Bench.run(listens: false, connections: 3) { bench in
            try waitUntil("the loss is told") { !bench.events.all.isEmpty }
            #expect(bench.stop(within: Self.soon))
            try bench.threadsEnd()
        }
    }

    @Test("leaves nothing behind")
    func memory() throws {
        weak var session: Session?
        let listener = try LoopbackSocket.bound(listens: true, seconds: Bench.patience)
        do {
            let idle = IdleConnections()
            let connected = try Session(to: JobServer(host: "127.0.0.1", port: listener.port), within: .seconds(Bench.patience))
            session = connected
            #expect(idle.rests(connected))
            idle.leaves(connected)
        }
        #expect(session == nil)
    }
}
