@testable import Netlink

/// A family that there is only in tests.
let family = Family(id: 30, version: 7)

/// So many requests, each with its index as its command and in an attribute.
func requests(_ count: Int) -> Batch {
    var batch = Batch(family)
    for index in 0..<count {
        batch.append(command: UInt8(truncatingIfNeeded: index)) { $0.put(1, UInt32(index)) }
    }
    return batch
}

/// What came of a batch.
struct Outcome: Equatable {
    var failures: [Batch.Failure] = []
    var answers: [Answer] = []
    var interruption: Interruption?

    struct Answer: Equatable {
        let index: Int
        let command: UInt8
        var attributes: [UInt8] = []
    }

    struct Interruption: Equatable {
        let code: NetlinkError.Code
        let unknown: Range<Int>
        let unsent: Range<Int>
    }
}

extension GenericNetlink {
    /// Carries requests out and keeps what came of it.
    func outcome(_ batch: inout Batch) -> Outcome {
        var outcome = Outcome()
        do {
            outcome.failures = try carryOut(&batch) { index, command, attributes throws(NetlinkError) in
                outcome.answers.append(.init(index: index, command: command, attributes: attributes.copy()))
            }
        } catch {
            outcome.failures = error.failures
            outcome.interruption = .init(code: error.reason.code, unknown: error.unknown, unsent: error.unsent)
        }
        return outcome
    }

    func outcome(of count: Int) -> Outcome {
        var batch = requests(count)
        return outcome(&batch)
    }
}

/// The failure of an operation.
func failure(_ body: () throws(NetlinkError) -> Void) -> NetlinkError? {
    do throws(NetlinkError) {
        try body()
        return nil
    } catch {
        return error
    }
}
