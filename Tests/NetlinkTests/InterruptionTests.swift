import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("A batch that is interrupted")
struct InterruptionTests {
    private typealias Word = ScriptedKernel.Word

    /// What comes of ten requests, four in a send, where the kernel carries the first send out and says something else of the second.
    private func outcome(_ words: @escaping ([Request]) throws(NetlinkError) -> [Word]) -> Outcome {
        let kernel = ScriptedKernel { requests throws(NetlinkError) in
            if requests[0].sequence == 5 { return try words(requests) }
            return [.datagram(verdict(EEXIST, on: requests[1])), .datagram(verdict(0, on: requests[requests.count - 1]))]
        }
        return GenericNetlink(kernel, requestsPerSend: 4).outcome(of: 10)
    }

    private func interrupted(
        _ code: NetlinkError.Code, unknown: Range<Int>, unsent: Range<Int> = 8..<10, failures: [Int] = [1]
    ) -> (Outcome) -> Bool {
        { $0.interruption == .init(code: code, unknown: unknown, unsent: unsent) && $0.failures.map(\.index) == failures }
    }

    @Test("by silence knows as far as the kernel was heard")
    func silence() {
        #expect(interrupted(.timedOut, unknown: 4..<8)(outcome { _ in [] }))
        #expect(
            interrupted(.timedOut, unknown: 7..<8, failures: [1, 4, 6])(
                outcome { [.datagram(verdict(ESRCH, on: $0[0])), .datagram(verdict(ESRCH, on: $0[2]))] }))
        // The last one was answered, but not acknowledged.
        #expect(interrupted(.timedOut, unknown: 8..<8)(outcome { [.datagram(reply(1, to: $0[3]))] }))
    }

    @Test("by a loss knows what it was told, and nothing else")
    func loss() {
        let full = NetlinkError(.lost, "full", number: ENOBUFS)
        #expect(
            interrupted(.lost, unknown: 4..<8, failures: [1, 5])(
                outcome { [.failure(full), .datagram(verdict(ESRCH, on: $0[1])), .datagram(verdict(0, on: $0[3]))] }))
        // Where the acknowledgement is lost as well.
        #expect(interrupted(.lost, unknown: 4..<8, failures: [1, 5])(outcome { [.failure(full), .datagram(verdict(ESRCH, on: $0[1]))] }))
    }

    @Test("by a datagram that is larger than the buffer has a larger one for the next")
    func truncated() {
        let long = attribute(1, [UInt8](repeating: 7, count: 65528))
        let kernel = ScriptedKernel { requests in [.datagram(reply(1, to: requests[0], long)), .datagram(verdict(0, on: requests[0]))] }
        let netlink = GenericNetlink(kernel)
        #expect(netlink.outcome(of: 1).interruption == .init(code: .lost, unknown: 0..<1, unsent: 1..<1))
        #expect(netlink.outcome(of: 1) == Outcome(answers: [.init(index: 0, command: 1, attributes: long)]))
    }

    @Test(
        "by what cannot be read knows nothing of the send",
        arguments: [
            [1], [UInt8](repeating: 0, count: 15), [15, 0, 0, 0] + [UInt8](repeating: 0, count: 12),
            [17, 0, 0, 0] + [UInt8](repeating: 0, count: 12), [255, 255, 255, 255] + [UInt8](repeating: 255, count: 40),
        ] as [[UInt8]])
    func garbage(bytes: [UInt8]) {
        let outcome = outcome { [.datagram(verdict(ESRCH, on: $0[1])), .datagram(bytes), .datagram(verdict(0, on: $0[3]))] }
        #expect(interrupted(.malformed, unknown: 4..<8, failures: [1, 5])(outcome))
    }

    @Test("by a verdict or an answer that is too short")
    func tooShort() {
        let verdicts = outcome { [.datagram(message(2, to: $0[1], [1, 2, 3])), .datagram(verdict(0, on: $0[3]))] }
        #expect(interrupted(.malformed, unknown: 4..<8)(verdicts))
        let answers = outcome { [.datagram(message(30, to: $0[1], [1, 2, 3])), .datagram(verdict(0, on: $0[3]))] }
        #expect(interrupted(.malformed, unknown: 8..<8)(answers))
    }

    @Test("by a send that fails has sent nothing of it")
    func send() {
        let outcome = outcome { _ throws(NetlinkError) in throw NetlinkError(.system, "cannot send", number: EMSGSIZE) }
        #expect(interrupted(.system, unknown: 4..<4, unsent: 4..<10)(outcome))
    }

    @Test("by a socket that fails")
    func receive() {
        #expect(interrupted(.system, unknown: 4..<8)(outcome { _ in [.failure(NetlinkError(.system, "gone"))] }))
    }

    @Test("by who reads the answers has the whole send's outcome")
    func reader() throws {
        let kernel = ScriptedKernel { requests in
            [.datagram(reply(1, to: requests[0]) + reply(1, to: requests[1])), .datagram(verdict(ESRCH, on: requests[3]))]
        }
        let netlink = GenericNetlink(kernel, requestsPerSend: 4)
        var batch = requests(10)
        var calls = 0
        let interruption = #expect(throws: BatchInterruption.self) {
            _ = try netlink.carryOut(&batch) { _, _, _ throws(NetlinkError) in
                calls += 1
                throw .malformed("nothing in it")
            }
        }
        #expect(calls == 1)
        #expect(interruption?.reason.message == "the kernel's answer cannot be read: nothing in it")
        #expect(interruption?.failures.map(\.index) == [3])
        #expect(interruption?.unknown == 4..<4)
        #expect(interruption?.unsent == 4..<10)
    }

    @Test("leaves nothing for the next to mistake")
    func late() {
        var first: Request?
        let kernel = ScriptedKernel { requests in
            guard let late = first else {
                first = requests[0]
                return []
            }
            return [.datagram(verdict(EPERM, on: late)), .datagram(reply(1, to: late)), .datagram(verdict(0, on: requests[0]))]
        }
        let netlink = GenericNetlink(kernel)
        #expect(netlink.outcome(of: 1).interruption?.code == .timedOut)
        #expect(netlink.outcome(of: 1) == Outcome())
    }

    @Test("where it would be asked by who reads its answers")
    func inUse() throws {
        let kernel = ScriptedKernel { requests in [.datagram(reply(1, to: requests[0])), .datagram(verdict(0, on: requests[0]))] }
        let netlink = GenericNetlink(kernel)
        var codes: [NetlinkError.Code?] = []
        try netlink.ask(
            family, command: 1,
            answer: { _, _ throws(NetlinkError) in
                codes.append(failure { () throws(NetlinkError) in try netlink.ask(family, command: 1) }?.code)
                var batch = requests(3)
                #expect(netlink.outcome(&batch).interruption == .init(code: .inUse, unknown: 0..<0, unsent: 0..<3))
            })
        #expect(codes == [.inUse])
        #expect(failure { () throws(NetlinkError) in try netlink.ask(family, command: 1) }?.code == nil)
        #expect(kernel.sends.count == 2)
    }
}
