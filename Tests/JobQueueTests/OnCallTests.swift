import TestSupport
import Testing

@testable import JobQueue

@Suite("The connection on call")
struct OnCallTests {
    @Test("is one of those that are idle: the others do not let themselves be woken")
    func one() throws {
        try Bench.run(connections: 5, idleTime: 0.05) { bench in
            var sleepers = 0
            for _ in 0..<5 {
                let peer = try bench.asking(answer: .noJob)
                // Whatever it says before its heartbeat, which is not answered.
                var packet = try peer.next()
                while packet != .grabJob {
                    #expect(packet == .preSleep)
                    sleepers += 1
                    packet = try peer.next()
                }
            }
            #expect(sleepers == 1)
        }
    }

    @Test("is another one when it has got a job, before that is answered")
    func next() throws {
        let gate = Gate()
        let respond: @Sendable (String) -> JobQueue.Response = { workload in
            if workload == "slow" { gate.pass() }
            return .reply(Array(workload.utf8))
        }
        try Bench.run(connections: 2, respond: respond) { bench in
            let first = try bench.onCall()
            let second = try bench.asking(answer: .noJob)
            try first.send(.noop)
            #expect(try first.next() == .grabJob)
            try first.send(.assign("H:1", "slow"))
            try gate.reached()
            #expect(try second.next() == .preSleep)
            try second.send(.noop)
            #expect(try second.next() == .grabJob)
            try second.send(.assign("H:2", "quick"))
            // How many it asks for depends on which of the two ended its last round first.
            var told: [WirePacket] = []
            while told.last != .preSleep {
                let packet = try second.next()
                if packet == .grabJob { try second.send(.noJob) } else { told.append(packet) }
            }
            #expect(told == [.complete("H:2", "quick"), .preSleep])
            gate.open()
            // The second one is on call still, so the first just rests.
            #expect(try first.next() == .complete("H:1", "slow"))
            #expect(!bench.stop(within: 0))
            #expect(try first.rest() == [])
        }
    }

    @Test("is another one when it is lost")
    func lost() throws {
        try Bench.run(connections: 2) { bench in
            let first = try bench.onCall()
            let second = try bench.asking(answer: .noJob)
            first.hangUp()
            #expect(try second.next() == .preSleep)
            // The one that is made anew finds that somebody is on call.
            let third = try bench.asking(answer: .noJob)
            second.hangUp()
            #expect(try third.next() == .preSleep)
        }
    }
}

@Suite("The idle of the connections to a job server")
struct IdleConnectionsTests {
    @Test("puts the one on call first that came last, by a packet in its name")
    func order() throws {
        let connections = try sessions(4)
        let sessions = connections.map(\.near)
        let idle = IdleConnections()
        #expect(sessions.map { idle.rests($0) } == [true, false, false, false])
        // Who is on call stays so until it has work.
        #expect(idle.wakes(sessions[0]) == 1)
        #expect(idle.rests(sessions[0]))
        // One that is awake is passed over.
        #expect(idle.wakes(sessions[3]) == 1)
        idle.leaves(sessions[0])
        #expect(try connections[2].far.next() == .preSleep)
        #expect(!idle.rests(sessions[3]))
        #expect(idle.rests(sessions[2]))
        // One that is gone, too.
        idle.leaves(sessions[3])
        #expect(idle.rests(sessions[2]))
        idle.leaves(sessions[2])
        #expect(try connections[1].far.next() == .preSleep)
        // Where nobody is idle the next that rests is on call.
        idle.leaves(sessions[1])
        #expect(idle.rests(sessions[3]))
        // Nobody was told anything else.
        for session in sessions { session.hangUp() }
        for connection in connections { #expect(try connection.far.rest() == []) }
    }

    @Test("has one appetite for all")
    func appetite() throws {
        let sessions = try sessions(2).map(\.near)
        let idle = IdleConnections()
        var round = Conversation()
        round.ask(for: idle.wakes(sessions[0]))
        #expect(try round.receive(.init(11)) == .job)
        idle.note(round)
        #expect(sessions.map { idle.wakes($0) } == [2, 2])
    }
}
