import CCrypto

/// A fingerprint of bytes.
@safe struct Digest: ~Copyable {
    /// How it is made.
    enum Method {
        /// What Swift compares an object with.
        case md5
        /// What no two texts have in common.
        case sha256
    }

    private let context: OpaquePointer

    private init(_ context: OpaquePointer) { unsafe self.context = context }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Begins a fingerprint; nil where the system's rules do not allow that method, or no memory is left.
    static func begin(_ method: Method) -> Digest? {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        let digest = unsafe Digest(context)
        let type = unsafe method == .md5 ? EVP_md5() : EVP_sha256()
        if unsafe EVP_DigestInit_ex(digest.context, type, nil) != 1 { return nil }
        return digest
    }

    /// Takes in more bytes.
    func update(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { buffer in _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count) }
    }

    /// The fingerprint in hexadecimal digits.
    consuming func finish() -> String {
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        unsafe EVP_DigestFinal_ex(context, &bytes, &count)
        return String(decoding: bytes[..<Int(count)].flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The fingerprint by which a text is known, in hexadecimal digits.
    static func name(of text: String) -> String {
        // Every system allows this method, and a program without memory ends anyway.
        guard let digest = begin(.sha256) else { fatalError("no memory for a fingerprint") }
        digest.update(Array(text.utf8)[...])
        return digest.finish()
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
