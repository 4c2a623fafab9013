import TestSupport
import Testing

@testable import JobQueue

@Suite("The connection on call")
struct OnCallTests {
    @Test("is one of those that are idle: the others do not let themselves be woken")
    func one() async throws {
        try await Bench.run(connections: 5, idleTime: 0.05) { bench in
            var sleepers = 0
            for _ in 0..<5 {
                let peer = try await bench.asking(answer: .noJob)
                // Whatever it says before its heartbeat, which is not answered.
                var packet = try await peer.next()
                while packet != .grabJob {
                    #expect(packet == .preSleep)
                    sleepers += 1
                    packet = try await peer.next()
                }
            }
            #expect(sleepers == 1)
        }
    }

    @Test("is another one when it has got a job, before that is answered")
    func next() async throws {
        let gate = Gate()
        let respond: @Sendable (String) -> JobQueue.Response = { workload in
            if workload == "slow" { gate.pass() }
            return .reply(Array(workload.utf8))
        }
        try await Bench.run(connections: 2, respond: respond) { bench in
            let first = try await bench.onCall()
            let second = try await bench.asking(answer: .noJob)
            try await first.send(.noop)
            #expect(try await first.next() == .grabJob)
            try await first.send(.assign("H:1", "slow"))
            try await gate.reached()
            #expect(try await second.next() == .preSleep)
            try await second.send(.noop)
            #expect(try await second.next(2) == [.grabJob, .grabJob])
            try await second.send(.assign("H:2", "quick"), .noJob)
            #expect(try await second.next(2) == [.complete("H:2", "quick"), .preSleep])
            gate.open()
            // The second one is on call still, so the first just rests.
            #expect(try await first.next() == .complete("H:1", "slow"))
            #expect(try await bench.stop(within: 0) == false)
            #expect(try await first.rest() == [])
        }
    }

    @Test("is another one when it is lost")
    func lost() async throws {
        try await Bench.run(connections: 2) { bench in
            let first = try await bench.onCall()
            let second = try await bench.asking(answer: .noJob)
            first.hangUp()
            #expect(try await second.next() == .preSleep)
            // The one that is made anew finds that somebody is on call.
            let third = try await bench.asking(answer: .noJob)
            second.hangUp()
            #expect(try await third.next() == .preSleep)
        }
    }
}

@Suite("The roster of the connections to a job server")
struct RosterTests {
    @Test("puts the one on call first that came last, by a packet in its name")
    func order() async throws {
        let connections = try sessions(4)
        let sessions = connections.map(\.near)
        let roster = Roster()
        #expect(sessions.map { roster.rests($0) } == [true, false, false, false])
        // Who is on call stays so until it has work.
        #expect(roster.wakes(sessions[0]) == 1)
        #expect(roster.rests(sessions[0]))
        // One that is awake is passed over.
        #expect(roster.wakes(sessions[3]) == 1)
        roster.leaves(sessions[0])
        #expect(try await connections[2].far.next() == .preSleep)
        #expect(!roster.rests(sessions[3]))
        #expect(roster.rests(sessions[2]))
        // One that is gone, too.
        roster.leaves(sessions[3])
        #expect(roster.rests(sessions[2]))
        roster.leaves(sessions[2])
        #expect(try await connections[1].far.next() == .preSleep)
        // Where nobody is idle the next that rests is on call.
        roster.leaves(sessions[1])
        #expect(roster.rests(sessions[3]))
        // Nobody was told anything else.
        for session in sessions { session.hangUp() }
        for connection in connections { #expect(try await connection.far.rest() == []) }
    }

    @Test("has one appetite for all")
    func appetite() throws {
        let sessions = try sessions(2).map(\.near)
        let roster = Roster()
        var round = Conversation()
        round.ask(for: roster.wakes(sessions[0]))
        #expect(try round.receive(.init(11)) == .job)
        roster.note(round)
        #expect(sessions.map { roster.wakes($0) } == [2, 2])
    }
}
