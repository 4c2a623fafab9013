import Glibc
import Testing

@testable import Netlink

/// The kernel's own family `nlctrl`, which every kernel has and every user may ask.
@Suite("The kernel")
struct KernelTests {
    private let getFamily: UInt8 = 3
    private let newFamily: UInt8 = 1
    private let id: UInt16 = 1
    private let name: UInt16 = 2
    private let known: UInt16 = 16
    private let unknown: UInt16 = 9999

    @Test("tells the number of a family")
    func family() throws {
        #expect(try GenericNetlink().family("nlctrl") == .controller)
    }

    /// What is wrong with a name of more than 15 letters differs from kernel to kernel.
    @Test("does not know every family", arguments: [("no-such", [ENOENT]), ("a-name-of-more-than-15-letters", [EINVAL, ERANGE])])
    func unknownFamily(name: String, numbers: [Int32]) throws {
        let netlink = try GenericNetlink()
        let error = try #require(failure { () throws(NetlinkError) in _ = try netlink.family(name) })
        #expect(error.code == .unknownFamily)
        #expect(numbers.contains(error.number))
    }

    @Test("lists its families")
    func list() throws {
        let netlink = try GenericNetlink()
        var families: [String: UInt16] = [:]
        try netlink.dump(.controller, command: getFamily) { command, attributes throws(NetlinkError) in
            #expect(command == newFamily)
            var name: String?
            var id: UInt16?
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                if type == self.name { name = value.text() }
                if type == self.id { id = try value.number(UInt16.self) }
            }
            if let name { families[name] = id }
        } restart: {
            families = [:]
        }
        #expect(families["nlctrl"] == 16)
        for (name, id) in families { #expect(try netlink.family(name).id == id) }
    }

    @Test("refuses a list of what has none")
    func noList() throws {
        let netlink = try GenericNetlink()
        let error = failure { () throws(NetlinkError) in
            try netlink.dump(.controller, command: 99, each: { _, _ in }, restart: {})
        }
        #expect(error?.code == .refused)
        #expect(error?.number == EOPNOTSUPP)
    }

    /// Requests for families of these numbers. Not of names: for each one that it does not know the kernel runs modprobe.
    private func batch(of families: [UInt16]) -> Batch {
        var batch = Batch(.controller)
        for family in families { batch.append(command: getFamily) { $0.put(id, family) } }
        return batch
    }

    @Test("refuses 3,000 requests, and each is told", arguments: [1, 100, 1024, 3000], [1 as Int32, 65536, 4 << 20])
    func manyFailures(requestsPerSend: Int, receiveBuffer: Int32) throws {
        let netlink = try GenericNetlink(requestsPerSend: requestsPerSend, receiveBuffer: receiveBuffer)
        var batch = batch(of: Array(repeating: unknown, count: 3000))
        let outcome = netlink.outcome(&batch)
        #expect(outcome == Outcome(failures: (0..<3000).map { .init(index: $0, number: ENOENT, message: nil) }))
    }

    @Test("refuses some requests and answers others, in a send that is cut by the send buffer")
    func someFailures() throws {
        let netlink = try GenericNetlink(sendBuffer: 2048)
        var batch = batch(of: (0..<3000).map { $0 % 3 == 1 ? unknown : known })
        let outcome = netlink.outcome(&batch)
        #expect(outcome.interruption == nil)
        #expect(outcome.failures.map(\.index) == (0..<3000).filter { $0 % 3 == 1 })
        #expect(outcome.answers.map(\.index) == (0..<3000).filter { $0 % 3 != 1 })
        #expect(outcome.answers.allSatisfy { $0.command == newFamily })
    }

    @Test("says in words why it refuses a request")
    func words() throws {
        var batch = Batch(.controller)
        batch.append(command: getFamily) { $0.put(name, text: "a-name-of-more-than-15-letters") }
        let failure = try #require(try GenericNetlink().carryOut(&batch).first)
        #expect(failure.message?.isEmpty == false)
        #expect(failure.description.hasSuffix(failure.message ?? "-"))
    }

    @Test("passes over a request that is too long")
    func tooLong() throws {
        var batch = Batch(.controller)
        for index in 0..<4 {
            batch.append(command: getFamily) { request in
                request.put(id, known)
                if index % 2 == 1 { request.put(name, text: String(repeating: "x", count: 70000)) }
            }
        }
        let outcome = try GenericNetlink().outcome(&batch)
        #expect(outcome.interruption == nil)
        #expect(outcome.failures.map(\.index) == [1, 3])
        #expect(outcome.failures.allSatisfy { $0.number == EMSGSIZE })
        #expect(outcome.answers.map(\.index) == [0, 2])
    }
}
