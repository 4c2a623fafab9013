import Foundation
import HostSystem
import TestSupport

/// The suite of faults: those that must be harmless one by one, and then random ones.
struct Faults {
    /// How long random faults come and go.
    var seconds = 1800
    var seed = UInt64.random(in: 1...999_999_999)
    /// Only what has this in its name; nil for all. The name of the random ones is "random faults".
    var only: String?
    /// How many times as long as usual things may take, for a machine that is busy or slow.
    var slack = 1

    /// Runs them.
    ///
    /// - Throws: the first that was not harmless.
    func run() async throws {
        try await inLab(Scenario.others + Scenario.faults, Lab.Options())
        var one = Lab.Options()
        one.members = 1
        one.etcd = ["--quota-backend-bytes", "16777216"]
        try await inLab([Self.fullEtcd], one)
        var many = Lab.Options()
        many.addresses = LabAddress.many(100, policy: "at_most_one") + LabAddress.many(200, policy: "at_least_one").suffix(100)
        many.interval = .milliseconds(50)
        try await inLab([Self.manyAddresses], many)
        guard only.map("random faults".contains) ?? true else { return }
        var options = Lab.Options()
        options.takeover = 2
        print("random faults for \(seconds) s, seed \(seed)")
        try await Lab.run(options) { lab in
            var faults = RandomFaults(lab, seed: seed, slack: slack)
            try await explained(lab) { try await faults.run(for: .seconds(seconds)) }
        }
    }

    private func inLab(_ scenarios: [Scenario], _ options: Lab.Options) async throws {
        let wanted = scenarios.filter { only.map($0.name.contains) ?? true }
        if wanted.isEmpty { return }
        try await Lab.run(options) { lab in
            for scenario in wanted {
                print(scenario.name, terminator: " ... ")
                fflush(nil)
                print("harmless; without an answer for \(try await silences(in: scenario, lab)) at most")
            }
        }
    }

    /// Runs a scenario. With slack it is run up to twice more where something took too long: the host may have stopped for that time. That two
    /// hosts answered is never excused.
    private func silences(in scenario: Scenario, _ lab: Lab) async throws -> String {
        for _ in 0..<(slack > 1 ? 2 : 0) {
            try await lab.isWhole()
            let observation = Observation(of: lab)
            do {
                try await scenario.body(lab)
                return observation.longestSilences
            } catch let error as TooLong {
                print("\(error); once more", terminator: " ... ")
                fflush(nil)
            }
        }
        try await lab.isWhole()
        let observation = Observation(of: lab)
        try await explained(lab) { try await scenario.body(lab) }
        return observation.longestSilences
    }

    /// Runs a body; where it fails, prints what the workers have logged.
    private func explained(_ lab: Lab, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            for host in lab.hosts {
                let lines = (try? host.worker.log.text.split(separator: "\n").suffix(80)) ?? []
                print("\nthe last lines of the worker of host \(host.number):\n\(lines.joined(separator: "\n"))")
            }
            throw error
        }
    }

    private static let fullEtcd = Scenario(name: "etcd is full for 6 s") { lab in
        let observation = Observation(of: lab)
        try await lab.etcd.fill()
        try await Task.sleep(for: .seconds(6))
        try await lab.etcd.makeRoom()
        try await lab.isWhole()
        try await observation.isComplete()
        for address in lab.options.addresses {
            try observation.expect(address, silentForAtMost: address.isAtMostOne ? .seconds(10) : Scenario.brief)
        }
    }

    private static let manyAddresses = Scenario(name: "200 addresses move at once: their owner stops, and is killed") { lab in
        for isKilled in [false, true] {
            let observation = Observation(of: lab)
            let owner = try await lab.owner(of: lab.options.addresses[0])
            if isKilled { try await owner.kill() } else { try await owner.stop() }
            try await observation.moved(lab.options.addresses, from: owner)
            try owner.start()
            try await lab.isWhole()
            try await observation.isComplete()
            for address in lab.options.addresses {
                try observation.expect(address, silentForAtMost: address.isAtMostOne ? .milliseconds(2000) : .milliseconds(500))
            }
        }
    }
}
