import HostSystem
import TestSupport

/// What the client saw from a time on.
struct Observation {
    let lab: Lab
    let start = Clock.bootTime()

    init(of lab: Lab) { self.lab = lab }

    /// Waits until it is known who answered what was asked before now.
    ///
    /// - Throws: where several hosts answered for an address of the policy `at_most_one`.
    func isComplete() async throws {
        try await lab.client.isComplete()
        for address in lab.options.addresses where address.isAtMostOne {
            for question in Question.allCases where doubles(address, question) > 0 {
                throw Failure("several hosts answered \(doubles(address, question)) \(question.word) for \(address.address) (at_most_one)")
            }
        }
    }

    /// How many questions several hosts answered.
    func doubles(_ address: LabAddress, _ question: Question) -> Int {
        lab.client.record(address.address, question).doubles(since: start)
    }

    /// How many pings nobody answered.
    func lost(_ address: LabAddress) -> Int { lab.client.record(address.address, .ping).lost(since: start) }

    /// The longest time without an answer, by any kind of ping.
    func silence(_ address: LabAddress) -> Duration {
        [Question.ping, .everyone].map { silence(address, $0) }.max() ?? .zero
    }

    func silence(_ address: LabAddress, _ question: Question) -> Duration {
        lab.client.record(address.address, question).longestSilence(since: start)
    }

    /// Waits until addresses have other owners.
    func moved(_ addresses: [LabAddress], from owner: LabHost, within seconds: Double = 300) async throws {
        try await eventually("other owners of the addresses of host \(owner.number)", within: seconds) {
            addresses.allSatisfy { address in
                let record = lab.client.record(address.address, .ping)
                return record.end > start && record.owner.map { $0 != owner.number } ?? false
            }
        }
    }

    /// The longest time without an answer, of each policy, in words.
    var longestSilences: String {
        let silences = Dictionary(grouping: lab.options.addresses, by: \.policy).mapValues { $0.map(silence).max() ?? .zero }
        return silences.sorted { $0.key > $1.key }.map { "\($0.value.text) (\($0.key))" }.joined(separator: " and ")
    }

    /// Expects no longer silence than this.
    ///
    /// - Throws: `TooLong` where there was one.
    func expect(_ address: LabAddress, silentForAtMost limit: Duration) throws {
        for question in [Question.ping, .everyone] where silence(address, question) > limit {
            let time = silence(address, question).text
            throw TooLong(
                description: "\(address.address) (\(address.policy)): \(question.word) were not answered for \(time): at most \(limit.text)"
            )
        }
    }
}

/// A silence longer than allowed, or an address that moved for no reason: what a machine that stops for some time brings about, too.
struct TooLong: Error, CustomStringConvertible {
    let description: String
}
