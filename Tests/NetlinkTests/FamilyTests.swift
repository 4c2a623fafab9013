import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("A family's number")
struct FamilyTests {
    /// A kernel that answers with these attributes.
    private func kernel(_ attributes: [UInt8]) -> ScriptedKernel {
        ScriptedKernel { requests in [.datagram(reply(1, to: requests[0], attributes)), .datagram(verdict(0, on: requests[0]))] }
    }

    @Test("is asked for by its name, once")
    func once() throws {
        let kernel = kernel(
            attribute(2, Array("IPVS\0".utf8)) + attribute(1, bytes(33 as UInt16)) + attribute(3, bytes(1 as UInt32))
                + attribute(6, attribute(1, [])))
        let netlink = GenericNetlink(kernel)
        for _ in 0..<2 { #expect(try netlink.family("IPVS") == Family(id: 33, version: 1)) }
        let request = try #require(kernel.sends.first?.first)
        #expect(kernel.sends.count == 1)
        #expect(request.type == 16)
        #expect(request.command == 3)
        #expect(request.attributes == attribute(2, Array("IPVS\0".utf8)))
    }

    @Test("is unknown where the kernel refuses to tell it, and asked for again then")
    func unknown() {
        let kernel = ScriptedKernel { requests in [.datagram(verdict(ENOENT, on: requests[0]))] }
        let netlink = GenericNetlink(kernel)
        for _ in 0..<2 {
            let error = failure { () throws(NetlinkError) in _ = try netlink.family("IPVS") }
            #expect(error?.code == .unknownFamily)
            #expect(error?.number == ENOENT)
            #expect(error?.message.contains("IPVS") == true)
        }
        #expect(kernel.sends.count == 2)
    }

    @Test("is not made up", arguments: [[], attribute(1, [33]), attribute(3, bytes(1 as UInt32))])
    func malformed(attributes: [UInt8]) {
        let netlink = GenericNetlink(kernel(attributes))
        #expect(failure { () throws(NetlinkError) in _ = try netlink.family("IPVS") }?.code == .malformed)
    }

    @Test("is not there where the kernel is silent")
    func silent() {
        let netlink = GenericNetlink(ScriptedKernel { _ in [] })
        let error = failure { () throws(NetlinkError) in _ = try netlink.family("IPVS") }
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("5.0 seconds") == true)
    }
}
