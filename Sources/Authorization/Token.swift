import CCrypto

/// A secret text by which somebody is recognised. It is kept nowhere but with its owner: others have its hash.
package enum Token {
    /// A new token of 256 random bits: `lbt_` and 43 letters, digits, `-` and `_`.
    package static func make() -> String { "lbt_" + randomText() }

    /// 258 random bits as 43 letters, digits, `-` and `_`.
    package static func randomText() -> String {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return String(decoding: (0..<43).map { _ in alphabet[Int(generator.next() & 63)] }, as: UTF8.self)
    }

    /// The SHA-256 of a token, 32 bytes.
    package static func hash(_ token: some StringProtocol) -> [UInt8] { hash(Array(token.utf8)) }

    /// The SHA-256 of bytes, 32 bytes.
    package static func hash(_ text: [UInt8]) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: 32)
        // Every system allows this method, and a program without memory ends anyway.
        if unsafe EVP_Digest(text, text.count, &hash, nil, EVP_sha256(), nil) != 1 { fatalError("no memory for a hash") }
        return hash
    }

    /// The token of an `Authorization: Bearer TOKEN` header; nil where it has none.
    package static func bearer(_ header: String) -> Substring? {
        guard header.prefix(7).lowercased() == "bearer " else { return nil }
        let token = header.dropFirst(7).drop { $0 == " " }
        return token.isEmpty || token.contains(" ") ? nil : token
    }
}
