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
    func code(of text: String) -> [UInt8] { MessageCode.sha256(of: Array(text.utf8), key: secret) }

    /// Whether a code is that of a text. It takes as long for one that is nearly right as for any other.
    func isCode(_ code: [UInt8], of text: String) -> Bool { MessageCode.areEqual(code, self.code(of: text)) }

    /// Whether another key has the same secret.
    func hasSecret(of other: SigningKey) -> Bool { secret == other.secret }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    /// The name: the secret is in no text of this value.
    package var description: String { "the key of \(name)" }
    /// The name alone.
    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}
