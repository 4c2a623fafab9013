import Authorization
import Dispatch
import HostSystem
import LBaaS
import TestSupport
import Testing

@testable import FleetAuth

@Suite struct RuleTests {
    @Test("A password has a hash of argon2id with its difficulty, another one each time, and nothing else verifies")
    func passwords() throws {
        let easy = try #require(PasswordDifficulty(operations: 1, memory: 1))
        let hash = try #require(PasswordHash.make("correct horse", easy))
        #expect(hash.hasPrefix("$argon2id$v=19$m=1024,t=1,p=1$"))
        #expect(PasswordHash.make("correct horse", easy) != hash)
        #expect(PasswordHash.verify(hash, "correct horse"))
        for wrong in ["", "correct horse ", "Correct horse", "correct horse\0", String(repeating: "x", count: 5000)] {
            #expect(!PasswordHash.verify(hash, wrong), "\(wrong.prefix(20))")
        }
        for broken in ["", "$argon2id$", hash + "x", String(hash.dropLast()), "$2b$10$abc", String(repeating: "a", count: 500), "\0"] {
            #expect(!PasswordHash.verify(broken, "correct horse"), "\(broken)")
        }
        #expect(!PasswordHash.needsRehash(hash, easy))
        #expect(PasswordHash.needsRehash(hash, try #require(PasswordDifficulty(operations: 2, memory: 1))))
        #expect(PasswordHash.needsRehash(hash, .usual) && PasswordHash.needsRehash("", easy))
        #expect(PasswordDifficulty.usual == PasswordDifficulty(operations: 2, memory: 19))
        for (operations, memory) in [(0, 1), (1, 0), (101, 1), (1, 1025), (-1, 19)] {
            #expect(PasswordDifficulty(operations: operations, memory: memory) == nil)
        }
    }

    @Test("A name waits from its fifth failure on and an address from its twentieth, twice as long each time up to 30 s")
    func delays() {
        var delays = LoginDelays()
        var now = Duration.seconds(100)
        for _ in 0..<5 { #expect(delays.begin(name: "a", address: "1", now: now) == nil) }
        #expect(delays.isFirstDelay(name: "a"))
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            #expect(delays.begin(name: "a", address: "other", now: now) == .seconds(seconds))
            // Others are not held up.
            #expect(delays.begin(name: "b\(seconds)", address: "2", now: now) == nil)
            now += .seconds(seconds)
            #expect(delays.begin(name: "a", address: "other", now: now) == nil)
            #expect(!delays.isFirstDelay(name: "a"))
        }
        // Success forgets the failures of the name.
        delays.succeed(name: "a", address: "other")
        #expect(delays.begin(name: "a", address: "other", now: now) == nil)

        var byAddress = LoginDelays()
        for number in 0..<20 { #expect(byAddress.begin(name: "\(number)", address: "1", now: now) == nil) }
        #expect(byAddress.begin(name: "new", address: "1", now: now) == .seconds(1))
        #expect(byAddress.begin(name: "new", address: "2", now: now) == nil)
        // A user who is recognised does not wipe the slate of the address.
        byAddress.succeed(name: "0", address: "1")
        #expect(byAddress.begin(name: "1", address: "1", now: now) == nil)
        #expect(byAddress.begin(name: "1", address: "1", now: now) == .seconds(1))
        #expect(byAddress.begin(name: "1", address: "1", now: now + LoginDelays.memory) == nil)
    }

    @Test("A try that was not judged counts for nothing, and what is remembered has a limit")
    func delayLimits() {
        var delays = LoginDelays()
        for _ in 0..<50 {
            #expect(delays.begin(name: "a", address: "1", now: .zero) == nil)
            delays.withdraw(name: "a", address: "1")
        }
        for _ in 0..<5 { _ = delays.begin(name: "old", address: "old", now: .zero) }
        for number in 0..<(LoginDelays.mostSubjects + 5) {
            _ = delays.begin(name: "n\(number)", address: "a\(number)", now: .milliseconds(1 + number))
        }
        #expect(delays.begin(name: "old", address: "old", now: .zero) == nil)
    }

    @Test("Hashing has one thread, a limited queue, and a limit of time")
    func queue() async throws {
        let thread = try HashingThread()
        let gate = DispatchSemaphore(value: 0)
        let (entered, done, refused) = (Record<Int>(), Record<Int>(), Record<AuthError>())
        @Sendable func run(_ number: Int) throws {
            do throws(AuthError) {
                try thread.run(within: .seconds(60)) {
                    entered.add(number)
                    // The first is held until the queue was full.
                    if number == 0 { gate.wait() }
                    done.add(number)
                }
            } catch {
                refused.add(error)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await onThread { try run(0) } }
            try await eventually("the first") { entered.all == [0] }
            for number in 1...(HashingThread.mostWaiting + 3) { group.addTask { try await onThread { try run(number) } } }
            // Whoever comes then is refused at once.
            try await eventually("the refusals") { refused.all.count == 3 }
            #expect(refused.all.allSatisfy { $0.code == .busy && $0.retryAfter == 1 && $0.message.contains("16 others") })
            #expect(entered.all == [0])
            gate.signal()
            try await group.waitForAll()
        }
        #expect(done.all.count == 1 + HashingThread.mostWaiting && refused.all.count == 3)
        let late = try await onThread { try authError { _ = try thread.run(within: .milliseconds(10)) { sleepUntilLate() } } }
        #expect(late.code == .busy && late.message.contains("longer"))
    }

    @Test("Each role may do what it is for, in its own project, and admins in all", arguments: Role.allCases)
    func decisions(_ role: Role) {
        let session = Session(
            user: "1", name: "ann", role: role, project: "p", projectName: "shop", issued: Timestamp(microseconds: 0),
            expires: Timestamp(microseconds: 0), limit: nil, tokenName: "", credential: nil, tokenHash: "")
        for action in Action.allCases {
            for project in [nil, "p", "q"] {
                let isAllowed = role >= action.role && (project != "q" || role == .admin)
                let decision = session.decision(on: action, in: project)
                #expect((decision == .allowed) == isAllowed, "\(action) \(project ?? "-")")
                if case .denied(let reason) = decision { #expect(reason.contains("ann")) }
            }
        }
        #expect(session.sees("p") && session.sees("q") == (role == .admin))
    }
}

/// Takes longer than a test waits for.
private func sleepUntilLate() { _ = poll([:], until: HostSystem.Deadline(in: .milliseconds(200))) }
