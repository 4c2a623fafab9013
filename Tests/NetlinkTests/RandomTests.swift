import Glibc
import NetlinkTestSupport
import TestSupport
import Testing

@testable import Netlink

@Suite("Whatever comes")
struct RandomTests {
    private static let seeds: Range<UInt64> = 0..<20

    /// Reads attributes in every way there is, and those within them; returns how many there were.
    private func read(_ bytes: RawSpan, depth: Int = 0) -> Int {
        var count = 0
        _ = failure { () throws(NetlinkError) in
            try bytes.forEachAttribute { type, value throws(NetlinkError) in
                count += 1
                #expect(type < 0x4000)
                #expect(value.copy().count == value.byteCount)
                #expect(value.text().utf8.count <= value.byteCount * 3)
                if value.byteCount == 4 { #expect(try value.number(UInt32.self) == UInt32(bigEndian: value.bigEndian(UInt32.self))) }
                if depth < 8 { count += read(value, depth: depth + 1) }
            }
        }
        return count
    }

    @Test("as attributes is read, or an error", arguments: seeds)
    func attributes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var count = 0
        for _ in 0..<500 {
            var bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Lengths that may be right, and of nests.
            for index in stride(from: 0, to: bytes.count, by: 4) where Bool.random(using: &generator) {
                bytes[index] = UInt8.random(in: 0...40, using: &generator)
                if index + 1 < bytes.count { bytes[index + 1] = 0 }
            }
            count += read(bytes.span.bytes)
        }
        #expect(count > 100)
    }

    @Test("as what was written is read", arguments: seeds)
    func writtenAndRead(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var sent: [Request] = []
        let kernel = ScriptedKernel { requests in
            sent += requests
            return [.datagram(verdict(0, on: requests[requests.count - 1]))]
        }
        let values = (0..<200).map { _ in
            (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                (0..<Int.random(in: 0...20, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            }
        }
        var batch = Batch(family, capacity: Int.random(in: 0...20000, using: &generator))
        for attributes in values {
            batch.append(command: 1) { request in
                for (type, value) in attributes.enumerated() { request.put(UInt16(type), bytes: value.span.bytes) }
            }
        }
        #expect(try GenericNetlink(kernel, requestsPerSend: 7).carryOut(&batch) == [])
        for (request, attributes) in zip(sent, values) {
            var read: [[UInt8]] = []
            try request.attributes.span.bytes.forEachAttribute { type, value throws(NetlinkError) in
                #expect(Int(type) == read.count)
                read.append(value.copy())
            }
            #expect(read == attributes)
        }
        #expect(sent.count == values.count)
    }

    /// Datagrams as the kernel may send them, and then damaged.
    private func words(_ requests: [Request], _ generator: inout SeededGenerator) -> [ScriptedKernel.Word] {
        (0..<Int.random(in: 0...6, using: &generator)).map { _ in
            guard let request = requests.randomElement(using: &generator) else { return .datagram([]) }
            var datagram =
                switch Int.random(in: 0...3, using: &generator) {
                case 0: verdict(ENOENT, on: request, words: "some words")
                case 1: verdict(0, on: request)
                case 2: reply(1, flags: 2, to: request, attribute(1, attribute(2, [1, 2, 3])))
                default: reply(1, flags: 2, to: request) + done(request)
                }
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                datagram[Int.random(in: 0..<datagram.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            if Int.random(in: 0...3, using: &generator) == 0 { datagram.removeLast(Int.random(in: 0..<datagram.count, using: &generator)) }
            return .datagram(datagram, sender: Int.random(in: 0...9, using: &generator) == 0 ? 1 : 0)
        }
    }

    @Test("as an answer to a batch, each request has one outcome", arguments: seeds)
    func batches(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let kernel = ScriptedKernel { requests in words(requests, &generator) }
        let netlink = GenericNetlink(kernel, requestsPerSend: 3)
        var interruptions = 0
        for _ in 0..<200 {
            let outcome = netlink.outcome(of: 8)
            guard let interruption = outcome.interruption else { continue }
            interruptions += 1
            #expect(interruption.unknown.upperBound == interruption.unsent.lowerBound)
            #expect(interruption.unsent.upperBound == 8)
            #expect(outcome.failures.allSatisfy { $0.index < interruption.unsent.lowerBound })
        }
        #expect(interruptions > 10)
    }

    @Test("as a list, it ends", arguments: seeds)
    func lists(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let kernel = ScriptedKernel { requests in words(requests, &generator) }
        let netlink = GenericNetlink(kernel)
        var ends = 0
        for _ in 0..<200 {
            let error = failure { () throws(NetlinkError) in
                try netlink.dump(family, command: 1, each: { _, attributes in _ = read(attributes) }, restart: {})
            }
            if error == nil { ends += 1 }
        }
        #expect(ends > 10)
        #expect(ends < 190)
    }
}
