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
