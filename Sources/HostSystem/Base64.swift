import CCrypto

/// Base64 with the standard alphabet, padded (RFC 4648, section 4).
package enum Base64 {
    /// The text of some bytes.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        if bytes.isEmpty { return "" }
        let source = Array(bytes)
        return unsafe String(unsafeUninitializedCapacity: (source.count + 2) / 3 * 4 + 1) { buffer in
            guard let start = buffer.baseAddress else { return 0 }
            return Int(unsafe EVP_EncodeBlock(start, source, Int32(clamping: source.count)))
        }
    }

    /// The bytes of a text; nil where it is no base64.
    package static func decode(_ text: String) -> [UInt8]? {
        let source = Array(text.utf8)
        if source.isEmpty { return [] }
        // OpenSSL accepts spaces around the text, and counts the padding as bytes.
        let padding = source.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard source.count % 4 == 0, padding <= 2, source.dropLast(padding).allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "=") }) else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: source.count / 4 * 3)
        guard unsafe EVP_DecodeBlock(&bytes, source, Int32(clamping: source.count)) == bytes.count else { return nil }
        bytes.removeLast(padding)
        return bytes
    }
}
