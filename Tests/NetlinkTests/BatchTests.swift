import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("A batch")
struct BatchTests {
    /// A kernel that carries everything out.
    private func willing() -> ScriptedKernel {
        ScriptedKernel { requests in [.datagram(verdict(0, on: requests[requests.count - 1]))] }
    }

    @Test("goes in one send, and only its last request is acknowledged")
    func oneSend() throws {
        let kernel = willing()
        #expect(GenericNetlink(kernel).outcome(of: 3) == Outcome())
        #expect(kernel.sends.map { $0.map(\.sequence) } == [[1, 2, 3]])
        #expect(kernel.sends.map { $0.map(\.flags) } == [[1, 1, 5]])
        #expect(kernel.sends.map { $0.map(\.attributes) } == [(0..<3).map { attribute(1, bytes(UInt32($0))) }])
    }

    @Test("of nothing is not sent")
    func empty() {
        let kernel = willing()
        #expect(GenericNetlink(kernel).outcome(of: 0) == Outcome())
        #expect(kernel.sends.isEmpty)
    }

    @Test("is cut by the number of its requests, in order")
    func cutByNumber() {
        let kernel = willing()
        #expect(GenericNetlink(kernel, requestsPerSend: 4).outcome(of: 10) == Outcome())
        #expect(kernel.sends.map { $0.map(\.sequence) } == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]])
        #expect(
            kernel.sends.map { $0.map(\.isAcknowledged) } == [[false, false, false, true], [false, false, false, true], [false, true]])
    }

    @Test("is cut by the room of a send", arguments: [(1, [1, 1, 1]), (55, [1, 1, 1]), (56, [2, 1]), (83, [2, 1]), (84, [3])])
    func cutByBytes(room: Int, sizes: [Int]) {
        let kernel = willing()
        kernel.sendRoom = room
        #expect(GenericNetlink(kernel).outcome(of: 3) == Outcome())
        #expect(kernel.sends.map(\.count) == sizes)
    }

    @Test("is cut by the kernel's room for answers", arguments: [(0, 1), (4608, 1), (9215, 1), (9216, 2), (1 << 30, 1000)])
    func cutByAnswers(room: Int, size: Int) {
        let kernel = willing()
        kernel.receiveRoom = room
        #expect(GenericNetlink(kernel, requestsPerSend: 1000).outcome(of: 1000) == Outcome())
        #expect(kernel.sends.allSatisfy { $0.count == size })
    }

    @Test("tells which requests were refused, and why")
    func refused() {
        let kernel = ScriptedKernel { requests in
            [
                .datagram(verdict(EEXIST, on: requests[1])),
                .datagram(verdict(ENOENT, on: requests[2], words: "no such thing") + verdict(EINVAL, on: requests[4])),
            ]
        }
        let failures: [Batch.Failure] = [
            .init(index: 1, number: EEXIST, message: nil), .init(index: 2, number: ENOENT, message: "no such thing"),
            .init(index: 4, number: EINVAL, message: nil),
        ]
        #expect(GenericNetlink(kernel).outcome(of: 5) == Outcome(failures: failures))
        #expect(failures.map(\.description) == ["File exists", "No such file or directory: no such thing", "Invalid argument"])
    }

    @Test("tells the words of a kernel that repeats the whole request, too")
    func wholeRequest() {
        let kernel = ScriptedKernel { requests in
            let words = attribute(3, [1]) + attribute(1, Array("wrong".utf8) + [0])
            return [.datagram(message(2, flags: 0x200, to: requests[0], bytes(-EINVAL) + requests[0].bytes + words))]
        }
        #expect(GenericNetlink(kernel).outcome(of: 1) == Outcome(failures: [.init(index: 0, number: EINVAL, message: "wrong")]))
    }

    @Test("knows the indices of later sends")
    func laterSends() {
        let kernel = ScriptedKernel { requests in requests.map { .datagram(verdict(ESRCH, on: $0)) } }
        #expect(GenericNetlink(kernel, requestsPerSend: 2).outcome(of: 5).failures.map(\.index) == [0, 1, 2, 3, 4])
    }

    @Test("hands on what the kernel answers with")
    func answers() {
        let kernel = ScriptedKernel { requests in
            [
                .datagram(reply(9, to: requests[1], attribute(1, [1]))), .datagram(verdict(ESRCH, on: requests[2])),
                .datagram(reply(8, to: requests[3])), .datagram(verdict(0, on: requests[3])),
            ]
        }
        let outcome = Outcome(
            failures: [.init(index: 2, number: ESRCH, message: nil)],
            answers: [.init(index: 1, command: 9, attributes: attribute(1, [1])), .init(index: 3, command: 8)])
        #expect(GenericNetlink(kernel).outcome(of: 4) == outcome)
    }

    @Test("may be sent again, with new numbers")
    func again() {
        let kernel = willing()
        let netlink = GenericNetlink(kernel, requestsPerSend: 2)
        var batch = requests(3)
        #expect(netlink.outcome(&batch) == Outcome())
        batch.append(command: 9)
        #expect(netlink.outcome(&batch) == Outcome())
        #expect(kernel.sends.map { $0.map(\.sequence) } == [[1, 2], [3], [4, 5], [6, 7]])
        #expect(kernel.sends.map { $0.map(\.flags) } == [[1, 5], [5], [1, 5], [1, 5]])
    }

    @Test("does not take what others say for answers")
    func strangers() {
        let kernel = ScriptedKernel { requests in
            let foreign = verdict(EPERM, on: requests[0])
            // A notification has the number 0.
            let notification = [UInt8](reply(1, to: requests[0])[..<8]) + bytes(UInt32(0)) + [UInt8](reply(1, to: requests[0])[12...])
            let otherFamily = message(31, to: requests[0], [1, 0, 0, 0])
            return [
                .datagram(foreign, sender: 4711), .datagram([1, 2, 3], sender: 1), .datagram([]), .datagram(notification),
                .datagram(otherFamily), .datagram(verdict(0, on: requests[1])),
            ]
        }
        #expect(GenericNetlink(kernel).outcome(of: 2) == Outcome())
    }
}
