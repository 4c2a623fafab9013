import TestSupport
import Testing

@testable import JobQueue

@Suite("A job server that cannot be relied on")
struct LossTests {
    /// What a job server does wrong.
    private enum Fault: Sendable {
        case sends([UInt8])
        /// Sends this and nothing more.
        case silence([UInt8] = [])
        case hangsUp

        /// How long the queue waits for an answer.
        var answerTime: Double { if case .silence = self { 1 } else { Double(Bench.patience) } }

        static func sends(_ packets: WirePacket...) -> Fault { .sends(packets.flatMap { $0.bytes() }) }
    }

    private static let foreign = "lost: what answers is no Gearman job server: its packets do not begin with \\0RES"
    private static let unasked = "lost: the job server answers a question that was not asked"
    private static let functionless = "lost: the job server sends a job without a function"
    private static let unexpected = "lost: the job server sends a packet that no worker expects, of type 17"
    private static let closed = "lost: the job server closed the connection"

    private static let asked: [(Fault, String)] = [
        (.sends(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)), foreign), (.sends(WirePacket.noJob.bytes(WirePacket.toServer)), foreign),
        (.sends(.assign("H:1", "job"), .assign("H:2", "job")), unasked), (.sends(.noJob, .noJob), unasked),
        (.sends(WirePacket(type: 11, arguments: [0x48])), functionless),
        (.sends(WirePacket(type: 17, arguments: Array("echo".utf8))), unexpected),
        (.sends(WirePacket(type: 19, arguments: Array("CODE\0some words".utf8))), "lost: the job server refuses: CODE: some words"),
        (.silence(), "lost: no answer to a heartbeat for 1.0 s"), (.hangsUp, closed),
        (.silence(WirePacket.assign("H:1", "job").bytes().dropLast()), "lost: no answer to a heartbeat for 1.0 s"),
    ]

    /// Does it, on a connection that has asked for a job.
    private func commit(_ fault: Fault, on peer: Peer) throws {
        switch fault {
        case .sends(let bytes), .silence(let bytes): try peer.send(bytes)
        case .hangsUp: peer.hangUp()
        }
    }

    @Test("is given up with a sentence where it answers the first question wrongly, and tried again", arguments: asked)
    private func first(fault: Fault, sentence: String) throws {
        try Bench.run(answerTime: fault.answerTime) { bench in
            let peer = try bench.asking()
            try commit(fault, on: peer)
            _ = try bench.connection()
            #expect(bench.events.all == [sentence])
            #expect(bench.groups.all == [])
            // The connection is closed.
            #expect(try peer.rest() == [])
        }
    }

    @Test("is given up with a sentence where it answers a heartbeat wrongly, and tried again", arguments: asked)
    private func heartbeat(fault: Fault, sentence: String) throws {
        try Bench.run(idleTime: 0.01, answerTime: fault.answerTime) { bench in
            let peer = try bench.onCall()
            #expect(try peer.next() == .grabJob)
            try commit(fault, on: peer)
            _ = try bench.connection()
            #expect(bench.events.all == ["connected", sentence])
            #expect(bench.groups.all == [])
        }
    }

    @Test(
        "is given up with a sentence where it says what it must not to a connection that sleeps, and tried again",
        arguments: [
            (.sends(.noJob), unasked), (.sends(.assign("H:1", "job")), unasked), (.sends(WirePacket(type: 17)), unexpected),
            (.sends(Array(repeating: 0x61, count: 12)), foreign), (.hangsUp, closed),
        ] as [(Fault, String)])
    private func asleep(fault: Fault, sentence: String) throws {
        try Bench.run { bench in
            try commit(fault, on: bench.onCall())
            _ = try bench.onCall()
            #expect(bench.events.all == ["connected", sentence, "connected"])
            #expect(bench.groups.all == [])
        }
    }

    @Test("keeps the jobs of a round that it does not end", arguments: [0, 1, 20])
    func round(bytesOfSecond: Int) throws {
        try Bench.run { bench in
            let peer = try bench.asking(answer: .assign("H:1", "first"))
            #expect(try peer.next(2) == [.complete("H:1", "first"), .preSleep])
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            try peer.send(
                WirePacket.assign("H:2", "second").bytes() + WirePacket.assign("H:3", "third").bytes().prefix(bytesOfSecond))
            peer.hangUp()
            _ = try bench.onCall(askingFor: 2)
            #expect(bench.groups.all == [["first"]])
            #expect(bench.events.all == ["connected", Self.closed, "connected"])
        }
    }

    @Test("gets no answer over another connection than the job came by")
    func answer() throws {
        let gate = Gate()
        let respond: @Sendable (String) -> JobQueue.Response = { workload in
            gate.pass()
            return .reply(Array(workload.utf8))
        }
        try Bench.run(connections: 2, respond: respond) { bench in
            let other = try bench.onCall()
            let peer = try bench.asking(answer: .assign("H:1", "job"))
            try gate.reached()
            peer.hangUp()
            gate.open()
            let anew = try bench.asking(for: 2)
            #expect(bench.finished.all == [["job"]])
            try anew.send(.assign("H:2", "next"), .noJob)
            try gate.reached(by: 2)
            gate.open()
            #expect(try anew.next() == .complete("H:2", "next"))
            // Nor over one that was there all the time.
            #expect(!bench.stop(within: 0))
            #expect(try other.rest() == [])
        }
    }

    @Test("is given up where it does not take what is sent to it")
    func deaf() throws {
        // More than all buffers on the way.
        let reply = [UInt8](repeating: 0x61, count: 64 << 20)
        try Bench.run(answerTime: 1, respond: { _ in .reply(reply) }) { bench in
            let peer = try bench.asking(answer: .assign("H:1", "job"))
            _ = try bench.connection()
            #expect(bench.events.all == ["connected", "lost: the job server takes nothing of what is sent to it for 1.0 s"])
            #expect(throws: Failure.self) { try peer.rest() }
        }
    }

    @Test("is told once where it refuses connections, and again when it does not")
    func refused() throws {
        try Bench.run(listens: false, connections: 3) { bench in
            try waitUntil("the loss is told") { !bench.events.all.isEmpty }
            bench.listen()
            for _ in 0..<3 { _ = try bench.asking(answer: .noJob) }
            try waitUntil("the return is told") { bench.events.all.count > 1 }
            #expect(bench.events.all == ["lost: Connection refused", "connected"])
        }
    }

    @Test("is told once where it has no address")
    func unresolved() throws {
        // With an empty part it is no name that anybody is asked for.
        var configuration = JobQueue.Configuration(servers: [JobServer(host: "a..invalid")], function: "f")
        configuration.longestWait = 0.001
        let events = Record<String>()
        let queue = JobQueue(configuration) {
            { _ in JobQueue.Answers(responses: []) {} }
        } report: { event in
            events.add("\(event)")
        }
        #expect(queue.start())
        try waitUntil("the loss is told") { !events.all.isEmpty }
        #expect(queue.stop(timeout: Double(Bench.patience)))
        #expect(events.all.count == 1)
        #expect(events.all.first?.contains("a..invalid: ") == true)
    }
}
