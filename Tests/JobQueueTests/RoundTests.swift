import TestSupport
import Testing

@testable import JobQueue

@Suite("A connection of the queue")
struct RoundTests {
    @Test("asks for jobs when it is woken, has them answered together, and asks for more while there is all that it asked for")
    func rounds() throws {
        try Bench.run { bench in
            let peer = try bench.onCall()
            try peer.send(.noop)
            var number = 0
            var groups: [[String]] = []
            // How many jobs there are, how many are asked for, and what a connection says behind the answers.
            let rounds: [(jobs: Int, asked: Int, next: WirePacket)] = [
                (1, 1, .preSleep), (2, 2, .grabJob), (4, 4, .grabJob), (8, 8, .grabJob), (16, 16, .grabJob), (16, 16, .grabJob),
                (3, 16, .preSleep), (2, 3, .preSleep), (0, 2, .preSleep), (1, 1, .preSleep), (0, 2, .preSleep),
            ]
            for round in rounds {
                #expect(try peer.next(round.asked) == Array(repeating: .grabJob, count: round.asked))
                let names = (0..<round.jobs).map { "\(number + $0)" }
                number += round.jobs
                try peer.send(
                    names.map { .assign("H:\($0)", "job \($0)") } + Array(repeating: .noJob, count: round.asked - round.jobs))
                #expect(try peer.next(round.jobs) == names.map { .complete("H:\($0)", "job \($0)") })
                if !names.isEmpty { groups.append(names.map { "job \($0)" }) }
                if round.next == .preSleep {
                    #expect(try peer.next() == .preSleep)
                    try peer.send(.noop)
                }
            }
            #expect(bench.groups.all == groups)
        }
    }

    @Test("takes the job that its first question gets")
    func first() throws {
        try Bench.run { bench in
            let peer = try bench.asking(answer: .assign("H:1", "job"))
            #expect(try peer.next(2) == [.complete("H:1", "job"), .preSleep])
            #expect(bench.events.all == ["connected"])
        }
    }

    @Test("is not misled by wake-ups during a round, nor by answers that come one by one, byte by byte")
    func pieces() throws {
        try Bench.run { bench in
            let peer = try bench.asking(answer: .noop, .assign("H:1", "a"))
            #expect(try peer.next(2) == [.complete("H:1", "a"), .preSleep])
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            for packet: WirePacket in [.noop, .assign("H:2", "b"), .noop, .assign("H:3", "c")] {
                for byte in packet.bytes() { try peer.send([byte]) }
            }
            #expect(try peer.next(2) == [.complete("H:2", "b"), .complete("H:3", "c")])
            #expect(bench.groups.all == [["a"], ["b", "c"]])
        }
    }

    @Test("is woken by what comes together with the last answer of a round: the job server says it once")
    func wakeUpWithAnswer() throws {
        try Bench.run { bench in
            let peer = try bench.onCall()
            try peer.send(.noop)
            #expect(try peer.next() == .grabJob)
            try peer.send(.noJob, .noop)
            #expect(try peer.next(2) == [.preSleep, .grabJob])
            try peer.send(.assign("H:1", "job"), .noop)
            #expect(try peer.next(3) == [.complete("H:1", "job"), .preSleep, .grabJob])
        }
    }

    @Test("takes jobs and sends replies of every size", arguments: [0, 1, 65_000, 65_536, 300_000, 3_000_000])
    func sizes(size: Int) throws {
        let workload = [UInt8](repeating: 0, count: size / 2) + [UInt8](repeating: 0x61, count: size - size / 2)
        try Bench.run { bench in
            let peer = try bench.asking(answer: .assign("H:1", workload))
            #expect(try peer.next() == .complete("H:1", workload))
            #expect(try peer.next() == .preSleep)
            // The next one finds the memory in order.
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            try peer.send(.assign("H:2", workload), .assign("H:3", "small"))
            #expect(try peer.next(2) == [.complete("H:2", workload), .complete("H:3", "small")])
        }
    }

    @Test("waits with a reply for which the buffers on the way have no room")
    func long() throws {
        let reply = [UInt8](repeating: 0x61, count: 32 << 20)
        try Bench.run(respond: { _ in .reply(reply) }) { bench in
            let peer = try bench.asking(answer: .assign("H:1", "job"))
            #expect(try peer.next(2) == [.complete("H:1", reply), .preSleep])
        }
    }

    @Test("shows by a question now and then that it is alive, and sleeps on")
    func heartbeat() throws {
        try Bench.run(idleTime: 0.01) { bench in
            let peer = try bench.onCall()
            for _ in 0..<3 {
                #expect(try peer.next() == .grabJob)
                try peer.send(.noJob)
                #expect(try peer.next() == .preSleep)
            }
            // A job that nobody woke it for is found as well.
            #expect(try peer.next() == .grabJob)
            try peer.send(.assign("H:1", "job"))
            #expect(try peer.next(2) == [.complete("H:1", "job"), .preSleep])
            #expect(bench.events.all == ["connected"])
        }
    }
}
