import Synchronization

/// Those who sign their requests (RFC 9421, `hmac-sha256`), and the nonces that they have used.
///
/// The third word of a line of the `PrincipalFile` is the secret of the key: 32 to 255 characters of printable ASCII without blanks.
package final class SignatureTable: Sendable {
    /// What a signature was accepted for.
    package struct Signer: Hashable, Sendable {
        /// Who has signed.
        package let principal: Principal
        /// The SHA-256 that the body must have; nil where there must be none.
        package let digest: [UInt8]?
    }

    /// The one method of signatures.
    static let method = "hmac-sha256"
    /// How old a signature may be, and by how much its clock may be ahead, in seconds.
    package static let (oldest, ahead) = (300, 10)
    /// The most bytes of a nonce.
    private static let longestNonce = 255

    private let clients: [String: (key: SigningKey, principal: Principal)]
    private let nonces: Mutex<[String: NonceMemory]>

    /// Reads a table.
    ///
    /// - Parameters:
    ///   - start: the time in seconds since 1970: what was signed before is not accepted, for it may have been accepted by another process.
    ///   - remembered: the most nonces of a key that are remembered.
    package init(_ text: String, start: Int, remembered: Int = 1 << 16) throws(PrincipalFile.Failure) {
        var clients: [String: (key: SigningKey, principal: Principal)] = [:]
        try PrincipalFile.read(text, third: "SECRET") { (principal, word) throws(PrincipalFile.LineFault) in
            guard let key = SigningKey(name: principal.name, secret: word) else {
                throw .init(
                    message:
                        "the secret of \(principal.name) is not of 32 to 255 characters of printable ASCII; `lbaasctl key new` makes one")
            }
            if let other = clients.values.first(where: { $0.key.hasSecret(of: key) }) {
                throw .init(message: "\(principal.name) has the secret of \(other.principal.name): give each a secret of its own")
            }
            clients[principal.name] = (key, principal)
        }
        self.clients = clients
        nonces = Mutex(clients.mapValues { _ in NonceMemory(since: start, limit: remembered) })
    }

    /// How many there are.
    package var count: Int { clients.count }

    /// Who has signed a request. A signature is accepted once.
    ///
    /// - Parameters:
    ///   - hasBody: whether a body follows. It must have the digest of the answer.
    ///   - now: the time, in seconds since 1970.
    package func signer(of request: SignedRequest, hasBody: Bool, now: Int) throws(SignatureFault) -> Signer {
        let (covered, code) = try read(request)
        let names = covered.items.compactMap(\.value.string)
        guard names.contains("@method"), names.contains("@target-uri") || ["@authority", "@path", "@query"].allSatisfy(names.contains)
        else {
            throw SignatureFault("the signature must cover @method, and @target-uri or all of @authority, @path and @query")
        }
        var digest: [UInt8]?
        if hasBody {
            guard names.contains(ContentDigest.name), let field = request.field(ContentDigest.name) else {
                throw SignatureFault("the signature must cover content-digest, for the request has a body")
            }
            digest = try ContentDigest.read(field)
        }
        let parameters = covered.parameters
        if let method = parameters["alg"], method != .string(Self.method) {
            throw SignatureFault("the signature is made by \(method.text), and this worker understands \"\(Self.method)\" only")
        }
        guard let created = parameters["created"]?.integer else {
            throw SignatureFault("the signature has no created, the time at which it was made in seconds since 1970")
        }
        guard let nonce = parameters["nonce"]?.string, (1...Self.longestNonce).contains(nonce.utf8.count) else {
            throw SignatureFault(
                "the signature has no nonce, a text of 1 to \(Self.longestNonce) characters that is another for each request")
        }
        guard let name = parameters["keyid"]?.string else { throw SignatureFault("the signature has no keyid, the name of its key") }
        guard let client = clients[name] else { throw SignatureFault("there is no key of the name \"\(name)\"") }
        try checkTime(created, expires: parameters["expires"], now)
        guard client.key.isCode(code, of: try request.base(covered)) else { throw SignatureFault("the signature does not match") }
        try take(nonce, of: name, created, now)
        return Signer(principal: client.principal, digest: digest)
    }

    /// The one signature of a request: what it covers, and its bytes.
    private func read(_ request: SignedRequest) throws(SignatureFault) -> (StructuredField.List, [UInt8]) {
        let (inputs, signatures) = (try members(of: "Signature-Input", request), try members(of: "Signature", request))
        guard inputs.count == 1, case .list(let covered)? = inputs.first?.member else {
            throw SignatureFault("Signature-Input: must have one signature, and has \(inputs.count)")
        }
        guard signatures.count == 1, signatures.first?.name == inputs.first?.name, case .item(let item)? = signatures.first?.member,
            case .bytes(let code) = item.value
        else { throw SignatureFault("Signature: must have the bytes of the signature that Signature-Input has, and nothing else") }
        return (covered, code)
    }

    private func members(
        of name: String, _ request: SignedRequest
    ) throws(SignatureFault) -> [(name: String, member: StructuredField.Member)] {
        do throws(StructuredField.Fault) {
            return try StructuredField.dictionary(request.field(name.lowercased()) ?? "")
        } catch {
            throw SignatureFault("\(name): \(error.sentence)")
        }
    }

    private func checkTime(_ created: Int, expires: StructuredField.Value?, _ now: Int) throws(SignatureFault) {
        if created < now - Self.oldest {
            throw SignatureFault("the signature is \(now - created) s old, and may be \(Self.oldest) s old; are both clocks right?")
        }
        if created > now + Self.ahead {
            throw SignatureFault("the signature is of \(created - now) s from now; are both clocks right?")
        }
        if let expires, expires.integer.map({ $0 < now }) ?? true { throw SignatureFault("the signature has expired") }
    }

    private func take(_ nonce: String, of name: String, _ created: Int, _ now: Int) throws(SignatureFault) {
        switch nonces.withLock({ $0[name]?.take(nonce, created: created, oldest: now - Self.oldest) }) {
        case .new?: return
        case .used?, nil: throw SignatureFault("the nonce was used before: a request cannot be sent again, sign a new one")
        case .tooOld(let start)?:
            throw SignatureFault("the signature is older than what this worker remembers, by \(start - created) s; sign a new one")
        }
    }
}
