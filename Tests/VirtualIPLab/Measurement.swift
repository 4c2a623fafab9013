import Foundation
import HostSystem
import LBaaS
import TestSupport

/// A case of the benchmark: something that befalls the owner of an address, again and again, and what the client sees of it.
struct Measurement: Sendable {
    let name: String
    var options: Lab.Options
    /// Whether the addresses have other owners then.
    var moves = true
    let begin: @Sendable (_ owner: LabHost, Lab) async throws -> Void
    var end: @Sendable (_ owner: LabHost, Lab) async throws -> Void = { _, _ in }

    /// Runs it so often, and prints the figures of each time.
    func run(_ count: Int) async throws {
        var options = options
        options.limit = Self.limit
        try await Lab.run(options) { lab in
            var owners = try await lab.owners()
            for _ in 0..<count { owners = try await once(lab, owners) }
        }
    }

    /// How long an answer may take.
    static let limit = Duration.milliseconds(100)

    /// Runs it once, and answers who owns the addresses then.
    private func once(_ lab: Lab, _ owners: [LabAddress: Int]) async throws -> [LabAddress: Int] {
        let owner = lab.host(owners[lab.options.addresses[0]] ?? 1)
        let observation = Observation(of: lab)
        try await begin(owner, lab)
        if moves { try await observation.moved(lab.options.addresses, from: owner) }
        try await end(owner, lab)
        try await lab.isWhole()
        try await observation.isComplete()
        let addresses = lab.options.addresses
        print("lost", addresses.map(observation.lost).max() ?? 0)
        print("silence", (addresses.map { observation.silence($0, .ping) }.max() ?? .zero) / .milliseconds(1))
        print("doubles", addresses.map { observation.doubles($0, .everyone) + observation.doubles($0, .whoHas) }.max() ?? 0)
        let next = try await lab.owners()
        print("moved", next == owners ? 0 : 1)
        return next
    }

    private static func options(_ addresses: [LabAddress], takeover: Int = 3) -> Lab.Options {
        var options = Lab.Options()
        options.addresses = addresses
        options.takeover = takeover
        return options
    }

    private static let one = LabAddress.many(1, policy: "at_most_one")

    /// Those of our own.
    static let all: [Measurement] = [
        Measurement(name: "failover-at-least-one", options: options(LabAddress.many(1, policy: "at_least_one"))) { owner, lab in
            try owner.failOver(lab.options.addresses[0])
        },
        Measurement(name: "failover-at-most-one", options: options(one)) { owner, lab in try owner.failOver(lab.options.addresses[0]) },
        Measurement(name: "killed", options: options(one)) { owner, _ in
            try await owner.kill()
        } end: { owner, _ in
            try owner.start()
        },
        Measurement(name: "frozen", options: options(one)) { owner, _ in
            try owner.freeze()
        } end: { owner, _ in
            try owner.thaw()
        },
        Measurement(name: "gone", options: options(one)) { owner, _ in
            try owner.setCarrier(false)
            owner.setLinks(.held)
        } end: { owner, _ in
            try owner.setCarrier(true)
            owner.setLinks(.open)
        },
        Measurement(name: "gone-leader", options: options(one)) { owner, lab in
            try owner.setCarrier(false)
            owner.setLinks(.held)
            await lab.etcd.kill(try await lab.etcd.leader())
        } end: { owner, lab in
            try owner.setCarrier(true)
            owner.setLinks(.open)
            try await lab.startMembers()
        },
        Measurement(name: "restarted", options: kept, moves: false) { owner, _ in
            try await owner.stop()
            try owner.start()
        },
        Measurement(name: "leader", options: defaultTimes, moves: false) { _, lab in
            await lab.etcd.kill(try await lab.etcd.leader())
            try await Task.sleep(for: .seconds(3))
            try await lab.startMembers()
        },
        Measurement(name: "move-200", options: many) { owner, _ in
            try await owner.kill()
        } end: { owner, _ in
            try owner.start()
        },
        Measurement(name: "move-1", options: few) { owner, _ in
            try await owner.kill()
        } end: { owner, _ in
            try owner.start()
        },
    ]

    /// The owner keeps its addresses over a restart.
    private static var kept: Lab.Options {
        var options = options(one)
        options.cluster = "release_on_stop = no"
        return options
    }

    /// etcd with its default times, which come behind those of the lab.
    private static var defaultTimes: Lab.Options {
        var options = options(one, takeover: 5)
        options.etcd = ["--heartbeat-interval", "100", "--election-timeout", "1000"]
        return options
    }

    private static var many: Lab.Options {
        var options = options(LabAddress.many(200, policy: "at_most_one"))
        options.interval = .milliseconds(20)
        return options
    }

    /// As `many`, for comparison.
    private static var few: Lab.Options {
        var options = options(one)
        options.interval = .milliseconds(20)
        return options
    }

    /// Prints how much of a processor each worker uses that has nothing to do, in percent, with 200 addresses.
    static func idle(seconds: Double) async throws {
        var options = many
        options.interval = .seconds(1)
        options.limit = .milliseconds(500)
        try await Lab.run(options) { lab in
            // All announcements but those each minute are over.
            try await Task.sleep(for: .seconds(8))
            let before = try lab.hosts.map { try $0.processorTime }
            try await Task.sleep(for: .seconds(seconds))
            for (host, time) in zip(lab.hosts, before) { print("percent", (try host.processorTime - time) / seconds * 100) }
        }
    }
}

extension Lab {
    /// Starts all members of etcd that do not run, and waits for them.
    func startMembers() async throws {
        for member in etcd.endpoints.indices where !etcd.isRunning(member) { try etcd.start(member) }
        try await etcd.isReady()
    }
}

extension LabHost {
    /// The processor time of its worker so far, in seconds.
    var processorTime: Double {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(worker.process.pid)/stat", encoding: .utf8)
            // The fields behind the name in parentheses, from the third on.
            let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { throw Failure(text) }
            return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }
}
