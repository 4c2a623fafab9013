/// The messages of the kernel and of our side, put together and taken apart with nothing of what is tested.

/// A number as it lies in memory.
package func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number) { Array($0) }
}

/// The number that lies there.
package func number<Number: FixedWidthInteger>(_ type: Number.Type, in bytes: ArraySlice<UInt8>, at offset: Int) -> Number {
    bytes[(bytes.startIndex + offset)...].withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
}

/// An attribute with the bytes behind it as far as the next.
package func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
    let padding = [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
    return bytes(UInt16(4 + value.count)) + bytes(type) + value + padding
}

/// A message of the kernel.
package func message(_ type: UInt16, flags: UInt16 = 0, to request: Request, _ payload: [UInt8]) -> [UInt8] {
    bytes(UInt32(16 + payload.count)) + bytes(type) + bytes(flags) + bytes(request.sequence) + bytes(UInt32(4711)) + payload
}

/// The end of a list.
package func done(_ request: Request, flags: UInt16 = 2, error: Int32 = 0) -> [UInt8] {
    message(3, flags: flags, to: request, bytes(-error))
}

/// A message of the family: a command and attributes.
package func reply(_ command: UInt8, flags: UInt16 = 0, to request: Request, _ attributes: [UInt8] = []) -> [UInt8] {
    message(request.type, flags: flags, to: request, [command, 1, 0, 0] + attributes)
}

/// An acknowledgement, or an error, with the request's header only (0x100), and with words (0x200).
package func verdict(_ error: Int32, on request: Request, words: String? = nil) -> [UInt8] {
    let explanation = words.map { attribute(1, Array($0.utf8) + [0]) } ?? []
    let flags: UInt16 = words == nil ? 0x100 : 0x300
    return message(2, flags: flags, to: request, bytes(-error) + request.bytes.prefix(16) + explanation)
}

/// A message to the kernel.
package struct Request {
    package let bytes: [UInt8]

    package var length: UInt32 { number(UInt32.self, in: bytes[...], at: 0) }
    package var type: UInt16 { number(UInt16.self, in: bytes[...], at: 4) }
    package var flags: UInt16 { number(UInt16.self, in: bytes[...], at: 6) }
    package var sequence: UInt32 { number(UInt32.self, in: bytes[...], at: 8) }
    package var port: UInt32 { number(UInt32.self, in: bytes[...], at: 12) }
    package var command: UInt8 { bytes[16] }
    package var version: UInt8 { bytes[17] }
    package var attributes: [UInt8] { Array(bytes.dropFirst(20)) }
    package var isAcknowledged: Bool { flags & 4 != 0 }

    /// The messages of a send.
    package static func all(in bytes: [UInt8]) -> [Request] {
        var requests: [Request] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = Int(number(UInt32.self, in: rest, at: 0))
            requests.append(Request(bytes: Array(rest.prefix(length))))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return requests
    }
}
