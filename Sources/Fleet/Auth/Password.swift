import CSodium

/// How much work a password is: argon2id of libsodium.
package struct PasswordDifficulty: Hashable, Sendable {
    /// How often the memory is gone through, 1 to 100.
    package let operations: Int
    /// The memory of a hash, in MiB, 1 to 1024.
    package let memory: Int

    /// The least that OWASP advises: 19 MiB, gone through twice; some 15 ms.
    package static let usual = PasswordDifficulty(uncheckedOperations: 2, memory: 19)

    /// A difficulty; nil where it is out of range.
    package init?(operations: Int, memory: Int) {
        guard (1...100).contains(operations), (1...1024).contains(memory) else { return nil }
        self.init(uncheckedOperations: operations, memory: memory)
    }

    private init(uncheckedOperations operations: Int, memory: Int) { (self.operations, self.memory) = (operations, memory) }

    var bytes: Int { memory << 20 }
}

/// Hashes of passwords, as texts `$argon2id$…` that have the difficulty and the salt in them. Each function takes the time and the memory that
/// the difficulty says, but for `needsRehash`.
enum PasswordHash {
    /// The most bytes of a password.
    static let longestPassword = 1024

    /// The hash of a password; nil where there is no memory for it.
    static func make(_ password: String, _ difficulty: PasswordDifficulty) -> String? {
        guard isReady else { return nil }
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_strbytes()))
        let password = password.utf8.map { CChar(bitPattern: $0) }
        let code = unsafe crypto_pwhash_str(
            &text, password, UInt64(password.count), UInt64(difficulty.operations), difficulty.bytes)
        guard code == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether a hash is that of a password. It takes as long for one that is not.
    static func verify(_ hash: String, _ password: String) -> Bool {
        guard isReady, let text = terminated(hash), password.utf8.count <= longestPassword else { return false }
        let password = password.utf8.map { CChar(bitPattern: $0) }
        return unsafe crypto_pwhash_str_verify(text, password, UInt64(password.count)) == 0
    }

    /// Whether a hash was made with another difficulty.
    static func needsRehash(_ hash: String, _ difficulty: PasswordDifficulty) -> Bool {
        guard isReady, let text = terminated(hash) else { return true }
        return unsafe crypto_pwhash_str_needs_rehash(text, UInt64(difficulty.operations), difficulty.bytes) != 0
    }

    /// A hash as libsodium takes it, with its whole buffer; nil for a text that is longer than a hash.
    private static func terminated(_ hash: String) -> [CChar]? {
        let size = Int(crypto_pwhash_strbytes())
        let text = hash.utf8.map { CChar(bitPattern: $0) }
        return text.count < size ? text + [CChar](repeating: 0, count: size - text.count) : nil
    }

    /// libsodium chooses its implementations once.
    private static let isReady = sodium_init() >= 0
}
