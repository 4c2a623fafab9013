import Glibc
import TestSupport
import Testing

@testable import JobQueue

@Suite("A job that takes long")
struct LateTests {
    /// Answers jobs whose workload begins with `late` by other threads, which come to a gate first.
    private final class Late: Sendable {
        let gate = Gate()
        /// The late jobs whose answers are on their way, and whether the thread of the connection had to answer them.
        let finished = Record<(workload: String, isInPlace: Bool)>()

        func respond(to workload: String) -> JobQueue.Response {
            let reply = Array(workload.utf8)
            guard workload.hasPrefix("late") else { return .reply(reply) }
            let thread = pthread_self()
            return .later { [self] in
                let isInPlace = pthread_equal(thread, pthread_self()) != 0
                gate.pass()
                return JobQueue.Answer(reply: reply) { [self] in finished.add((workload, isInPlace)) }
            }
        }
    }

    private func run(connections: Int = 1, idleTime: Double? = nil, _ test: (Bench, Late) throws -> Void) throws {
        let late = Late()
        try Bench.run(connections: connections, idleTime: idleTime, respond: { late.respond(to: $0) }) { bench in
            try test(bench, late)
        }
    }

    @Test("is answered over the same connection, which goes on taking jobs meanwhile")
    func meanwhile() throws {
        try run { bench, late in
            let peer = try bench.asking(answer: .assign("H:1", "late 1"))
            try late.gate.reached()
            #expect(try peer.next() == .preSleep)
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            // One of a group holds up none of the others.
            try peer.send(.assign("H:2", "late 2"), .assign("H:3", "quick"))
            #expect(try peer.next() == .complete("H:3", "quick"))
            #expect(try peer.next(4) == Array(repeating: .grabJob, count: 4))
            try late.gate.reached(by: 2)
            late.gate.open(2)
            let answers = try peer.next(2)
            #expect(answers.contains(.complete("H:1", "late 1")))
            #expect(answers.contains(.complete("H:2", "late 2")))
            try waitUntil("what is left is done") { late.finished.all.count == 2 }
            #expect(bench.groups.all == [["late 1"], ["late 2", "quick"]])
        }
    }

    @Test("is waited for when the queue stops")
    func stop() throws {
        try run { bench, late in
            let peer = try bench.asking(answer: .assign("H:1", "late"))
            try late.gate.reached()
            #expect(try peer.next() == .preSleep)
            #expect(!bench.stop(within: 0.05))
            late.gate.open()
            #expect(try peer.rest() == [.complete("H:1", "late")])
            peer.hangUp()
            #expect(bench.stop(within: Double(Bench.patience)))
            #expect(late.finished.all.count == 1)
        }
    }

    @Test("holds the connection up where that has eight others")
    func most() throws {
        try run { bench, late in
            let peer = try bench.asking(answer: .assign("H:0", "late 0"))
            #expect(try peer.next() == .preSleep)
            try peer.send(.noop)
            var number = 1
            for count in [2, 4, 8] {
                #expect(try peer.next(count) == Array(repeating: .grabJob, count: count))
                let names = (number..<number + min(count, 9 - number)).map { "\($0)" }
                number += names.count
                try peer.send(
                    names.map { .assign("H:\($0)", "late \($0)") } + Array(repeating: .noJob, count: count - names.count))
            }
            try late.gate.reached(by: 9)
            late.gate.open(9)
            let answers = try peer.next(10)
            let isInOrder = try #require(answers.firstIndex(of: .complete("H:8", "late 8"))) < #require(answers.firstIndex(of: .preSleep))
            #expect(isInOrder)
            for name in 0..<9 { #expect(answers.contains(.complete("H:\(name)", "late \(name)"))) }
            try waitUntil("what is left is done") { late.finished.all.count == 9 }
            for (workload, isInPlace) in late.finished.all { #expect(isInPlace == (workload == "late 8")) }
        }
    }

    @Test("has a thread of its own again and again")
    func again() throws {
        try run { bench, late in
            late.gate.open(21)
            let peer = try bench.asking(answer: .assign("H:0", "late 0"))
            for number in 0..<20 {
                // The reply and the sleep come from two threads.
                let packets = try peer.next(2)
                #expect(packets.contains(.preSleep) && packets.contains(.complete("H:\(number)", "late \(number)")))
                try waitUntil("what is left is done") { late.finished.all.count == number + 1 }
                try peer.send(.noop)
                // A round of one job gets all, so the next asks for two, and gets one.
                let asked = 1 + (number + 1) % 2
                #expect(try peer.next(asked) == Array(repeating: .grabJob, count: asked))
                try peer.send([.assign("H:\(number + 1)", "late \(number + 1)")] + Array(repeating: .noJob, count: asked - 1))
            }
            #expect(late.finished.all.allSatisfy { !$0.isInPlace })
        }
    }

    @Test("goes nowhere when the connection is lost, and holds the stop up still")
    func lost() throws {
        try run { bench, late in
            let peer = try bench.asking(answer: .assign("H:1", "late"))
            try late.gate.reached()
            #expect(try peer.next() == .preSleep)
            peer.hangUp()
            let anew = try bench.onCall(askingFor: 2)
            #expect(bench.events.all == ["connected", "lost: the job server closed the connection", "connected"])
            #expect(!bench.stop(within: 0))
            #expect(try anew.rest() == [])
            anew.hangUp()
            #expect(!bench.stop(within: 0.2))
            late.gate.open()
            #expect(bench.stop(within: Double(Bench.patience)))
            #expect(late.finished.all.count == 1)
        }
    }

    @Test("is not answered over the connection that is made anew")
    func anew() throws {
        try run { bench, late in
            let peer = try bench.asking(answer: .assign("H:1", "late"))
            try late.gate.reached()
            peer.hangUp()
            let anew = try bench.asking(for: 2)
            late.gate.open()
            try waitUntil("the answer was sent, or not") { late.finished.all.count == 1 }
            try anew.send(.assign("H:2", "quick"), .noJob)
            #expect(try anew.next(2) == [.complete("H:2", "quick"), .preSleep])
        }
    }
}
