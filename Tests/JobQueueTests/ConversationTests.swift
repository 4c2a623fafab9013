import CGearman
import Testing

@testable import JobQueue

@Suite("What a connection has asked for")
struct ConversationTests {
    /// What packets mean behind so many questions for a job; the sentence of a failure ends it.
    private func meanings(_ commands: [gearman_command_t], asked: Int) -> [String] {
        var conversation = Conversation()
        conversation.ask(for: asked)
        var meanings: [String] = []
        for command in commands {
            let failure = sentence { () throws(ConnectionFailure) in meanings.append("\(try conversation.receive(command))") }
            if let failure { return meanings + [failure] }
        }
        return meanings
    }

    private static let job = GEARMAN_COMMAND_JOB_ASSIGN
    private static let none = GEARMAN_COMMAND_NO_JOB
    private static let noop = GEARMAN_COMMAND_NOOP
    private static let unasked = "the job server answers a question that was not asked"

    @Test(
        "gives each packet its meaning",
        arguments: [
            (0, [], []),
            // Outside a round a NOOP wakes, again and again.
            (0, [noop, noop], ["wakeUp", "wakeUp"]),
            // In a round it says nothing, until the last answer is there.
            (1, [noop, noop, none, noop], ["nothing", "nothing", "nothing", "wakeUp"]),
            (2, [job, noop, job, noop], ["job", "nothing", "job", "wakeUp"]),
            // A round is over when each question has its answer, and no sooner.
            (3, [job, none, none], ["job", "nothing", "nothing"]), (3, [none, none, job], ["nothing", "nothing", "job"]),
            // What was not asked for is refused.
            (0, [job], [unasked]), (0, [none], [unasked]), (1, [job, job], ["job", unasked]), (1, [none, none], ["nothing", unasked]),
            (2, [none, job, none], ["nothing", "job", unasked]), (0, [noop, none], ["wakeUp", unasked]),
        ] as [(Int, [gearman_command_t], [String])])
    func meaning(asked: Int, commands: [gearman_command_t], expected: [String]) {
        #expect(meanings(commands, asked: asked) == expected)
    }

    @Test("knows no other packets, in a round or outside", arguments: (0...45).map(UInt32.init) + [.max])
    func unknown(type: UInt32) {
        let command = gearman_command_t(type)
        if [Self.job, Self.none, Self.noop].contains(command) { return }
        for asked in 0...1 {
            #expect(meanings([command], asked: asked) == ["the job server sends a packet that no worker expects, of type \(type)"])
        }
    }

    @Test("counts the questions and the jobs of a round, and begins the next anew")
    func counts() throws {
        var conversation = Conversation()
        #expect([conversation.asked, conversation.unanswered, conversation.taken] == [0, 0, 0])
        conversation.ask(for: 3)
        #expect([conversation.asked, conversation.unanswered, conversation.taken] == [3, 3, 0])
        _ = try conversation.receive(Self.job)
        _ = try conversation.receive(Self.noop)
        #expect([conversation.asked, conversation.unanswered, conversation.taken] == [3, 2, 1])
        _ = try conversation.receive(Self.none)
        _ = try conversation.receive(Self.job)
        #expect([conversation.asked, conversation.unanswered, conversation.taken] == [3, 0, 2])
        conversation.ask(for: 5)
        #expect([conversation.asked, conversation.unanswered, conversation.taken] == [5, 5, 0])
    }
}

@Suite("How many jobs are asked for")
struct AppetiteTests {
    @Test(
        "follows what the rounds get",
        arguments: [
            // It doubles while there is all that was asked for, and goes no further than the most.
            ([1, 2, 4, 8, 16, 16], [1, 2, 4, 8, 16, 16, 16]),
            // It falls to what there was, and never under one.
            ([1, 2, 3], [1, 2, 4, 3]), ([1, 2, 4, 8, 16, 0], [1, 2, 4, 8, 16, 16, 1]), ([0, 0], [1, 1, 1]),
            // And grows from there.
            ([1, 2, 3, 3, 6, 12, 16], [1, 2, 4, 3, 6, 12, 16, 16]), ([1, 0, 1, 2], [1, 2, 1, 2, 4]),
        ] as [([Int], [Int])])
    func rounds(taken: [Int], expected: [Int]) {
        var appetite = Appetite()
        var counts = [appetite.count]
        for taken in taken {
            appetite.note(asked: appetite.count, taken: taken)
            counts.append(appetite.count)
        }
        #expect(counts == expected)
    }

    @Test("heeds the round that was over last, where connections ask at the same time")
    func together() {
        var appetite = Appetite()
        appetite.note(asked: 8, taken: 8)
        appetite.note(asked: 1, taken: 1)
        #expect(appetite.count == 2)
        appetite.note(asked: 16, taken: 5)
        #expect(appetite.count == 5)
    }
}
