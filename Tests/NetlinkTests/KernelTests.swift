import Glibc
import Testing

@testable import Netlink

/// The kernel's own family `nlctrl`, which every kernel has and every user may ask.
@Suite("The kernel")
struct KernelTests {
    private let getFamily: UInt8 = 3
    private let newFamily: UInt8 = 1
    private let name: UInt16 = 2

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
                if type == 1 { id = try value.number(UInt16.self) }
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

    /// Requests for families of these names.
    private func batch(of names: [String]) -> Batch {
        var batch = Batch(.controller)
        for name in names { batch.append(command: getFamily) { $0.put(self.name, text: name) } }
        return batch
    }

    @Test("refuses 3,000 requests, and each is told", arguments: [1, 100, 1024, 3000], [1 as Int32, 65536, 4 << 20])
    func manyFailures(requestsPerSend: Int, receiveBuffer: Int32) throws {
        let netlink = try GenericNetlink(requestsPerSend: requestsPerSend, receiveBuffer: receiveBuffer)
        var batch = batch(of: Array(repeating: "no-such", count: 3000))
        let outcome = netlink.outcome(&batch)
        #expect(outcome == Outcome(failures: (0..<3000).map { .init(index: $0, number: ENOENT, message: nil) }))
    }

    @Test("refuses some requests and answers others, in a send that is cut by the send buffer")
    func someFailures() throws {
        let netlink = try GenericNetlink(sendBuffer: 2048)
        var batch = batch(of: (0..<3000).map { $0 % 3 == 1 ? "no-such" : "nlctrl" })
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
        let longName = String(repeating: "x", count: 70000)
        var batch = batch(of: ["nlctrl", longName, "nlctrl", longName])
        let outcome = try GenericNetlink().outcome(&batch)
        #expect(outcome.interruption == nil)
        #expect(outcome.failures.map(\.index) == [1, 3])
        #expect(outcome.failures.allSatisfy { $0.number == EMSGSIZE })
        #expect(outcome.answers.map(\.index) == [0, 2])
    }
}
