import TestSupport
import Testing

@testable import JobQueue

@Suite("A connection of the queue")
struct RoundTests {
    @Test("asks for jobs when it is woken, has them answered together, and asks for more while there is all that it asked for")
    func rounds() async throws {
        try await Bench.run { bench in
            let peer = try await bench.onCall()
            try await peer.send(.noop)
            var number = 0
            var groups: [[String]] = []
            // How many jobs there are, how many are asked for, and what a connection says behind the answers.
            let rounds: [(jobs: Int, asked: Int, next: WirePacket)] = [
                (1, 1, .preSleep), (2, 2, .grabJob), (4, 4, .grabJob), (8, 8, .grabJob), (16, 16, .grabJob), (16, 16, .grabJob),
                (3, 16, .preSleep), (2, 3, .preSleep), (0, 2, .preSleep), (1, 1, .preSleep), (0, 2, .preSleep),
            ]
            for round in rounds {
                #expect(try await peer.next(round.asked) == Array(repeating: .grabJob, count: round.asked))
                let names = (0..<round.jobs).map { "\(number + $0)" }
                number += round.jobs
                try await peer.send(
                    names.map { .assign("H:\($0)", "job \($0)") } + Array(repeating: .noJob, count: round.asked - round.jobs))
                #expect(try await peer.next(round.jobs) == names.map { .complete("H:\($0)", "job \($0)") })
                if !names.isEmpty { groups.append(names.map { "job \($0)" }) }
                if round.next == .preSleep {
                    #expect(try await peer.next() == .preSleep)
                    try await peer.send(.noop)
                }
            }
            #expect(bench.groups.all == groups)
        }
    }

    @Test("takes the job that its first question gets")
    func first() async throws {
        try await Bench.run { bench in
            let peer = try await bench.asking(answer: .assign("H:1", "job"))
            #expect(try await peer.next(2) == [.complete("H:1", "job"), .preSleep])
            #expect(bench.events.all == ["connected"])
        }
    }

    @Test("is not misled by wake-ups during a round, nor by answers that come one by one, byte by byte")
    func pieces() async throws {
        try await Bench.run { bench in
            let peer = try await bench.asking(answer: .noop, .assign("H:1", "a"))
            #expect(try await peer.next(2) == [.complete("H:1", "a"), .preSleep])
            try await peer.send(.noop)
            #expect(try await peer.next(2) == [.grabJob, .grabJob])
            for packet: WirePacket in [.noop, .assign("H:2", "b"), .noop, .assign("H:3", "c")] {
                for byte in packet.bytes() { try await peer.send([byte]) }
            }
            #expect(try await peer.next(2) == [.complete("H:2", "b"), .complete("H:3", "c")])
            #expect(bench.groups.all == [["a"], ["b", "c"]])
        }
    }

    @Test("takes jobs and sends replies of every size", arguments: [0, 1, 65_000, 65_536, 300_000, 3_000_000])
    func sizes(size: Int) async throws {
        let workload = [UInt8](repeating: 0, count: size / 2) + [UInt8](repeating: 0x61, count: size - size / 2)
        try await Bench.run { bench in
            let peer = try await bench.asking(answer: .assign("H:1", workload))
            #expect(try await peer.next() == .complete("H:1", workload))
            #expect(try await peer.next() == .preSleep)
            // The next one finds the memory in order.
            try await peer.send(.noop)
            #expect(try await peer.next(2) == [.grabJob, .grabJob])
            try await peer.send(.assign("H:2", workload), .assign("H:3", "small"))
            #expect(try await peer.next(2) == [.complete("H:2", workload), .complete("H:3", "small")])
        }
    }

    @Test("waits with a reply for which the buffers on the way have no room")
    func long() async throws {
        let reply = [UInt8](repeating: 0x61, count: 32 << 20)
        try await Bench.run(respond: { _ in .reply(reply) }) { bench in
            let peer = try await bench.asking(answer: .assign("H:1", "job"))
            #expect(try await peer.next(2) == [.complete("H:1", reply), .preSleep])
        }
    }

    @Test("shows by a question now and then that it is alive, and sleeps on")
    func heartbeat() async throws {
        try await Bench.run(idleTime: 0.01) { bench in
            let peer = try await bench.onCall()
            for _ in 0..<3 {
                #expect(try await peer.next() == .grabJob)
                try await peer.send(.noJob)
                #expect(try await peer.next() == .preSleep)
            }
            // A job that nobody woke it for is found as well.
            #expect(try await peer.next() == .grabJob)
            try await peer.send(.assign("H:1", "job"))
            #expect(try await peer.next(2) == [.complete("H:1", "job"), .preSleep])
            #expect(bench.events.all == ["connected"])
        }
    }
}
