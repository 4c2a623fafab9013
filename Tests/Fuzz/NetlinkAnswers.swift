import LBaaS
import Netlink
import NetlinkTestSupport

@testable import IPVSDriver

/// What the kernel answers to each question of the IPVS driver. The first byte of the input says which it is; the datagrams of the answer
/// follow, each behind its length in two bytes.
func fuzzNetlinkAnswers(_ input: [UInt8]) {
    let answer = ScriptedKernel { requests in
        guard requests[0].type == 16 else { return datagrams(input.dropFirst()).map { .datagram($0) } }
        let number = attribute(1, bytes(25 as UInt16)) + attribute(3, bytes(1 as UInt32))
        return [.datagram(reply(1, to: requests[0], number)), .datagram(verdict(0, on: requests[0]))]
    }
    do {
        try ask(NetlinkKernel(GenericNetlink(answer)), question: Int(input.first ?? 0))
    } catch let error as KernelFailure {
        require(!error.message.isEmpty, "a failure without a reason")
    } catch let error as KernelInterruption {
        require(!error.message.isEmpty && error.unknown.upperBound == changes.count, "an interruption without a reason")
    } catch {
        fatalError("another error: \(error)")
    }
}

private let key = ServiceKey.address(.v4(0x0A00_0009), port: 80, protocol: 6)
private let changes: [Change] = [
    .readService(key), .deleteDestination(key, DestinationKey(.v4(0x0A01_0002), 8080)), .deleteService(key),
]

private func ask(_ kernel: NetlinkKernel, question: Int) throws {
    switch question % 6 {
    case 0: try kernel.forEachService { _ in }
    case 1: try kernel.forEachDestination(of: key, withStatistics: true) { _ in }
    case 2:
        let refused = try kernel.carryOut(changes) { index, _ in require(changes.indices.contains(index), "change \(index) was read") }
        require(refused.allSatisfy { changes.indices.contains($0.index) }, "a change that was not asked for is refused: \(refused)")
    case 3: _ = try kernel.daemons()
    case 4: _ = try kernel.timeouts()
    default: _ = try kernel.info()
    }
}

private func datagrams(_ input: ArraySlice<UInt8>) -> [[UInt8]] {
    var rest = input
    var datagrams: [[UInt8]] = []
    while rest.count >= 2 {
        let length = Int(number(UInt16.self, in: rest, at: 0))
        datagrams.append(Array(rest.dropFirst(2).prefix(length)))
        rest = rest.dropFirst(2 + length)
    }
    return datagrams
}
