import CCrypto

/// Certificates of authorities that were read and parsed, for any number of TLS connections at a time.
///
/// It is safe to be used by several threads: it is not changed once it is made, and OpenSSL counts its references and locks its lookups.
@safe package final class CertificateStore: @unchecked Sendable {
    /// Why there is no store of a text.
    package enum Failure: Error, Hashable, Sendable {
        /// The text has no certificate in PEM.
        case noCertificate
        /// A certificate cannot be read, by its place among them.
        case damaged(Int)
        /// There is no memory for it.
        case noMemory
    }

    private let pointer: OpaquePointer

    /// How many bytes the text had.
    package let size: Int

    /// Parses the certificates of a text. What else the text has, such as keys, is passed over.
    package init(pem: [UInt8]) throws(Failure) {
        guard let store = unsafe X509_STORE_new() else { throw .noMemory }
        unsafe pointer = store
        size = pem.count
        // As libcurl has it: an authority that is trusted ends the chain, whether it is at its root or not.
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_TRUSTED_FIRST) | UInt(X509_V_FLAG_PARTIAL_CHAIN))
        guard let text = unsafe BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { throw .noMemory }
        defer {
            unsafe BIO_free(text)
            // The end of the text counts as an error of this thread's, which others would take for theirs.
            ERR_clear_error()
        }
        var count = 0
        while let certificate = try unsafe Self.next(in: text, after: count) {
            unsafe X509_STORE_add_cert(store, certificate)
            unsafe X509_free(certificate)
            count += 1
        }
        if count == 0 { throw .noCertificate }
    }

    deinit { unsafe X509_STORE_free(pointer) }

    /// The next certificate; nil at the end.
    private static func next(in text: OpaquePointer, after count: Int) throws(Failure) -> OpaquePointer? {
        // A passphrase that is there keeps OpenSSL from asking for one at the terminal.
        var passphrase: [CChar] = [0]
        if let certificate = unsafe PEM_read_bio_X509_AUX(text, nil, nil, &passphrase) { return unsafe certificate }
        if ERR_peek_last_error() & 0x7F_FFFF == UInt(PEM_R_NO_START_LINE) { return nil }
        throw .damaged(count)
    }

    /// Has the connections of a context of OpenSSL's (`SSL_CTX`) verify certificates by these.
    ///
    /// - Parameter context: a valid context. It keeps the store for as long as it needs it.
    package func use(in context: UnsafeMutableRawPointer) {
        unsafe SSL_CTX_set1_cert_store(OpaquePointer(context), pointer)
    }
}
