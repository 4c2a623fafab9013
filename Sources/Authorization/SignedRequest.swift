/// What of a request a signature (RFC 9421) can be about.
package struct SignedRequest {
    /// Its method, such as `GET`.
    package let method: String
    /// `http` or `https`.
    package let scheme: String
    /// What `Host` says.
    package let authority: String
    /// The path as it is sent.
    package let path: String
    /// The query as it is sent, without the question mark; nil where there is no question mark.
    package let query: String?
    /// The values of all fields of a name, which is in small letters.
    package let fields: (String) -> [String]

    /// A request.
    package init(
        method: String, scheme: String, authority: String, path: String, query: String?,
        fields: @escaping (String) -> [String] = { _ in [] }
    ) {
        (self.method, self.scheme, self.authority) = (method, scheme, authority)
        (self.path, self.query, self.fields) = (path, query, fields)
    }

    /// All fields of a name as one; nil where there is none.
    func field(_ name: String) -> String? {
        let values = fields(name)
        return values.isEmpty ? nil : values.map(withoutBlanks).joined(separator: ", ")
    }

    /// The text that is signed, for a list of the components that it covers.
    ///
    /// - Throws: where one of them cannot be covered, or is not there.
    func base(_ covered: StructuredField.List) throws(SignatureFault) -> String {
        var lines = ""
        var seen: Set<String> = []
        for item in covered.items {
            guard let name = item.value.string, item.parameters.isEmpty, name.utf8.allSatisfy({ !(0x41...0x5A).contains($0) }) else {
                throw SignatureFault("the signature covers \(item.text), which this worker does not understand")
            }
            if !seen.insert(name).inserted { throw SignatureFault("the signature covers \(name) twice") }
            lines += "\"\(name)\": \(try value(of: name))\n"
        }
        return lines + "\"@signature-params\": \(covered.text)"
    }

    private func value(of name: String) throws(SignatureFault) -> String {
        switch name {
        case "@method": return method
        case "@scheme": return scheme
        case "@authority": return normalAuthority
        case "@path": return path.isEmpty ? "/" : path
        case "@query": return "?\(query ?? "")"
        case "@target-uri": return "\(scheme)://\(authority)\(path)\(query.map { "?\($0)" } ?? "")"
        case _ where name.hasPrefix("@"):
            throw SignatureFault("the signature covers \(name), which this worker does not understand")
        default:
            guard let value = field(name) else { throw SignatureFault("the signature covers \(name), which the request does not have") }
            return value
        }
    }

    /// In small letters, and without the port where it is that of the scheme.
    private var normalAuthority: String {
        let small = authority.lowercased()
        let port = scheme == "https" ? ":443" : ":80"
        return small.hasSuffix(port) ? String(small.dropLast(port.utf8.count)) : small
    }
}

/// Text without the blanks and tabs at its ends.
private func withoutBlanks(_ text: String) -> String {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let start = text.utf8.drop(while: isBlank)
    return String(Substring(start.prefix(start.count - start.reversed().prefix(while: isBlank).count)))
}

/// Why a signature is not accepted.
package struct SignatureFault: Error, Equatable, Sendable {
    /// For the client: what is wrong, and what to do. It has nothing secret.
    package let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
}

/// The digest of a body, for `Content-Digest` (RFC 9530).
package enum ContentDigest {
    static let name = "content-digest"
    private static let method = "sha-256"

    /// The value of the field for a body.
    package static func field(of body: [UInt8]) -> String { "\(method)=\(StructuredField.Value.bytes(Token.hash(body)).text)" }

    /// The SHA-256 that a field says.
    static func read(_ field: String) throws(SignatureFault) -> [UInt8] {
        let members: [(name: String, member: StructuredField.Member)]
        do throws(StructuredField.Fault) { members = try StructuredField.dictionary(field) } catch {
            throw SignatureFault("Content-Digest: \(error.sentence)")
        }
        guard case .item(let item)? = members.first(where: { $0.name == method })?.member, case .bytes(let digest) = item.value,
            digest.count == 32
        else { throw SignatureFault("Content-Digest: has no sha-256 of 32 bytes") }
        return digest
    }
}

extension SigningKey {
    /// The label of the signatures that are made here.
    private static let label = "lbaas"

    /// The fields that sign a request.
    ///
    /// - Parameters:
    ///   - body: nil where it has none.
    ///   - created: the time, in seconds since 1970.
    ///   - nonce: a text that was not used with this key before: letters, digits, `-` and `_`; nil for a random one.
    package func fields(
        signing request: SignedRequest, body: [UInt8]?, created: Int, nonce: String? = nil
    ) -> [(name: String, value: String)] {
        let digest = body.map(ContentDigest.field)
        let names = ["@method", "@authority", "@path", "@query"] + (digest == nil ? [] : [ContentDigest.name])
        let covered = StructuredField.List(
            items: names.map { StructuredField.Item(value: .string($0)) },
            parameters: .init([
                "created": .integer(created), "keyid": .string(name), "alg": .string(SignatureTable.method),
                "nonce": .string(nonce ?? Token.randomText()),
            ]))
        let whole = SignedRequest(
            method: request.method, scheme: request.scheme, authority: request.authority, path: request.path, query: request.query,
            fields: { $0 == ContentDigest.name ? digest.map { [$0] } ?? [] : [] })
        // All that is covered is there.
        guard let base = try? whole.base(covered) else { return [] }
        let signature = StructuredField.Value.bytes(code(of: base)).text
        return (digest.map { [("Content-Digest", $0)] } ?? [])
            + [("Signature-Input", "\(Self.label)=\(covered.text)"), ("Signature", "\(Self.label)=\(signature)")]
    }
}
