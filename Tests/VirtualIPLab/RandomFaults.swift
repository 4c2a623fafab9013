import HostSystem
import TestSupport

/// Random faults over a lab, and what the client saw meanwhile.
struct RandomFaults {
    let lab: Lab
    let history: FaultHistory
    private var generator: SeededGenerator
    private let start = Clock.bootTime()

    init(_ lab: Lab, seed: UInt64, slack: Int) {
        self.lab = lab
        history = FaultHistory(lab, slack: slack)
        generator = SeededGenerator(seed: seed)
    }

    /// Has faults come and go for so long, and then all end.
    ///
    /// - Throws: what the client saw and should not have.
    mutating func run(for time: Duration) async throws {
        var episodes = 0
        let watch = StallWatch { [history] in history.note(stall: $0) }
        defer { watch.end() }
        while Clock.bootTime() - start < time {
            try await episode()
            episodes += 1
            // One after the other without a break, now and then.
            if Bool.random(using: &generator) { try await pause(between: 0, and: 3) }
            if episodes % 4 == 0 { try await calm() }
        }
        try await calm()
        report(episodes)
    }

    /// One to three faults that begin one after the other, and end one after the other.
    private mutating func episode() async throws {
        let all = Fault.all(hosts: lab.options.hosts, members: lab.options.members)
        var running: [Trouble] = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let free = all.filter { fault in !running.contains { $0.fault.part == fault.part } }
            guard let fault = free.randomElement(using: &generator) else { break }
            running.append(try await begin(fault))
            try await pause(between: 0, and: 1.5)
        }
        try await pause(between: 0.2, and: Double(lab.options.takeover) * 2 + 4)
        running.shuffle(using: &generator)
        for trouble in running {
            try await end(trouble)
            try await pause(between: 0, and: 1)
        }
        try check()
    }

    private func begin(_ fault: Fault) async throws -> Trouble {
        say("\(fault)")
        history.note(fault, isBegin: true)
        let trouble = try await Trouble(fault, in: lab)
        if fault.isShort { history.note(fault, isBegin: false) }
        return trouble
    }

    private func end(_ trouble: Trouble) async throws {
        if trouble.fault.isShort { return }
        try await trouble.end(in: lab)
        history.note(trouble.fault, isBegin: false)
        say("no longer: \(trouble.fault)")
    }

    /// Everything works: then each address has one owner.
    private func calm() async throws {
        say("calm")
        try await lab.isWhole()
        try await lab.client.isComplete()
        try check()
    }

    private func check() throws {
        let violations = history.violations(lab, since: start)
        if !violations.isEmpty { throw Failure(violations.map(\.description).joined(separator: "\n")) }
    }

    private mutating func pause(between least: Double, and most: Double) async throws {
        try await Task.sleep(for: .seconds(Double.random(in: least...most, using: &generator)))
    }

    private func say(_ text: String) { print("\((Clock.bootTime() - start).seconds) s: \(text)") }

    private func report(_ episodes: Int) {
        for address in lab.options.addresses {
            let records = Question.allCases.map { ($0, lab.client.record(address.address, $0)) }
            let doubles = records.map { "\($0.1.doubles(since: start)) \($0.0.word)" }.joined(separator: ", ")
            let moves = records[1].1.runs(since: start).filter { $0.owners.count == 1 }.map { $0.owners[0] }
            let owners = zip(moves, moves.dropFirst()).count { $0 != $1 }
            let silence = records[0].1.longestSilence(since: start)
            print(
                "\(address.address) (\(address.policy)): moved \(owners) times; no answer to pings for \(silence.text) at most; "
                    + "several hosts answered \(doubles)")
        }
        let stalls = history.stalls
        print("\(episodes) episodes; the client was late by \(lab.client.takeDelay().text) at most")
        print("this machine stood still \(stalls.count) times, for \(stalls.longest.text) at most")
    }
}
