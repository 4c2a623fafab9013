import Glibc
import Netlink
import Testing

/// The kernel's own family `nlctrl`, which every kernel has and every user may ask.
@Suite("The kernel")
struct KernelTests {
    static let getFamily: UInt8 = 3
    static let newFamily: UInt8 = 1

    @Test("tells the number of a family")
    func family() throws {
        let netlink = try GenericNetlink()
        #expect(try netlink.family("nlctrl") == .controller)
        #expect(try netlink.family("nlctrl") == .controller)
    }

    @Test("does not know every family")
    func unknownFamily() throws {
        let netlink = try GenericNetlink()
        let error = #expect(throws: NetlinkError.self) { try netlink.family("no-such") }
        #expect(error?.code == .unknownFamily)
        #expect(error?.number == ENOENT)
        #expect(error?.message.contains("no-such") == true)
    }

    @Test("lists its families")
    func dump() throws {
        let netlink = try GenericNetlink()
        var names: [String] = []
        try netlink.dump(.controller, command: Self.getFamily) { command, attributes throws(NetlinkError) in
            #expect(command == Self.newFamily)
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                if type == 2 { names.append(value.text()) }
            }
        } restart: {
            names = []
        }
        #expect(names.contains("nlctrl"))
    }

    @Test("refuses many requests, and each is told", arguments: [1, 100, 1024, 4096])
    func manyFailures(requestsPerSend: Int) throws {
        let netlink = try GenericNetlink(requestsPerSend: requestsPerSend)
        var batch = Batch(.controller)
        for _ in 0..<3000 { batch.append(command: Self.getFamily) { $0.put(2, text: "no-such") } }
        let failures = try netlink.carryOut(&batch)
        #expect(failures.map(\.index) == Array(0..<3000))
        #expect(failures.allSatisfy { $0.number == ENOENT })
    }
}
