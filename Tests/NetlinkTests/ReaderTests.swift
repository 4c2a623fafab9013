import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("What the kernel says")
struct ReaderTests {
    /// The attributes, each with a copy of its value.
    private func read(_ bytes: [UInt8]) throws -> [UInt16: [UInt8]] {
        var values: [UInt16: [UInt8]] = [:]
        try bytes.span.bytes.forEachAttribute { type, value throws(NetlinkError) in values[type] = value.copy() }
        return values
    }

    @Test("has attributes, whose flags are no part of their type")
    func attributes() throws {
        let bytes = attribute(1, [1, 2, 3]) + attribute(0x8002, attribute(5, [6])) + attribute(0x4003, []) + attribute(4, [7])
        #expect(try read(bytes) == [1: [1, 2, 3], 2: attribute(5, [6]), 3: [], 4: [7]])
        #expect(try read([]) == [:])
        // The last one needs no padding.
        #expect(try read(attribute(1, [9]).dropLast(3)) == [1: [9]])
    }

    @Test(
        "is refused where an attribute has a wrong length",
        arguments: [
            ([0], "1 bytes behind"), ([8, 0, 1], "3 bytes behind"), ([0, 0, 1, 0], "attribute 1 of 0 bytes where 4 are left"),
            ([3, 0, 1, 0], "attribute 1 of 3 bytes"), ([5, 0, 1, 0], "attribute 1 of 5 bytes where 4 are left"),
            ([0xFF, 0xFF, 1, 0x80, 1, 1, 1, 1], "attribute 1 of 65535 bytes where 8 are left"),
        ] as [([UInt8], String)])
    func wrongLength(bytes: [UInt8], words: String) throws {
        let error = #expect(throws: NetlinkError.self) { try read(attribute(1, [1]) + bytes) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains(words) == true)
    }

    @Test("is numbers, of the right size only")
    func numbers() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        func check<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, _ value: Number) throws {
            let size = MemoryLayout<Number>.size
            #expect(try bytes.span.bytes.extracting(..<size).number(Number.self) == Number(littleEndian: value.byteSwapped))
            #expect(try bytes.span.bytes.extracting(..<size).bigEndian(Number.self) == value)
            #expect(try bytes.span.bytes.bigEndian(Number.self, at: 0) == value)
            for wrong in 0...8 where wrong != size {
                #expect(
                    failure { () throws(NetlinkError) in _ = try bytes.span.bytes.extracting(..<wrong).number(Number.self) }?.code
                        == .malformed)
            }
        }
        try check(UInt8.self, 1)
        try check(UInt16.self, 0x0102)
        try check(UInt32.self, 0x0102_0304)
        try check(UInt64.self, 0x0102_0304_0506_0708)
        #expect(try bytes.span.bytes.bigEndian(UInt32.self, at: 4) == 0x0506_0708)
        for offset in [-1, 5, 8, .max, .min] {
            #expect(failure { () throws(NetlinkError) in _ = try bytes.span.bytes.bigEndian(UInt32.self, at: offset) }?.code == .malformed)
        }
    }

    @Test("is text as far as its NUL", arguments: [("wrr\0", "wrr"), ("wrr", "wrr"), ("", ""), ("\0", ""), ("a\0b\0", "a")])
    func text(value: String, text: String) {
        #expect(Array(value.utf8).span.bytes.text() == text)
    }

    @Test("is text even where it is no UTF-8")
    func brokenText() {
        #expect(([0x61, 0xFF, 0x62, 0] as [UInt8]).span.bytes.text() == "a\u{FFFD}b")
    }
}
