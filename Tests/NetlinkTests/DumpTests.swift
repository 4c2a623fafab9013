import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("A list")
struct DumpTests {
    private typealias Word = ScriptedKernel.Word

    /// What came of listing.
    private struct Listing: Equatable {
        var commands: [UInt8] = []
        var restarts = 0
        var error: NetlinkError.Code?
        var number: Int32 = 0
    }

    /// Lists what the kernel says to the first, the second and each later attempt; keeps the requests.
    private func list(
        attempts: Int = 3, refusing refused: UInt8? = nil, _ words: ((Request) -> [Word])...
    ) throws -> (listing: Listing, requests: [Request]) {
        var attempt = 0
        let kernel = ScriptedKernel { requests in
            defer { attempt += 1 }
            return words[min(attempt, words.count - 1)](requests[0])
        }
        var listing = Listing()
        do {
            try GenericNetlink(kernel).dump(
                family, command: 4, attempts: attempts, write: { $0.put(1, 9 as UInt32) },
                each: { command, _ throws(NetlinkError) in
                    if command == refused { throw .malformed("a refused one") }
                    listing.commands.append(command)
                },
                restart: {
                    listing.commands = []
                    listing.restarts += 1
                })
        } catch {
            listing.error = error.code
            listing.number = error.number
        }
        return (listing, kernel.sends.flatMap { $0 })
    }

    /// Three messages and the end, the last two of them with these flags.
    private func whole(_ request: Request, flags: UInt16 = 2) -> [Word] {
        [
            .datagram(reply(1, flags: 2, to: request) + reply(2, flags: 2, to: request)),
            .datagram(reply(3, flags: flags, to: request) + done(request, flags: flags)),
        ]
    }

    /// Another list than the whole one, and not whole.
    private func changed(_ request: Request) -> [Word] { [.datagram(reply(8, to: request))] + whole(request, flags: 0x12) }

    @Test("is asked for with NLM_F_REQUEST and NLM_F_DUMP, and handed on as far as its end")
    func request() throws {
        let (listing, requests) = try list { whole($0) }
        #expect(listing == Listing(commands: [1, 2, 3]))
        #expect(requests.map(\.flags) == [0x301])
        #expect(requests.map(\.attributes) == [attribute(1, bytes(9 as UInt32))])
    }

    @Test("may be empty")
    func empty() throws {
        #expect(try list { [.datagram(done($0))] }.listing == Listing())
    }

    @Test("is asked for again where it changed meanwhile")
    func changing() throws {
        let (listing, requests) = try list(changed, changed, { whole($0) })
        #expect(listing == Listing(commands: [1, 2, 3], restarts: 2))
        #expect(requests.map(\.sequence) == [1, 2, 3])
    }

    @Test("is asked for again where only its end says that it changed")
    func changedAtTheEnd() throws {
        let (listing, _) = try list({ [.datagram(reply(8, flags: 2, to: $0) + done($0, flags: 0x12))] }, { whole($0) })
        #expect(listing == Listing(commands: [1, 2, 3], restarts: 1))
    }

    @Test("is not asked for without end")
    func alwaysChanging() throws {
        let (listing, requests) = try list(attempts: 5, changed)
        #expect(listing.error == .changing)
        #expect(listing.restarts == 4)
        #expect(requests.count == 5)
    }

    @Test("is asked for again where some of it is lost")
    func lost() throws {
        let (listing, _) = try list({ [.failure(NetlinkError(.lost, "full"))] + whole($0) }, { whole($0) })
        #expect(listing == Listing(commands: [1, 2, 3], restarts: 1))
    }

    @Test("is asked for again with a larger buffer where a datagram is larger")
    func truncated() throws {
        let long = attribute(1, [UInt8](repeating: 7, count: 65528))
        let (listing, _) = try list { [.datagram(reply(7, flags: 2, to: $0, long)), .datagram(done($0))] }
        #expect(listing == Listing(commands: [7], restarts: 1))
    }

    @Test("is refused at once, or at its end")
    func refused() throws {
        #expect(try list { [.datagram(verdict(EOPNOTSUPP, on: $0))] }.listing == Listing(error: .refused, number: EOPNOTSUPP))
        let atTheEnd = try list { [.datagram(reply(1, to: $0) + done($0, error: EINVAL))] }.listing
        #expect(atTheEnd == Listing(commands: [1], error: .refused, number: EINVAL))
    }

    @Test("is read to its end where who reads it refuses something")
    func reader() throws {
        let (listing, requests) = try list(refusing: 2) { whole($0) }
        #expect(listing == Listing(commands: [1], error: .malformed))
        #expect(requests.count == 1)
    }

    @Test("that cannot be read is an error", arguments: [[1, 2, 3], [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]])
    func garbage(bytes: [UInt8]) throws {
        #expect(try list { [.datagram(bytes)] + whole($0) }.listing.error == .malformed)
        // Where its end is lost with it.
        #expect(try list { [.datagram(reply(1, to: $0) + bytes)] }.listing == Listing(commands: [1], error: .malformed))
        #expect(try list { [.datagram(message(30, to: $0, [1])), .datagram(done($0))] }.listing.error == .malformed)
        #expect(try list { [.datagram(message(3, to: $0, []))] }.listing.error == .malformed)
    }

    @Test("that does not end is an error")
    func silence() throws {
        #expect(try list { [.datagram(reply(1, to: $0))] }.listing == Listing(commands: [1], error: .timedOut))
    }

    @Test("is not asked for with a request that is too long")
    func tooLong() {
        let kernel = ScriptedKernel { _ in [] }
        let error = failure { () throws(NetlinkError) in
            try GenericNetlink(kernel).dump(
                family, command: 4, write: { $0.put(1, text: String(repeating: "x", count: 70000)) }, each: { _, _ in }, restart: {})
        }
        #expect(error?.number == EMSGSIZE)
        #expect(kernel.sends.isEmpty)
    }
}
