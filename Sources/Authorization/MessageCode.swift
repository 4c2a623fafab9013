import CCrypto

/// A code of a message that only who has the key can make: HMAC with SHA-256.
package enum MessageCode {
    /// The code of a message, 32 bytes.
    package static func sha256(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length = 0
        let made = unsafe EVP_Q_mac(
            nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, &code, code.count, &length)
        // Every system has it, and a program without memory ends anyway.
        if unsafe made == nil || length != code.count { fatalError("no memory for a message code") }
        return code
    }

    /// Whether two codes are the same, in a time that does not tell where they differ.
    package static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        unsafe one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}
