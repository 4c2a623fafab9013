import CCrypto

/// A secret that a client and a worker share, by which the client signs its requests. It is not sent.
package struct SigningKey: Hashable, Sendable {
    /// The name of its client, which is the `keyid` of a signature.
    package let name: String
    private let secret: [UInt8]

    /// A key; nil where the secret is not of 32 to 255 characters of printable ASCII, without blanks.
    package init?(name: String, secret: String) {
        guard (32...255).contains(secret.utf8.count), secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.name = name
        self.secret = Array(secret.utf8)
    }

    /// A key with any secret.
    init(name: String, bytes: [UInt8]) {
        self.name = name
        secret = bytes
    }

    /// A new secret of 256 random bits: `lbk_` and 43 letters, digits, `-` and `_`.
    package static func makeSecret() -> String { "lbk_" + Token.randomText() }

    /// The HMAC-SHA-256 of a text, 32 bytes.
    func code(of text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        var code = [UInt8](repeating: 0, count: 32)
        // Every system allows this method, and a program without memory ends anyway.
        if unsafe HMAC(EVP_sha256(), secret, Int32(secret.count), bytes, bytes.count, &code, nil) == nil {
            fatalError("no memory for a hash")
        }
        return code
    }

    /// Whether a code is that of a text. It takes as long for one that is nearly right as for any other.
    func isCode(_ code: [UInt8], of text: String) -> Bool {
        let right = self.code(of: text)
        return unsafe code.count == right.count && CRYPTO_memcmp(code, right, right.count) == 0
    }

    /// Whether another key has the same secret.
    func hasSecret(of other: SigningKey) -> Bool { secret == other.secret }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    /// The name: the secret is in no text of this value.
    package var description: String { "the key of \(name)" }
    /// The name alone.
    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}
