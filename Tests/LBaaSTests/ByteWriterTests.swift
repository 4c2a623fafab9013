import Glibc
import LBaaS
import Testing

@Suite("Text in the making") struct ByteWriterTests {
    @Test("Numbers are written as Swift writes them, beyond the room there was at first too")
    func numbers() {
        let numbers: [UInt64] = [0, 1, 9, 10, 11, 99, 100, 65_535, .max - 1, .max]
        var writer = ByteWriter(capacity: 0)
        for number in numbers {
            writer.append(decimal: number)
            writer.append(" ")
        }
        #expect(String(decoding: writer.bytes, as: UTF8.self) == numbers.map { "\($0) " }.joined())
    }
}

@Suite struct QuotedTextTests {
    @Test func textIsQuotedUnlessAByteOfItMustBeEscaped() {
        for length in 0...20 {
            for byte in UInt8.min...UInt8.max where byte < 0x80 {
                for place in 0..<max(length, 1) {
                    var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: length)
                    if length > 0 { bytes[place] = byte }
                    let text = String(decoding: bytes, as: UTF8.self)
                    var writer = ByteWriter(capacity: 4)
                    writer.append("<")
                    let isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
                    let isWritten = writer.append(quoted: text)
                    #expect(isWritten == isPlain)
                    #expect(String(decoding: writer.bytes, as: UTF8.self) == (isPlain ? "<\"\(text)\"" : "<"))
                }
            }
        }
        var writer = ByteWriter(capacity: 4)
        let isWritten = writer.append(quoted: "é ü 東京 🙂 and more")
        #expect(isWritten)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "\"é ü 東京 🙂 and more\"")
    }
}

@Suite struct AddressSpellingTests {
    @Test(arguments: [
        "1.2.3.4", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "1..3.4", ".1.2.3", "1.2.3.",
        "",
        "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\0", "1.2.3.-4", "0x1.2.3.4", "1234.1.1.1", "00.1.1.1", "::", "::1", "::ffff:1.2.3.4", "fe80::1%lo",
        "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "0000:0000:0000:0000:0000:ffff:255.255.255.255", "::ffff:256.1.1.1",
    ])
    func anAddressIsReadAsInetPtonReadsIt(text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        let isWhole = !text.utf8.contains(0)
        let isAddress = isWhole && (inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1)
        #expect((IPAddress(text) != nil) == isAddress)
        if isWhole && inet_pton(AF_INET, text, &v4) == 1 { #expect(IPAddress(text) == .v4(UInt32(bigEndian: v4.s_addr))) }
    }
}
