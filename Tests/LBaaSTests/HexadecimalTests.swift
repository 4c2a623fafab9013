import LBaaS
import Testing

@Suite struct HexadecimalTests {
    @Test("Bytes are written as two digits each, and read back in either case")
    func bothWays() {
        let bytes = [UInt8](0...255)
        #expect(bytes.hexadecimal.hasPrefix("000102") && bytes.hexadecimal.hasSuffix("fdfeff"))
        #expect([UInt8](hexadecimal: bytes.hexadecimal.utf8) == bytes)
        #expect([UInt8](hexadecimal: bytes.hexadecimal.uppercased().utf8) == bytes)
        #expect([UInt8](hexadecimal: "".utf8) == [])
    }

    @Test("Anything but pairs of digits is not read", arguments: ["0", "000", "0g", "0x", " 0", "\u{FF10}\u{FF10}", "\u{B2}\u{B2}"])
    func notDigits(_ text: String) {
        #expect([UInt8](hexadecimal: text.utf8) == nil)
    }
}
